import type { WriteOf } from './decision.ts';
import { isOrphan, isTerminating } from './view.ts';
import { toDeletion } from './withdraw.ts';
import type { World } from './world.ts';

/** Row 1: outputs whose binding is gone, or has been replaced by another one. The collect has read each owner by name. */
export function decideOrphans(world: World): readonly WriteOf<'delete-output'>[] {
  return world.outputs
    .filter((held) => isOrphan(world, held) && !isTerminating(held))
    .map((held) => toDeletion(held));
}
