import { decide } from './decide.ts';
import { isRejectionPending } from './status.ts';
import type { World } from './world.ts';

/**
 * Whether a run that begins now would write for a binding. A binding that waits needs nothing: it waits for a change
 * that would show here too.
 */
export function needsWrite(world: World, name: string): boolean {
  return toNeed(world, name) === 'write';
}

/**
 * Whether a run that begins now would write for a binding, or ask the API server again for what it has refused. Nothing
 * in the cluster shows when that answer would change. So only the sweep asks, and not every neighbour that comes by.
 */
export function needsRun(world: World, name: string): boolean {
  return toNeed(world, name) !== 'nothing';
}

function toNeed(world: World, name: string): 'nothing' | 'question' | 'write' {
  const { kind } = decide(world, name, {}, 'unused');
  switch (kind) {
    case 'converged':
    case 'waiting':
      return 'nothing';
    case 'dry-run':
      return 'question';
    case 'delete-output':
    case 'patch-finalizers': {
      const binding = world.snapshot.bindings.get(name);
      return binding && isRejectionPending(binding) ? 'question' : 'write';
    }
    default:
      return 'write';
  }
}
