import type { Output } from '../api/cluster-spiffe-id.ts';
import { ownerUidOf, parseOwner } from '../identity/ownership.ts';
import type { Cluster } from './cluster.ts';
import { isThere, noBindings } from './found.ts';
import type { Bindings } from './known-bindings.ts';

/** An owner that no list shows, or shows as another one, is read by name before anybody calls it gone. */
export async function readOwners(
  cluster: Cluster,
  namespace: string,
  listed: Bindings,
  outputs: readonly Output[],
): Promise<Bindings> {
  const missing = outputs.flatMap((output) => {
    const owner = parseOwner(output, namespace);
    if (owner === undefined) return [];
    const uid = ownerUidOf(output);
    const known = listed.get(owner);
    return known && (uid === undefined || uid === known.metadata.uid) ? [] : [owner];
  });
  const bindings = new Map(listed);
  await Promise.all(
    [...new Set(missing)].map(async (name) => {
      const binding = await cluster.getBinding(namespace, name);
      if (isThere(binding, noBindings)) bindings.set(name, binding);
      else bindings.delete(name);
    }),
  );
  return bindings;
}
