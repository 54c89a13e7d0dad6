import type { ObjectMeta } from '../api/object-meta.ts';
import { compareText } from '../identity/canonical.ts';
import type { Found, Listed } from '../kube/cluster.ts';
import { throwDefinitionRemoved, isPresent } from '../kube/read-guards.ts';

/**
 * Merges several lists of one kind, at the time of the earliest. If two lists show an object in two states, it was
 * written between them, and is read once more, later than both.
 */
export async function mergeLists<T extends { readonly metadata: ObjectMeta }>(
  lists: readonly Listed<T>[],
  reread: (name: string) => Promise<Found<T>>,
): Promise<Listed<T>> {
  const items = new Map<string, T>();
  const torn = new Set<string>();
  for (const item of lists.flatMap((list) => list.items)) {
    const { name, uid, resourceVersion } = item.metadata;
    const other = items.get(name)?.metadata;
    if (other && (other.uid !== uid || other.resourceVersion !== resourceVersion)) torn.add(name);
    items.set(name, item);
  }
  for (const name of torn) {
    const item = await reread(name);
    if (isPresent(item, throwDefinitionRemoved)) items.set(name, item);
    else items.delete(name);
  }
  const at = lists.map((list) => list.at).toSorted(compareText)[0] ?? '';
  return { items: [...items.values()], at };
}
