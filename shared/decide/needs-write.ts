import { decide } from './decide.ts';
import { isRejectionPending } from './status.ts';
import type { World } from './world.ts';

/**
 * Whether a run that begins now would write for a binding. What waits needs nothing: it waits for a change that would
 * show here too.
 */
export function needsWrite(world: World, name: string): boolean {
  return toNeed(world, name) === 'write';
}

/**
 * The same, and whether it would ask the API server for what that has refused before. Nothing in the cluster tells when
 * the answer would be another one, so to ask belongs to those who look from time to time, not to those who look often.
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
