import { UncertainError } from '../../shared/api/uncertain-error.ts';
import { getBindings } from '../../shared/collect/bindings-by-name.ts';
import { readSources } from '../../shared/collect/read-sources.ts';
import { isSettled } from '../../shared/decide/own-reason.ts';
import { renderIdentity } from '../../shared/identity/render-identity.ts';
import type { Settings } from '../../shared/identity/settings.ts';
import type { ClusterReads } from '../../shared/kube/cluster.ts';

/**
 * Which of a few bindings do not show any more why they were named. It reads them, and then their pools and objectives,
 * by name: this costs the API server far less than a look at their neighbours. A binding that is gone is not among them,
 * because it may have left an output; and none is if one read fails, because a look meets that too and says it for each.
 */
export async function findSettled(
  cluster: ClusterReads,
  named: NamedBindings,
  settings: Settings,
): Promise<ReadonlySet<string>> {
  try {
    return await readSettled(cluster, named, settings);
  } catch (error) {
    if (error instanceof UncertainError) return new Set();
    throw error;
  }
}

interface NamedBindings {
  readonly namespace: string;
  readonly names: readonly string[];
}

async function readSettled(
  cluster: ClusterReads,
  { namespace, names }: NamedBindings,
  settings: Settings,
): Promise<Set<string>> {
  const bindings = await getBindings(cluster, namespace, names);
  // Of those that show a reason alone, pool and objective do not matter.
  const quiet = [...bindings.values()].filter((one) => isSettled(one, one.status?.observed ?? {}, settings));
  const { sources } = await readSources(cluster, namespace, quiet);
  const settled = quiet.filter((one) =>
    isSettled(one, renderIdentity(one, sources, settings).observed, settings),
  );
  return new Set(settled.map(({ metadata }) => metadata.name));
}
