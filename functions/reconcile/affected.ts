import type { Binding } from '../../shared/api/binding.ts';
import { decide } from '../../shared/decide/decide.ts';
import { findPeers } from '../../shared/decide/rivals.ts';
import type { World } from '../../shared/decide/world.ts';

/**
 * The neighbours that need a look because of what a run saw or did: an output that went may be what they waited for,
 * and a rival's recorded state may contradict what is true now. Their own events would not tell them.
 */
export function findAffected(world: World, own: ReadonlySet<string>, released: boolean): string[] {
  const neighbours = [...world.snapshot.bindings.values()].filter(({ metadata }) => !own.has(metadata.name));
  return neighbours
    .filter((binding) => released || isRival(world, binding, own))
    .map(({ metadata }) => metadata.name)
    .filter((name) => isUnsettled(world, name));
}

/** Whether a neighbour shares workloads with a binding of ours, or has recorded that it does. */
function isRival(world: World, { metadata, status }: Binding, own: ReadonlySet<string>): boolean {
  const outcome = world.renderings.get(metadata.name)?.outcome;
  const key = outcome?.kind === 'done' ? outcome.value.key : undefined;
  const peers = [...findPeers(world, metadata.name, key), ...(status?.conflicts ?? [])];
  return peers.some(({ name }) => own.has(name));
}

function isUnsettled(world: World, name: string): boolean {
  const { kind } = decide(world, name, {}, 'unused');
  return kind !== 'settled' && kind !== 'waiting' && kind !== 'probe';
}
