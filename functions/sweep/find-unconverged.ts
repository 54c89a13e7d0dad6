import { type Finding, findOrphanRepairs, findRepair } from './find-repair.ts';
import { type Snapshot, compileWorld } from '../../shared/decide/world.ts';
import { compareText } from '../../shared/identity/canonical.ts';
import type { Settings } from '../../shared/identity/settings.ts';

/** A binding that needs a run, and why. */
export interface Unconverged extends Finding {
  readonly name: string;
}

/**
 * The bindings of a namespace that need a run, by the decisions that reconcile takes; among them those that are gone
 * and have left an output behind. It pauses after each, because a namespace may be large.
 */
export function* findUnconverged(snapshot: Snapshot, settings: Settings): Generator<void, Unconverged[]> {
  const world = yield* compileWorld(snapshot, settings);
  const findings = new Map(findOrphanRepairs(world));
  for (const name of snapshot.bindings.keys()) {
    yield;
    const finding = findings.get(name) ?? findRepair(world, name);
    if (finding !== undefined) findings.set(name, finding);
  }
  return [...findings]
    .map(([name, finding]) => ({ name, ...finding }))
    .toSorted((a, b) => compareText(a.name, b.name));
}
