import type { Stack } from './stack.ts';

/** Where console, functions and broker listen. */
export function toAddresses({ functions, broker }: Stack): string {
  const names = Object.keys(functions.urls).join(',');
  return `  console     ${functions.url}\n  functions   ${functions.url}/{${names}}\n  broker      ${broker.url}`;
}

/** What somebody who has just started it can do next. */
export function toNextSteps({ functions }: Stack, kubeconfigFile: string): string {
  const kubectl = `kubectl --kubeconfig ${kubeconfigFile}`;
  const patch = `${kubectl} -n team-a patch iib batch --type merge -p`;
  return `Look at ${functions.url} in a browser, and go on in another terminal:

  ${kubectl} get iib -A
  ${kubectl} -n team-a describe iib chat
  ${kubectl} get clusterspiffeids
  ${patch} '{"spec":{"containerName":"chat"}}'      # a collision
  ${patch} '{"spec":{"containerName":"batch"}}'     # and its end

A function takes one CloudEvent and answers with one at most:

  curl -i ${functions.urls['reconcile']} -H 'ce-specversion: 1.0' -H 'ce-id: 1' -H 'ce-source: me' \\
    -H 'ce-type: red.sonda.kleym.bindings.affected' -H 'content-type: application/json' \\
    -d '{"bindings":[{"namespace":"team-a","names":["chat"]}]}'

Ctrl-C stops everything.
`;
}
