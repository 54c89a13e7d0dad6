import type { Binding } from '../../shared/api/binding.ts';
import { needsWrite } from '../../shared/decide/needs-write.ts';
import { findRivals } from '../../shared/decide/rivals.ts';
import type { World } from '../../shared/decide/world.ts';

/**
 * The neighbours that need a look because of what a run saw or did: an output that went may be what they waited for,
 * a rival's recorded state may contradict what is true now, and a run that died forgot whom it had begun to look after.
 * Their own events would not tell them.
 */
export function findAffected(world: World, own: ReadonlySet<string>, released: boolean): string[] {
  const rivals = new Set(findRivals(world, own));
  const neighbours = [...world.snapshot.bindings.values()].filter(({ metadata }) => !own.has(metadata.name));
  return neighbours
    .filter((binding) => released || rivals.has(binding) || isLeft(world, binding))
    .map(({ metadata }) => metadata.name)
    .filter((name) => needsWrite(world, name));
}

/**
 * Whether a run that had begun to look after a neighbour has died, or may have: it said that something is to come, and
 * none of its writes is on its way any more. A live run, whose POST may be, is left alone.
 */
function isLeft({ snapshot }: World, { metadata, status }: Binding): boolean {
  const ready = status?.conditions?.find(({ type }) => type === 'Ready');
  if (ready?.status !== 'Unknown' || ready.observedGeneration !== metadata.generation) return false;
  const claim = status?.claim;
  return !claim || (claim.kind === 'creating' && claim.at <= snapshot.clock.quarantine);
}
