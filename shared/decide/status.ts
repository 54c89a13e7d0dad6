import type { Binding, BindingStatus, Claim, Peer } from '../api/binding.ts';
import { type ConditionType, conditionTypes } from '../api/condition-types.ts';
import { type Finding, findReady, toUnevaluated, toHealthy, toConditions } from '../api/conditions.ts';
import type { Refused } from '../api/outcome.ts';
import { type Reason, outputRejections, pendingRejections } from '../api/reasons.ts';
import { isSameJson } from '../identity/canonical.ts';
import { parseSlice, toKeyDigest, toKeyShape } from '../identity/collision-key.ts';
import type { Identity } from '../identity/render-identity.ts';
import type { Settings } from '../identity/settings.ts';
import type { Confirmation } from './decision.ts';
import { type Clock, claimOf } from './world.ts';

/** What every status is made from. */
export interface StatusContext {
  readonly binding: Binding;
  readonly observed: NonNullable<BindingStatus['observed']>;
  readonly peers: readonly Peer[];
  /** The key that the spec asks for, its digest, and its shape where overlaps are refused. */
  readonly key: string | undefined;
  readonly keyDigest: string | undefined;
  readonly keyShape: string | undefined;
  readonly settings: Settings;
  readonly clock: AnnouncingClock;
}

/** The time, and until when a create that is announced now may take effect. */
export type AnnouncingClock = Pick<Clock, 'now' | 'horizon'>;

const lateReasons: readonly string[] = [...outputRejections, 'ClusterSPIFFEIDCRDMissing' satisfies Reason];

type PendingReason = Extract<Reason, 'Waiting' | 'DeletionRejected' | 'FinalizerRejected'>;

/** The order of evaluation: what comes after a failure was not looked at. */
const evaluation = [
  'InvalidRef',
  'UnsafeSelector',
  'RenderFailure',
  'Conflict',
] as const satisfies readonly ConditionType[];

/** The output exists and is as it should be; its uid is not known yet. */
export function toConfirmation(
  context: StatusContext,
  identity: Identity,
  claim: Confirmation['claim'],
): Confirmation {
  const { mode, spiffeId, selectors } = identity;
  const status = {
    ...toUnclaimedStatus(context, conditionTypes.map(toHealthy), claim.key),
    computedSpiffeIDs: [{ mode, spiffeID: spiffeId }],
    renderedSelectors: [{ spiffeID: spiffeId, selectors: [...selectors] }],
  };
  return { status, claim };
}

/** The status once the uid of the output is known. */
export function toConfirmedStatus({ status, claim }: Confirmation, uid: string): BindingStatus {
  return { ...status, claim: { ...claim, uid } };
}

/** There is no output, and the status says why. */
export function toRefusedStatus(
  context: StatusContext,
  { condition, reason, message }: Refused,
): BindingStatus {
  const evaluated = countEvaluated(condition, reason);
  const findings = conditionTypes.map((type): Finding => {
    if (type === 'Ready') return { type, status: 'False', reason, message };
    if (type === condition) return { type, status: 'True', reason, message };
    return evaluation.indexOf(type) < evaluated ? toHealthy(type) : toUnevaluated(type, 'NotEvaluated');
  });
  return toStatus(context, findings, undefined);
}

/** How many conditions were evaluated before this failure was found. */
function countEvaluated(condition: Refused['condition'], reason: Refused['reason']): number {
  if (reason === 'UnreadableSpec') return 0;
  // The API server answers after everything that kleym evaluates itself.
  return lateReasons.includes(reason) ? evaluation.length : evaluation.indexOf(condition);
}

/** A write is announced, and may land from now on. */
export function toAnnouncedStatus(context: StatusContext, claim: Claim): BindingStatus {
  return toStatus(context, withReady(toAnnounced(claim, context.clock)), claim);
}

/** The same for a new binding, which has not been compared with others yet. */
export function toNewStatus(context: StatusContext, claim: Claim): BindingStatus {
  const findings = withReady(toAnnounced(claim, context.clock)).map((finding) =>
    finding.type === 'Conflict' ? toUnevaluated('Conflict', 'Initializing') : finding,
  );
  return toStatus(context, findings, claim);
}

/** The status of a binding whose announcement is dated again. */
export function toRedatedStatus(
  status: NonNullable<Binding['status']>,
  claim: Claim,
  clock: AnnouncingClock,
): BindingStatus {
  const { message } = toAnnounced(claim, clock);
  const conditions = status.conditions?.map((one) =>
    one.type === 'Ready' && one.reason === 'Initializing' ? { ...one, message } : one,
  );
  return { ...status, ...(conditions && { conditions }), claim };
}

/** What is under way, and until when nobody knows whether it takes effect. */
function toAnnounced(claim: Claim, { horizon }: AnnouncingClock): Finding {
  const { message, ...finding } = toUnevaluated('Ready', 'Initializing');
  const what =
    claim.kind === 'creating'
      ? `created, and a request that was cut off may take effect until ${horizon}`
      : 'changed';
  return { ...finding, message: `${message}: ClusterSPIFFEID ${claim.name} is being ${what}` };
}

/** The binding is right, but another one must release its key first. It claims nothing meanwhile. */
export function toWaitingStatus(context: StatusContext, message: string): BindingStatus {
  return toStatus(context, withReady(toPending(message, 'Waiting')), undefined);
}

/** An output must go, or our finalizer come or go, before anything else is looked at. */
export function toWithdrawingStatus(
  context: StatusContext,
  message: string,
  reason: PendingReason = 'Waiting',
): BindingStatus {
  const findings = conditionTypes.map((type) =>
    type === 'Ready' ? toPending(message, reason) : toUnevaluated(type, 'NotEvaluated'),
  );
  return toStatus(context, findings, claimOf(context.binding));
}

/** Whether a binding's status says this already. */
export function isReported({ status = {} }: Binding, wanted: BindingStatus): boolean {
  return isSameJson(status, wanted);
}

/** Whether the status says, for the present generation, that the API server does not take the output. */
export function isOutputRejected(binding: Binding): boolean {
  return outputRejections.includes(currentReason(binding));
}

/** Whether the status says, for the present generation, what only another question to the API server can change. */
export function isLateRefusal(binding: Binding): boolean {
  return lateReasons.includes(currentReason(binding));
}

/** Whether the status says, for the present generation, that the API server refuses a write that must come first. */
export function isRejectionPending(binding: Binding): boolean {
  return pendingRejections.includes(currentReason(binding));
}

/** Whether a binding says that something else must happen first. */
export function isWaiting({ status }: Binding): boolean {
  const reason = findReady(status)?.reason ?? '';
  return reason === 'Waiting' || pendingRejections.includes(reason);
}

/** The reason of Ready for the present generation. */
function currentReason({ metadata, status }: Binding): string {
  const ready = findReady(status);
  return ready?.observedGeneration === metadata.generation ? (ready?.reason ?? '') : '';
}

function toPending(message: string, reason: PendingReason): Finding {
  return { type: 'Ready', status: 'Unknown', reason, message };
}

function withReady(ready: Finding): Finding[] {
  return conditionTypes.map((type) => (type === 'Ready' ? ready : toHealthy(type)));
}

function toStatus(
  context: StatusContext,
  findings: readonly Finding[],
  claim: Claim | undefined,
): BindingStatus {
  return { ...toUnclaimedStatus(context, findings, claim?.key), ...(claim && { claim }) };
}

function toUnclaimedStatus(
  context: StatusContext,
  findings: readonly Finding[],
  claimedKey: string | undefined,
): Omit<BindingStatus, 'claim'> {
  const { binding, observed, peers, settings, clock } = context;
  const generation = binding.metadata.generation ?? 0;
  return {
    observedGeneration: generation,
    conditions: toConditions(findings, binding.status?.conditions ?? [], generation, clock.now),
    trustDomain: settings.trustDomain,
    ...(settings.className !== undefined && { clusterSPIFFEIDClassName: settings.className }),
    ...(Object.keys(observed).length > 0 && { observed }),
    ...(peers.length > 0 && { conflicts: [...peers] }),
    ...toKeyFields(context, claimedKey),
  };
}

/** Other runs find a binding by the key that it holds, or else by the one that it asks for. */
function toKeyFields(
  { key, keyDigest, keyShape, peers, settings }: StatusContext,
  claimedKey: string | undefined,
): Pick<BindingStatus, 'keyDigest' | 'keyShape'> {
  const isOther = claimedKey !== undefined && claimedKey !== key;
  const digest = isOther ? toKeyDigest(claimedKey) : keyDigest;
  if (settings.overlapPolicy === 'report') return digest === undefined ? {} : { keyDigest: digest };
  // What overlaps is found by everybody: it records some of its peers only, and they must find each other when it ends.
  const isInOverlap = peers.some(({ reason }) => reason === 'PossibleOverlap');
  const ownShape = isOther ? toKeyShape(parseSlice(claimedKey)) : keyShape;
  const shape = isInOverlap ? undefined : ownShape;
  return {
    ...(digest !== undefined && { keyDigest: digest }),
    ...(shape !== undefined && { keyShape: shape }),
  };
}
