import { answerWithinMs, sendWithinMs } from '../../shared/api/creation-budget.ts';
import type { Repair } from '../../shared/api/sweep-report.ts';
import { isSameJson } from '../../shared/identity/canonical.ts';
import { toArrival } from '../../shared/collect/late-output.ts';
import { decideOrphans } from '../../shared/decide/decide-orphans.ts';
import { needsRun, toFirstView } from '../../shared/decide/needs-write.ts';
import { findOwnReason } from '../../shared/decide/own-reason.ts';
import { isLateRefusal, isWaiting } from '../../shared/decide/status.ts';
import type { View } from '../../shared/decide/view.ts';
import type { World } from '../../shared/decide/world.ts';

/** Why a binding needs a run. */
export interface Finding {
  readonly repair: Repair;
  /** It lies in other objects, and whoever does not look at the whole namespace might not see it. */
  readonly isWhole?: true;
  /** The binding shows it, with its pool and its objective. */
  readonly hasOwnReason?: true;
}

/** Why each orphan's owner is to be named. An output that came late is one that its run did not live to see. */
export function findOrphanRepairs(world: World): ReadonlyMap<string, Finding> {
  return new Map(
    decideOrphans(world).map(({ owner, output }) => [
      owner,
      { repair: toArrival(output) === 'late' ? 'late-write' : 'orphan', isWhole: true },
    ]),
  );
}

/** Why a binding needs a run, by the facts of this look; undefined: it needs none. */
export function findRepair(world: World, name: string): Finding | undefined {
  const binding = world.snapshot.bindings.get(name);
  if (!binding) return undefined;
  const view = toFirstView(world, binding);
  if (!needsRun(view)) return undefined;
  const repair = findOwnRepair(view);
  if (repair === undefined) return { repair: findRepairByOthers(view), isWhole: true };
  // A refusal may last, and so may other settings than those of reconcile, which finds no reason then. A run that looks by
  // keys would never find the overlap that comes with them.
  const mayLast = isLateRefusal(binding) || repair === 'new-settings';
  if (mayLast && comparePeers(view) === 'overlap') return { repair, isWhole: true };
  return repair === 'new-settings' ? { repair } : { repair, hasOwnReason: true };
}

// What is known to be younger may be in the hands of a run: this is how long one takes from an announcement to the answer.
const underWayMs = sendWithinMs + answerWithinMs;

/** What the binding itself shows, with its pool and its objective. */
function findOwnRepair({ world, binding, context, claim }: View): Repair | undefined {
  const reason = findOwnReason(binding, context.observed, world.settings);
  switch (reason) {
    case undefined:
    case 'refused':
      return reason;
    case 'deletion':
      return isYoung(binding.metadata.deletionTimestamp, world) ? 'under-way' : 'lost-event';
    case 'claim':
      return claim?.kind === 'creating' && isYoung(claim.at, world) ? 'under-way' : 'late-write';
    case 'settings':
      return 'new-settings';
    case 'change':
      return 'lost-event';
  }
}

function findRepairByOthers(view: View): Repair {
  if (isWaiting(view.binding)) return 'lost-event';
  return comparePeers(view) ?? 'hand-edit';
}

function isYoung(time: string | undefined, { snapshot }: World): boolean {
  return time !== undefined && Date.parse(snapshot.clock.now) - Date.parse(time) < underWayMs;
}

/** How the peers differ from what the status records of them. */
function comparePeers({ binding, context: { peers } }: View): Repair | undefined {
  const { conflicts = [] } = binding.status ?? {};
  const collisionsOf = (list: typeof peers) => list.filter(({ reason }) => reason === 'IdentityCollision');
  if (!isSameJson(collisionsOf(conflicts), collisionsOf(peers))) return 'lost-event';
  return isSameJson(conflicts, peers) ? undefined : 'overlap';
}
