import type { Binding } from '../api/binding.ts';
import { mapLimited } from '../concurrency/for-each-limited.ts';
import type { ClusterReads } from '../kube/cluster.ts';
import { isPresent, throwBindingsUnserved } from '../kube/read-guards.ts';
import { readsAtOnce } from './limits.ts';

/** Bindings of one namespace, by their names. */
export type BindingsByName = ReadonlyMap<string, Binding>;

/** The names of some bindings. */
export interface Names {
  readonly namespace: string;
  readonly names: readonly string[];
}

/** Bindings by their names. */
export function toBindingsByName(bindings: readonly Binding[]): BindingsByName {
  return new Map(bindings.map((binding) => [binding.metadata.name, binding]));
}

/** Reads bindings one by one; what is not there is left out. */
export async function getBindings(
  cluster: ClusterReads,
  namespace: string,
  names: readonly string[],
): Promise<BindingsByName> {
  const found = await mapLimited(names, readsAtOnce, (name) => cluster.getBinding(namespace, name));
  return toBindingsByName(found.filter((binding) => isPresent(binding, throwBindingsUnserved)));
}
