import { expect } from 'vitest';
import { eventually } from '../support/test-cluster.ts';
import { namespace, until } from './installed.ts';
import { kubectl, tryKubectl } from './kubectl.ts';

/** All objects of kleym, of every kind that the cluster can list, in every namespace and in none. */
export async function labelled(): Promise<string[]> {
  const kinds = (await kubectl(['api-resources', '--verbs=list', '-o', 'name'])).trim().split('\n');
  const found = await kubectl([
    'get',
    kinds.join(','),
    '--all-namespaces',
    '--selector=app.kubernetes.io/part-of=kleym',
    '--output=name',
  ]);
  return found.split('\n').filter(Boolean);
}

/** The names of the outputs of all bindings. */
export async function ourOutputs(): Promise<string[]> {
  const label = 'kleym.sonda.red/managed-by=kleym';
  const found = await kubectl(['get', 'clusterspiffeids', '-l', label, '-o', 'name']);
  return found.split('\n').filter(Boolean);
}

/** Waits until nothing of kleym is left, whatever it is called and labelled. */
export async function untilNothingIsLeft(): Promise<void> {
  await until(
    async () => (await tryKubectl(['get', 'namespace', namespace])).code === 1,
    'the namespace is gone',
  );
  const kinds =
    'clusterrole,clusterrolebinding,validatingadmissionpolicy,validatingadmissionpolicybinding,crd,namespace';
  const names = (await kubectl(['get', kinds, '-o', 'name'])).split('\n');
  const ours = names.filter(
    (name) => name.includes('kleym') && !/kleym-(test|reference-inference)/.test(name),
  );
  expect(ours).toEqual([]);
  expect(await ourOutputs()).toEqual([]);
  // Discovery still names the kind for a moment after its definition is gone.
  await eventually(async () => expect(await labelled()).toEqual([]));
}
