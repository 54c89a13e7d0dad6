import { decideOrphans } from '../../shared/decide/decide-orphans.ts';
import { needsRun } from '../../shared/decide/needs-write.ts';
import { type Snapshot, compileWorld } from '../../shared/decide/world.ts';
import { compareText } from '../../shared/identity/canonical.ts';
import type { Settings } from '../../shared/identity/settings.ts';

/**
 * The bindings of a namespace that need a run, by the decisions that reconcile takes; among them those that are gone
 * and have left an output behind. It pauses after each, because a namespace may be large.
 */
export function* findUnconverged(snapshot: Snapshot, settings: Settings): Generator<void, string[]> {
  const world = yield* compileWorld(snapshot, settings);
  const unconverged = new Set(decideOrphans(world).map(({ owner }) => owner));
  for (const name of snapshot.bindings.keys()) {
    yield;
    if (needsRun(world, name)) unconverged.add(name);
  }
  return [...unconverged].toSorted(compareText);
}
