import { getBindings } from '../../shared/collect/bindings-by-name.ts';
import { readSources } from '../../shared/collect/read-sources.ts';
import { isSettled } from '../../shared/decide/own-reason.ts';
import { renderIdentity } from '../../shared/identity/render-identity.ts';
import type { Settings } from '../../shared/identity/settings.ts';
import type { ClusterReads } from '../../shared/kube/cluster.ts';

/**
 * Which of a few bindings do not show any more why the sweep named them. It reads them, and then their pools and
 * objectives, by name: this costs the API server far less than a look at their neighbours. A binding that is gone is not
 * among them, because it may have left an output.
 */
export async function findSettled(
  cluster: ClusterReads,
  { namespace, names }: { readonly namespace: string; readonly names: readonly string[] },
  settings: Settings,
): Promise<ReadonlySet<string>> {
  const bindings = await getBindings(cluster, namespace, names);
  // Of those that show a reason alone, pool and objective do not matter.
  const quiet = [...bindings.values()].filter((one) => isSettled(one, one.status?.observed ?? {}, settings));
  const { sources } = await readSources(cluster, namespace, quiet);
  const settled = quiet.filter((one) =>
    isSettled(one, renderIdentity(one, sources, settings).observed, settings),
  );
  return new Set(settled.map(({ metadata }) => metadata.name));
}
