import type { KubeConfig } from '@kubernetes/client-node';
import { loadKubeConfig } from '../../shared/kube/kube-config.ts';
import type { FlagValues } from '../command-line/flags.ts';
import { toSuggestion } from '../../shared/text/suggest.ts';

/** Which cluster is asked, and as whom. */
export interface Target {
  readonly kubeConfig: KubeConfig;
  /** The namespace that is meant where none is named. */
  readonly namespace: string;
}

type ConfigFlags = Pick<FlagValues, 'kubeconfig' | 'context' | 'cluster' | 'user' | 'namespace'>;

/** The kubeconfig with the flags in the place of what it says; what is wrong with them is thrown. */
export function loadTarget(flags: ConfigFlags): Target {
  const kubeConfig = loadKubeConfig({
    ...(flags.kubeconfig !== undefined && { file: flags.kubeconfig }),
    ...(flags.context !== undefined && { context: flags.context }),
  });
  const current = kubeConfig.getCurrentContext();
  requireKnown('cluster', flags.cluster, kubeConfig.clusters);
  requireKnown('user', flags.user, kubeConfig.users);
  kubeConfig.contexts = kubeConfig.contexts.map((context) =>
    context.name === current
      ? { ...context, cluster: flags.cluster ?? context.cluster, user: flags.user ?? context.user }
      : context,
  );
  const ofContext = kubeConfig.getContextObject(current)?.namespace;
  return { kubeConfig, namespace: flags.namespace ?? (ofContext || 'default') };
}

/** The names of the contexts. */
export function listContexts({ kubeconfig }: ConfigFlags): readonly string[] {
  return loadKubeConfig(kubeconfig === undefined ? {} : { file: kubeconfig })
    .getContexts()
    .map(({ name }) => name);
}

function requireKnown(
  kind: 'cluster' | 'user',
  name: string | undefined,
  known: readonly { readonly name: string }[],
): void {
  const names = known.map((one) => one.name);
  if (name === undefined || names.includes(name)) return;
  throw new Error(
    `the kubeconfig has no ${kind} "${name}"${toSuggestion(name, names) || `; it has ${names.join(', ')}`}`,
  );
}
