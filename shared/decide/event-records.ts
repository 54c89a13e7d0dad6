import type { EventRecord } from '../api/event-record.ts';
import type { Binding, BindingStatus, Peer } from '../api/binding.ts';
import { findCondition, findReady } from '../api/conditions.ts';
import { outputRejections } from '../api/reasons.ts';
import { toDigest } from '../identity/digest.ts';

/**
 * The Kubernetes Events for a change from the status that a binding had to the one that was written. Only transitions
 * have Events, and the same transition has Events of the same names.
 */
export function toEventRecords(binding: Binding, status: BindingStatus): EventRecord[] {
  const before = binding.status ?? {};
  return [
    ...toResolvedEvents(before, status),
    ...toReadyEvents(before, status),
    ...toFailureEvents(before, status),
    ...toOverlapEvents(before, status),
  ].map((text) => ({ ...text, binding, name: toName(binding, status, text) }));
}

type EventText = Pick<EventRecord, 'type' | 'reason' | 'message'>;

/** The part of a status that Events are about. */
type RecordedStatus = Pick<BindingStatus, 'conditions' | 'conflicts'>;

function toResolvedEvents(before: RecordedStatus, after: BindingStatus): EventText[] {
  const wasInConflict = findCondition(before, 'Conflict')?.status === 'True';
  if (!wasInConflict || findCondition(after, 'Conflict')?.status !== 'False') return [];
  return [{ type: 'Normal', reason: 'IdentityCollisionResolved', message: 'identity collision resolved' }];
}

function toReadyEvents(before: RecordedStatus, after: BindingStatus): EventText[] {
  if (!isReady(after) || isReady(before) || !after.claim) return [];
  return [
    { type: 'Normal', reason: 'Reconciled', message: `reconciled ClusterSPIFFEID "${after.claim.name}"` },
  ];
}

function toFailureEvents(before: RecordedStatus, after: BindingStatus): EventText[] {
  const [old, ready] = [findReady(before), findReady(after)];
  if (ready?.status !== 'False') return [];
  // What the API server says of an output may differ with each try, and is no news then.
  const isSame = old?.message === ready.message || outputRejections.includes(ready.reason);
  if (old?.status === 'False' && old.reason === ready.reason && isSame) return [];
  return [{ type: 'Warning', reason: ready.reason, message: ready.message }];
}

function toOverlapEvents(before: RecordedStatus, after: BindingStatus): EventText[] {
  const known = overlapsOf(before).map(({ uid }) => uid);
  const names = overlapsOf(after)
    .filter(({ uid }) => !known.includes(uid))
    .map(({ name }) => name);
  if (names.length === 0) return [];
  const message = `one container may match this binding and ${names.join(', ')}, and would get every identity: make the container names or the pool labels differ`;
  return [{ type: 'Warning', reason: 'PossibleOverlap', message }];
}

function overlapsOf({ conflicts = [] }: RecordedStatus): Peer[] {
  return conflicts.filter(({ reason }) => reason === 'PossibleOverlap');
}

function isReady(status: RecordedStatus): boolean {
  return findReady(status)?.status === 'True';
}

/** The resourceVersion before the write makes each transition distinct. */
function toName({ metadata }: Binding, status: BindingStatus, { reason, message }: EventText): string {
  const step = [metadata.uid, metadata.resourceVersion, status.observedGeneration, reason, message];
  return `${metadata.name.slice(0, 200).replace(/[-.]+$/, '')}.${toDigest(JSON.stringify(step), 16)}`;
}
