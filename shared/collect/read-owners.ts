import type { Output } from '../api/cluster-spiffe-id.ts';
import { forEachLimited } from '../concurrency/for-each-limited.ts';
import { ownerUidOf, parseOwner } from '../identity/ownership.ts';
import type { ClusterReads } from '../kube/cluster.ts';
import { isPresent, throwBindingsUnserved } from '../kube/read-guards.ts';
import { type BindingsByName, toBindingsByName } from './bindings-by-name.ts';
import { maxReadsByName, readsAtOnce } from './limits.ts';

/**
 * An owner that no list shows, or shows as another object, is read by name before anybody calls it gone. If there are
 * many, one list of the namespace says the same, because it is later than the outputs.
 */
export async function readOwners(
  cluster: ClusterReads,
  namespace: string,
  listed: BindingsByName,
  outputs: readonly Output[],
): Promise<BindingsByName> {
  const missing = findMissing(namespace, listed, outputs);
  const bindings = new Map(listed);
  if (missing.size > maxReadsByName) {
    const later = await cluster.listBindings({ namespace });
    const all = toBindingsByName(later === 'unserved' ? throwBindingsUnserved() : later.items);
    for (const name of missing) replace(bindings, name, all.get(name));
    return bindings;
  }
  await forEachLimited(missing, readsAtOnce, async (name) => {
    const binding = await cluster.getBinding(namespace, name);
    replace(bindings, name, isPresent(binding, throwBindingsUnserved) ? binding : undefined);
  });
  return bindings;
}

function replace<T>(map: Map<string, T>, name: string, value: T | undefined): void {
  if (value === undefined) map.delete(name);
  else map.set(name, value);
}

function findMissing(namespace: string, listed: BindingsByName, outputs: readonly Output[]): Set<string> {
  const missing = outputs.flatMap((output) => {
    const owner = parseOwner(output, namespace);
    if (owner === undefined) return [];
    const uid = ownerUidOf(output);
    const known = listed.get(owner);
    return known && (uid === undefined || uid === known.metadata.uid) ? [] : [owner];
  });
  return new Set(missing);
}
