import type { Announcement } from '../api/announcement.ts';
import type { Binding, BindingStatus, Peer } from '../api/binding.ts';
import { findCondition, findReady } from '../api/conditions.ts';
import { toDigest } from '../identity/digest.ts';

/**
 * What is worth telling about a step from the status that a binding had to the one that was written: transitions
 * only. The same step, told twice, has the same names.
 */
export function toAnnouncements(binding: Binding, status: BindingStatus): Announcement[] {
  const before = binding.status ?? {};
  return [
    ...tellResolved(before, status),
    ...tellReady(before, status),
    ...tellFailure(before, status),
    ...tellOverlaps(before, status),
  ].map((news) => ({ ...news, binding, name: toName(binding, status, news) }));
}

type News = Pick<Announcement, 'type' | 'reason' | 'message'>;

/** What was said before of which it matters whether it is new. */
type Said = Pick<BindingStatus, 'conditions' | 'conflicts'>;

function tellResolved(before: Said, after: BindingStatus): News[] {
  const wasInConflict = findCondition(before, 'Conflict')?.status === 'True';
  if (!wasInConflict || findCondition(after, 'Conflict')?.status !== 'False') return [];
  return [{ type: 'Normal', reason: 'IdentityCollisionResolved', message: 'identity collision resolved' }];
}

function tellReady(before: Said, after: BindingStatus): News[] {
  if (!isReady(after) || isReady(before) || !after.claim) return [];
  return [
    { type: 'Normal', reason: 'Reconciled', message: `reconciled ClusterSPIFFEID "${after.claim.name}"` },
  ];
}

function tellFailure(before: Said, after: BindingStatus): News[] {
  const [old, ready] = [findReady(before), findReady(after)];
  if (ready?.status !== 'False') return [];
  if (old?.status === 'False' && old.reason === ready.reason && old.message === ready.message) return [];
  return [{ type: 'Warning', reason: ready.reason, message: ready.message }];
}

function tellOverlaps(before: Said, after: BindingStatus): News[] {
  const known = overlapsOf(before).map(({ uid }) => uid);
  const names = overlapsOf(after)
    .filter(({ uid }) => !known.includes(uid))
    .map(({ name }) => name);
  if (names.length === 0) return [];
  const message = `one container may match this binding and ${names.join(', ')}, and would get every identity: make the container names or the pool labels differ`;
  return [{ type: 'Warning', reason: 'PossibleOverlap', message }];
}

function overlapsOf({ conflicts = [] }: Said): Peer[] {
  return conflicts.filter(({ reason }) => reason === 'PossibleOverlap');
}

function isReady(status: Said): boolean {
  return findReady(status)?.status === 'True';
}

/** The resourceVersion from which the step was taken makes each step one of its own. */
function toName({ metadata }: Binding, status: BindingStatus, { reason, message }: News): string {
  const step = [metadata.uid, metadata.resourceVersion, status.observedGeneration, reason, message];
  return `${metadata.name.slice(0, 200).replace(/[-.]+$/, '')}.${toDigest(JSON.stringify(step), 16)}`;
}
