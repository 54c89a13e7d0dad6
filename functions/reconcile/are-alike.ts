import { UncertainError } from '../../shared/api/uncertain-error.ts';
import { getBindings } from '../../shared/collect/bindings-by-name.ts';
import { maxReadsByName } from '../../shared/collect/limits.ts';
import { listOtherShapes, shapeOf } from '../../shared/collect/neighbourhood.ts';
import { readSources } from '../../shared/collect/read-sources.ts';
import { findKey } from '../../shared/identity/render-identity.ts';
import type { Settings } from '../../shared/identity/settings.ts';
import type { ClusterReads } from '../../shared/kube/cluster.ts';

/**
 * Whether the keys of these bindings and of their namespace have one shape. It reads some of them, and asks for those of
 * another shape that were evaluated. If that is not known, or wrong, a look costs more, and no more than that.
 */
export async function areAlike(
  cluster: ClusterReads,
  { namespace, names }: { readonly namespace: string; readonly names: readonly string[] },
  settings: Settings,
): Promise<boolean> {
  try {
    const bindings = await getBindings(cluster, namespace, names.slice(0, maxReadsByName));
    const { sources } = await readSources(cluster, namespace, bindings.values());
    const keys = [...bindings.values()].flatMap((binding) => findKey(binding, sources, settings) ?? []);
    const [shape, ...more] = new Set(keys.map(shapeOf));
    if (keys.length === 0) return true;
    if (shape === undefined || more.length > 0) return false;
    return (await listOtherShapes(cluster, { namespace, shape })) !== 'many';
  } catch (error) {
    // The run meets it too, and says it for each of its bindings.
    if (error instanceof UncertainError) return false;
    throw error;
  }
}
