import type { Binding } from '../api/binding.ts';
import { explainView } from './decide.ts';
import { isRejectionPending } from './status.ts';
import { type View, toView } from './view.ts';
import type { World } from './world.ts';

/**
 * Whether a run that begins now would write for a binding. A binding that waits needs nothing: it waits for a change
 * that would show here too.
 */
export function needsWrite(world: World, name: string): boolean {
  const binding = world.snapshot.bindings.get(name);
  return binding !== undefined && toNeed(toFirstView(world, binding)) === 'write';
}

/** What a run sees of a binding when it begins. */
export function toFirstView(world: World, binding: Binding): View {
  return toView(world, binding, {}, 'unused');
}

/**
 * Whether a run that begins now would write for a binding, or ask the API server again for what it has refused. Nothing
 * in the cluster shows when that answer would change. So only the sweep asks, and not every neighbour that comes by.
 */
export function needsRun(first: View): boolean {
  return toNeed(first) !== 'nothing';
}

function toNeed(view: View): 'nothing' | 'question' | 'write' {
  switch (explainView(view).decision.kind) {
    case 'converged':
    case 'waiting':
      return 'nothing';
    case 'dry-run':
      return 'question';
    case 'delete-output':
    case 'patch-finalizers':
      return isRejectionPending(view.binding) ? 'question' : 'write';
    default:
      return 'write';
  }
}
