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
  return new Map([...own, ...(await getBindings(cluster, namespace, rivalsOf(own)))]);
}

/** The same from what was read before. Undefined where one of them was not seen: then nobody knows its service accounts. */
export function pickKnown(bindings: Bindings, names: readonly string[]): Bindings | undefined {
  const own = pick(bindings, names);
  const rivals = own && pick(bindings, rivalsOf(own));
  return own && rivals && new Map([...own, ...rivals]);
}

/** Bindings by their names. */
export function toBindings(bindings: readonly Binding[]): Bindings {
  return new Map(bindings.map((binding) => [binding.metadata.name, binding]));
}

async function getBindings(cluster: Cluster, namespace: string, names: readonly string[]): Promise<Bindings> {
  const found = await Promise.all(names.map((name) => cluster.getBinding(namespace, name)));
  return toBindings(found.filter((binding) => isThere(binding, noBindings)));
}

function pick(bindings: Bindings, names: readonly string[]): Bindings | undefined {
  const picked = names.flatMap((name) => bindings.get(name) ?? []);
  return picked.length < names.length ? undefined : toBindings(picked);
}

/** In turns, so that the crowd around one binding does not hide where another one comes from. */
function rivalsOf(own: Bindings): string[] {
  const turns = [...own.values()]
    .flatMap(({ status }) => (status?.conflicts ?? []).map(({ name }, turn) => ({ name, turn })))
    .toSorted((a, b) => a.turn - b.turn);
  const rivals = new Set(turns.map(({ name }) => name).filter((name) => !own.has(name)));
  return [...rivals].slice(0, maxRivals);
}
