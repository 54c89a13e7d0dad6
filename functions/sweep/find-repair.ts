import { answerWithinMs, sendWithinMs } from '../../shared/api/creation-budget.ts';
import type { Binding, Claim } from '../../shared/api/binding.ts';
import type { Repair } from '../../shared/api/sweep-report.ts';
import { isSameJson } from '../../shared/identity/canonical.ts';
import { toArrival } from '../../shared/collect/late-output.ts';
import { findOtherSettings } from '../../shared/identity/other-settings.ts';
import { decideOrphans } from '../../shared/decide/decide-orphans.ts';
import { needsRun, toFirstView } from '../../shared/decide/needs-write.ts';
import { isLateRefusal, isRejectionPending, isWaiting } from '../../shared/decide/status.ts';
import type { View } from '../../shared/decide/view.ts';
import type { World } from '../../shared/decide/world.ts';

/** Why a binding needs a run. */
export interface Finding {
  readonly repair: Repair;
  /** It lies in other objects, and whoever does not look at the whole namespace might not see it. */
  readonly isWhole?: true;
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
  return repair === undefined ? { repair: findRepairByOthers(view), isWhole: true } : { repair };
}

// What is known to be younger may be in the hands of a run: this is how long one takes from an announcement to the answer.
const underWayMs = sendWithinMs + answerWithinMs;

/** What the binding itself shows, with its pool and its objective. */
function findOwnRepair({ world, binding, context, claim }: View): Repair | undefined {
  if (isRejectionPending(binding) || isLateRefusal(binding)) return 'refused';
  const { deletionTimestamp } = binding.metadata;
  if (isYoung(deletionTimestamp ?? timeOf(claim), world)) return 'under-way';
  if (deletionTimestamp !== undefined) return 'lost-event';
  if (claim && claim.kind !== 'owning') return 'late-write';
  if (findOtherSettings(binding.status, world.settings) !== undefined) return 'new-settings';
  return isAsSeen(binding, context.observed) ? undefined : 'lost-event';
}

function findRepairByOthers({ binding, context }: View): Repair {
  if (isWaiting(binding)) return 'lost-event';
  return comparePeers(binding, context.peers) ?? 'hand-edit';
}

function timeOf(claim: Claim | undefined): string | undefined {
  return claim?.kind === 'creating' ? claim.at : undefined;
}

function isYoung(time: string | undefined, { snapshot }: World): boolean {
  return time !== undefined && Date.parse(snapshot.clock.now) - Date.parse(time) < underWayMs;
}

/** Whether binding, pool and objective are those from which the status was decided. */
function isAsSeen({ metadata, status }: Binding, observed: View['context']['observed']): boolean {
  return status?.observedGeneration === metadata.generation && isSameJson(status?.observed ?? {}, observed);
}

function comparePeers({ status }: Binding, peers: View['context']['peers']): Repair | undefined {
  const { conflicts = [] } = status ?? {};
  const collisionsOf = (list: typeof peers) => list.filter(({ reason }) => reason === 'IdentityCollision');
  if (!isSameJson(collisionsOf(conflicts), collisionsOf(peers))) return 'lost-event';
  return isSameJson(conflicts, peers) ? undefined : 'overlap';
}
