import type { Binding } from '../api/binding.ts';
import { mapLimited } from '../concurrency/for-each-limited.ts';
import type { Cluster } from '../kube/cluster.ts';
import { isThere, noBindings } from '../kube/found.ts';
import { readsAtOnce } from './limits.ts';

/** Bindings of one namespace, by their names. */
export type Bindings = ReadonlyMap<string, Binding>;

/** Bindings by their names. */
export function toBindings(bindings: readonly Binding[]): Bindings {
  return new Map(bindings.map((binding) => [binding.metadata.name, binding]));
}

/** Reads bindings one by one; what is not there is left out. */
export async function getBindings(
  cluster: Cluster,
  namespace: string,
  names: readonly string[],
): Promise<Bindings> {
  const found = await mapLimited(names, readsAtOnce, (name) => cluster.getBinding(namespace, name));
  return toBindings(found.filter((binding) => isThere(binding, noBindings)));
}
