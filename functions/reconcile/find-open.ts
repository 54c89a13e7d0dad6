import { type Binding, bindingFields } from '../../shared/api/binding.ts';
import { UncertainError } from '../../shared/api/uncertain-error.ts';
import { listServed } from '../../shared/collect/neighbourhood.ts';
import { isNew } from '../../shared/decide/decide-new.ts';
import type { ClusterReads, PartialList } from '../../shared/kube/cluster.ts';

/** `fresh`: new bindings of a namespace. `owning`: those that were named as new and own an output by now. */
interface Open {
  readonly fresh: readonly string[];
  readonly owning: ReadonlySet<string>;
}

/** One page, and more than a round announces. */
const mostOpen = 512;

/**
 * Asks for all bindings of a namespace that own no output. If they are many, nobody knows who owns one. A binding that is
 * gone is not among them either: the event of its deletion leads to what it left.
 */
export async function findOpen(
  cluster: ClusterReads,
  namespace: string,
  namedAsNew: readonly string[],
): Promise<Open> {
  const field = { path: bindingFields.claimKind, notIn: ['owning'] };
  const { items, isComplete } = await listSome(cluster, { namespace, field, most: mostOpen });
  const fresh = items.filter(isNew).map(({ metadata }) => metadata.name);
  if (!isComplete) return { fresh, owning: new Set() };
  const open = new Set(items.map(({ metadata }) => metadata.name));
  return { fresh, owning: new Set(namedAsNew.filter((name) => !open.has(name))) };
}

type Some = Pick<PartialList<Binding>, 'items' | 'isComplete' | 'remaining' | 'length'>;

/** None, if the API server does not say: the run meets that too, and says it for each of its bindings. */
export async function listSome(
  cluster: ClusterReads,
  where: Parameters<typeof listServed>[1],
): Promise<Some> {
  try {
    return await listServed(cluster, where);
  } catch (error) {
    if (error instanceof UncertainError) return { items: [], isComplete: false };
    throw error;
  }
}
