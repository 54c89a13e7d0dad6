import { needsWrite } from '../../shared/decide/needs-write.ts';
import {
  findPeers,
  mayHaveStaleConflicts,
  toChangedBindings,
  toConflicts,
} from '../../shared/decide/peers.ts';
import type { World } from '../../shared/decide/world.ts';
import { findReady } from '../../shared/api/conditions.ts';
import type { Binding } from '../../shared/api/binding.ts';
import { isSameJson } from '../../shared/identity/canonical.ts';

/**
 * The neighbours that need a look because of what a run saw or did: an output that went may be what they waited for, what
 * they recorded of their peers may contradict what is true now, and a run that died forgot whom it had begun to look after.
 * Their own events would not tell them. With a pause after each, for a namespace may be large.
 */
export function* findAffected(
  world: World,
  own: ReadonlySet<string>,
  released: boolean,
): Generator<void, string[]> {
  const changed = toChangedBindings(world, own);
  const affected: string[] = [];
  for (const binding of world.snapshot.bindings.values()) {
    yield;
    const { name } = binding.metadata;
    if (own.has(name)) continue;
    const isMeant =
      mayHaveStaleConflicts(world, binding, changed) ||
      (released && isUndecided(binding)) ||
      wasAbandoned(world, binding);
    if (isMeant && isAffected(world, binding)) affected.push(name);
  }
  return affected;
}

/**
 * Of one that was not read whole only its conflicts can be judged. One whose POST is on its way has nothing to write yet;
 * but the run that sent it has looked before this one wrote, and will not look again.
 */
function isAffected(world: World, binding: Binding): boolean {
  const { metadata, status } = binding;
  if (world.snapshot.partial?.has(metadata.name)) return hasStaleConflicts(world, binding);
  if (needsWrite(world, metadata.name)) return true;
  return status?.claim?.kind === 'creating' && hasStaleConflicts(world, binding);
}

function hasStaleConflicts(world: World, { metadata, status }: Binding): boolean {
  const key = world.requests.get(metadata.name);
  if (key === undefined) return false;
  return !isSameJson(toConflicts(findPeers(world, metadata.name, key)), status?.conflicts ?? []);
}

/** Whether it waits for something: only who does can be set free. */
function isUndecided({ status }: Binding): boolean {
  return findReady(status)?.status === 'Unknown';
}

/**
 * Whether a run that had begun to look after a neighbour has died, or may have: it said that something is to come, and
 * none of its writes is on its way any more. A live run, whose POST may be, is left alone.
 */
function wasAbandoned({ snapshot }: World, { metadata, status }: Binding): boolean {
  const ready = findReady(status);
  if (ready?.status !== 'Unknown' || ready.observedGeneration !== metadata.generation) return false;
  const claim = status?.claim;
  return !claim || (claim.kind === 'creating' && claim.at <= snapshot.clock.quarantine);
}
