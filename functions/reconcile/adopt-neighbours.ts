import { maxReadsByName } from '../../shared/collect/limits.ts';
import { runInSlices } from '../../shared/concurrency/run-in-slices.ts';
import { isNew } from '../../shared/decide/decide-new.ts';
import type { World } from '../../shared/decide/world.ts';
import { findAffected } from './find-affected.ts';
import { type Run, decideFor, endBinding } from './run.ts';

// Neighbours that a run takes up by itself, beside the names that it was asked for.
const maxNeighbours = 200;

/**
 * A run looks after the neighbours whose state its work has made untrue; from the next collect on, which is theirs too.
 * One that it found converged before is a neighbour like any other, if it would write for it now. Who waits is asked for
 * again anyway.
 */
export async function adoptNeighbours(run: Run, world: World): Promise<void> {
  const { tools, released, endings, pending } = run;
  const converged = new Set([...endings].flatMap(([name, { kind }]) => (kind === 'converged' ? [name] : [])));
  const own = [...endings.keys(), ...pending];
  const affected = new Set(await runInSlices(findAffected(world, new Set(own), released), tools));
  if (converged.size > 0) {
    const others = new Set(own.filter((name) => !converged.has(name)));
    const again = await runInSlices(findAffected(world, others, released), tools);
    for (const name of again) if (!converged.has(name) || wouldWrite(run, world, name)) affected.add(name);
  }
  for (const name of affected) adopt(run, name);
  adoptNewBindings(run, world);
  run.released = false;
}

/**
 * Where a run has read the namespace for many, it takes up what nobody has evaluated yet: when a thousand bindings are
 * created at once, each of their events would otherwise want a look of its own.
 */
function adoptNewBindings(run: Run, world: World): void {
  if (run.task.names.length <= maxReadsByName || world.snapshot.isNarrow) return;
  for (const binding of world.snapshot.bindings.values()) {
    const { name } = binding.metadata;
    if (run.endings.has(name) || run.pending.has(name) || !isNew(binding)) continue;
    run.passing.add(name);
    run.pending.add(name);
  }
}

function adopt(run: Run, name: string): void {
  if (run.adopted.size === maxNeighbours && !run.adopted.has(name)) {
    endBinding(run, name, { kind: 'unfinished' });
    return;
  }
  run.adopted.add(name);
  run.pending.add(name);
}

function wouldWrite(run: Run, world: World, name: string): boolean {
  const { kind } = decideFor(run, world, name);
  return kind !== 'converged' && kind !== 'waiting';
}
