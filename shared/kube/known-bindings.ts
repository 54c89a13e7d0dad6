import type { Binding } from '../api/binding.ts';
import type { Cluster } from './cluster.ts';
import { isThere, noBindings } from './found.ts';

/** Bindings of one namespace, by their names. */
export type Bindings = ReadonlyMap<string, Binding>;

// More recorded rivals than this are not looked up: their neighbourhoods would be most of the namespace.
const maxRivals = 24;

/** These bindings, and those that they have recorded as rivals: when one of them leaves, the others may recover. */
export async function readKnown(
  cluster: Cluster,
  namespace: string,
  names: readonly string[],
): Promise<Bindings> {
  const own = await getBindings(cluster, namespace, names);
  const rivals = rivalsOf(own.values())
    .filter((name) => !own.has(name))
    .slice(0, maxRivals);
  return new Map([...own, ...(await getBindings(cluster, namespace, rivals))]);
}

/** The same from what was read before. Undefined where one of them was not seen: then nobody knows its service accounts. */
export function pickKnown(bindings: Bindings, names: readonly string[]): Bindings | undefined {
  const own = names.flatMap((name) => bindings.get(name) ?? []);
  if (own.length < names.length) return undefined;
  const picked = [...own, ...rivalsOf(own).flatMap((name) => bindings.get(name) ?? [])];
  return toBindings(picked);
}

/** Bindings by their names. */
export function toBindings(bindings: readonly Binding[]): Bindings {
  return new Map(bindings.map((binding) => [binding.metadata.name, binding]));
}

async function getBindings(cluster: Cluster, namespace: string, names: readonly string[]): Promise<Bindings> {
  const found = await Promise.all(names.map((name) => cluster.getBinding(namespace, name)));
  return toBindings(found.filter((binding) => isThere(binding, noBindings)));
}

function rivalsOf(bindings: Iterable<Binding>): string[] {
  const peers = [...bindings].flatMap(({ status }) => status?.conflicts ?? []);
  return [...new Set(peers.map(({ name }) => name))];
}
