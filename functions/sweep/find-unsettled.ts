import { decide, decideOrphans } from '../../shared/decide/decide.ts';
import { type Snapshot, toWorld } from '../../shared/decide/world.ts';
import { compareText } from '../../shared/identity/canonical.ts';
import type { Settings } from '../../shared/identity/settings.ts';

/**
 * The bindings of a namespace for which there is something to do, by the same decisions that reconcile takes; among
 * them those that are gone and have left an output behind. What waits, waits for a change that would show here too.
 */
export function findUnsettled(snapshot: Snapshot, settings: Settings): string[] {
  const world = toWorld(snapshot, settings);
  const orphaned = decideOrphans(world).map(({ owner }) => owner);
  const unsettled = [...snapshot.bindings.keys()].filter((name) => {
    const { kind } = decide(world, name, {}, 'unused');
    return kind !== 'settled' && kind !== 'waiting';
  });
  return [...new Set([...orphaned, ...unsettled])].toSorted(compareText);
}
