import { maxReadsByName } from '../../shared/collect/limits.ts';
import { runInSlices } from '../../shared/concurrency/run-in-slices.ts';
import { isNew } from '../../shared/decide/decide-new.ts';
import type { World } from '../../shared/decide/world.ts';
import { findAffected } from './find-affected.ts';
import { type Run, decideFor, endBinding } from './run.ts';

// A run adopts at most this many neighbours beside the names that it was asked for.
const maxNeighbours = 200;

/**
 * Adopts the neighbours whose state the run has made untrue. They are decided from the next collect, which is made for
 * them too. A binding that the run found converged is adopted again if it needs another write. A binding that waits is
 * not: its request comes again anyway.
 */
export async function adoptNeighbours(run: Run, world: World): Promise<void> {
  const { tools, released, endings, pending } = run;
  const left = { released, heldKeys: run.cache.heldKeys };
  const converged = new Set([...endings].flatMap(([name, { kind }]) => (kind === 'converged' ? [name] : [])));
  const own = [...endings.keys(), ...pending];
  const affected = new Set(await runInSlices(findAffected(world, new Set(own), left), tools));
  if (converged.size > 0) {
    const others = new Set(own.filter((name) => !converged.has(name)));
    const again = await runInSlices(findAffected(world, others, left), tools);
    for (const name of again) if (!converged.has(name) || wouldWrite(run, world, name)) affected.add(name);
  }
  for (const name of affected) adopt(run, name);
  adoptNewBindings(run, world);
  run.released = false;
}

/**
 * A run that has read the whole namespace because that costs less adopts the bindings that nobody has evaluated. When a
 * thousand bindings are created at once, each of their events would otherwise need a collect of its own.
 */
function adoptNewBindings(run: Run, world: World): void {
  const { names, takesNew, partOf } = run.task;
  const isLarge = names.length > maxReadsByName && !partOf;
  if (!(takesNew || isLarge) || world.snapshot.isNarrow) return;
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
