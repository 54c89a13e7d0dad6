import type { WriteOf } from './decision.ts';
import { isOrphan, isTerminating } from './view.ts';
import { toDeletion } from './withdraw.ts';
import type { World } from './world.ts';

/** Row 1: outputs whose binding is gone, or is another one by now. The owner was read by name before it is called gone. */
export function decideOrphans(world: World): readonly WriteOf<'delete-output'>[] {
  return world.outputs
    .filter((held) => isOrphan(world, held) && !isTerminating(held))
    .map((held) => toDeletion(held));
}
