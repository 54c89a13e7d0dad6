import { decideOrphans } from '../../shared/decide/decide.ts';
import { needsLook } from '../../shared/decide/needs-write.ts';
import { type Snapshot, toWorld } from '../../shared/decide/world.ts';
import { compareText } from '../../shared/identity/canonical.ts';
import type { Settings } from '../../shared/identity/settings.ts';

/**
 * The bindings of a namespace for which there is something to do, by the same decisions that reconcile takes; among
 * them those that are gone and have left an output behind.
 */
export function findUnsettled(snapshot: Snapshot, settings: Settings): string[] {
  const world = toWorld(snapshot, settings);
  const orphaned = decideOrphans(world).map(({ owner }) => owner);
  const unsettled = [...snapshot.bindings.keys()].filter((name) => needsLook(world, name));
  return [...new Set([...orphaned, ...unsettled])].toSorted(compareText);
}
