import type { Binding, BindingStatus, Claim, Peer } from '../api/binding.ts';
import {
  type ConditionType,
  type Finding,
  conditionTypes,
  findReady,
  toUnknown,
  toWell,
  toConditions,
} from '../api/conditions.ts';
import type { Refused } from '../api/outcome.ts';
import { isSameJson } from '../identity/canonical.ts';
import { toKeyDigest } from '../identity/collision-key.ts';
import type { Identity } from '../identity/render-identity.ts';
import type { Settings } from '../identity/settings.ts';
import { claimOf } from './world.ts';

/** What every status of a binding is made from, whatever it says. */
export interface Subject {
  readonly binding: Binding;
  readonly observed: NonNullable<BindingStatus['observed']>;
  readonly peers: readonly Peer[];
  /** The digest of the key that the spec asks for. */
  readonly keyDigest: string | undefined;
  readonly settings: Settings;
  readonly now: string;
}

/** The reasons that say that the API server did not take the output. */
const outputRefusals = ['OutputNameTaken', 'OutputRefused', 'OutputForbidden'] as const;

const lateReasons: readonly string[] = [...outputRefusals, 'ClusterSPIFFEIDCRDMissing'];

/** In this order a binding is evaluated: what comes after a failure has not been looked at. */
const evaluation = [
  'InvalidRef',
  'UnsafeSelector',
  'RenderFailure',
  'Conflict',
] as const satisfies readonly ConditionType[];

/** The output is there and says what it should. */
export function toReadyStatus(subject: Subject, identity: Identity, claim: Claim): BindingStatus {
  const { mode, spiffeId, selectors } = identity;
  return {
    ...toStatus(subject, conditionTypes.map(toWell), claim),
    computedSpiffeIDs: [{ mode, spiffeID: spiffeId }],
    renderedSelectors: [{ spiffeID: spiffeId, selectors: [...selectors] }],
  };
}

/** There is no output, and the user learns why. */
export function toRefusedStatus(subject: Subject, { condition, reason, message }: Refused): BindingStatus {
  const evaluated = countEvaluated(condition, reason);
  const findings = conditionTypes.map((type): Finding => {
    if (type === 'Ready') return { type, status: 'False', reason, message };
    if (type === condition) return { type, status: 'True', reason, message };
    return evaluation.indexOf(type) < evaluated ? toWell(type) : toUnknown(type, 'NotEvaluated');
  });
  return toStatus(subject, findings, undefined);
}

/** How many conditions were evaluated before this one was found. */
function countEvaluated(condition: Refused['condition'], reason: string): number {
  if (reason === 'UnreadableSpec') return 0;
  // What the API server says about the output comes after everything that we evaluate ourselves.
  return lateReasons.includes(reason) ? evaluation.length : evaluation.indexOf(condition);
}

/** A write is announced that may land at any time from now on. */
export function toAnnouncedStatus(subject: Subject, claim: Claim): BindingStatus {
  return toStatus(subject, withReady(toUnknown('Ready', 'Initializing')), claim);
}

/** The same of a binding that nobody has compared with others yet. */
export function toFirstStatus(subject: Subject, claim: Claim): BindingStatus {
  const findings = conditionTypes.map((type) =>
    type === 'Ready' || type === 'Conflict' ? toUnknown(type, 'Initializing') : toWell(type),
  );
  return toStatus(subject, findings, claim);
}

/** Nothing is wrong with the binding, but somebody else must let go first; nothing is claimed meanwhile. */
export function toHeldStatus(subject: Subject, message: string): BindingStatus {
  return toStatus(subject, withReady(toWaiting(message)), undefined);
}

/** Something must go or come first (an output, our finalizer), and before it has nothing else is looked at. */
export function toWithdrawingStatus(subject: Subject, message: string): BindingStatus {
  const findings = conditionTypes.map((type) =>
    type === 'Ready' ? toWaiting(message) : toUnknown(type, 'NotEvaluated'),
  );
  return toStatus(subject, findings, claimOf(subject.binding));
}

/** Whether a binding's status says exactly this already. */
export function isSaid({ status }: Binding, wanted: BindingStatus): boolean {
  return isSameJson(status ?? {}, wanted);
}

/**
 * A status in the words in which it was said before, where it says that the API server does not take the output, and
 * differs in nothing but words with a digit in them: the number of a request, or a time, would be news with each look.
 */
export function keepWords(binding: Binding, wanted: BindingStatus): BindingStatus {
  if (!isOutputRefused(binding)) return wanted;
  const before = binding.status?.conditions ?? [];
  const conditions = wanted.conditions?.map((condition) => {
    const message = before.find(({ type }) => type === condition.type)?.message ?? '';
    return hideNumbers(message) === hideNumbers(condition.message) ? { ...condition, message } : condition;
  });
  const kept = { ...wanted, ...(conditions && { conditions }) };
  return isSaid(binding, kept) ? kept : wanted;
}

function hideNumbers(message: string): string {
  return message.replaceAll(/\S*\d\S*/g, '#');
}

/** Whether a status, true for the present generation, says that the API server did not take the output. */
export function isOutputRefused({ metadata, status }: Binding): boolean {
  const ready = findReady(status);
  return (
    ready?.observedGeneration === metadata.generation &&
    outputRefusals.some((reason) => reason === ready?.reason)
  );
}

/**
 * Whether a status, true for the present generation, says that the API server does not let happen what must come first:
 * the words are those of `sayRefused`.
 */
export function isRefusalSaid({ metadata, status }: Binding): boolean {
  const ready = findReady(status);
  if (ready?.reason !== 'Waiting' || ready.observedGeneration !== metadata.generation) return false;
  return / could not be (?:put on|taken off|deleted): /.test(ready.message);
}

function toWaiting(message: string): Finding {
  return { type: 'Ready', status: 'Unknown', reason: 'Waiting', message };
}

function withReady(ready: Finding): Finding[] {
  return conditionTypes.map((type) => (type === 'Ready' ? ready : toWell(type)));
}

function toStatus(subject: Subject, findings: readonly Finding[], claim: Claim | undefined): BindingStatus {
  const { binding, observed, peers, settings, now } = subject;
  const generation = binding.metadata.generation ?? 0;
  return {
    observedGeneration: generation,
    conditions: toConditions(findings, binding.status?.conditions ?? [], generation, now),
    trustDomain: settings.trustDomain,
    ...(settings.className !== undefined && { clusterSPIFFEIDClassName: settings.className }),
    ...(Object.keys(observed).length > 0 && { observed }),
    ...(peers.length > 0 && { conflicts: [...peers] }),
    ...toKeyField(subject, claim),
    ...(claim && { claim }),
  };
}

/** Others find a binding by the key that it holds, or else by the one that it asks for. */
function toKeyField({ keyDigest }: Subject, claim: Claim | undefined): Pick<BindingStatus, 'keyDigest'> {
  const digest = claim?.key === undefined ? keyDigest : toKeyDigest(claim.key);
  return digest === undefined ? {} : { keyDigest: digest };
}
