import { describe, expect, it } from 'vitest';
import { createBinding, perObjective } from '../../test/support/inference.ts';
import type { BindingStatus, Peer } from '../api/binding.ts';
import { conditionTypes } from '../api/condition-types.ts';
import { type Condition, type Finding, toConditions, toHealthy } from '../api/conditions.ts';
import { toEventRecords } from './event-records.ts';

const now = '2026-11-21T12:00:00Z';
const claim = {
  kind: 'owning',
  name: 'kleym-default-binding-a-objective-0',
  serviceAccountName: 'sa',
  uid: 'u',
} as const;

function statusOf(
  change: Partial<Record<string, Partial<Finding>>>,
  more: Partial<BindingStatus> = {},
): BindingStatus {
  const findings = conditionTypes.map((type): Finding => ({ ...toHealthy(type), ...change[type] }));
  return { observedGeneration: 1, conditions: toConditions(findings, [] as Condition[], 1, now), ...more };
}

const isReady = statusOf({}, { claim });
const unknown = statusOf({ Ready: { status: 'Unknown', reason: 'Initializing' } });
const notFound = statusOf({
  Ready: { status: 'False', reason: 'TargetPoolNotFound', message: 'poolRef "p" was not found' },
});
const colliding = statusOf({
  Ready: { status: 'False', reason: 'IdentityCollision', message: 'identity collision with bindings b' },
  Conflict: { status: 'True', reason: 'IdentityCollision' },
});

function refusedWith(message: string): BindingStatus {
  return statusOf({ Ready: { status: 'False', reason: 'OutputRefused', message } });
}

function tell(before: BindingStatus | undefined, after: BindingStatus): string[] {
  const binding = { ...createBinding(perObjective), ...(before && { status: before }) };
  return toEventRecords(binding, after).map(({ type, reason, message }) => `${type} ${reason}: ${message}`);
}

function overlapping(...names: string[]): BindingStatus {
  const conflicts = names.map((name): Peer => ({ name, uid: `uid-of-${name}`, reason: 'PossibleOverlap' }));
  return { ...isReady, conflicts };
}

describe('what is told of a step', () => {
  it.each<[string, BindingStatus | undefined, BindingStatus, string[]]>([
    [
      'a binding that became Ready',
      unknown,
      isReady,
      ['Normal Reconciled: reconciled ClusterSPIFFEID "kleym-default-binding-a-objective-0"'],
    ],
    ['a binding that stays Ready', isReady, isReady, []],
    ['an announcement', undefined, unknown, []],
    ['a failure', isReady, notFound, ['Warning TargetPoolNotFound: poolRef "p" was not found']],
    ['the same failure again', notFound, notFound, []],
    ['an output that is refused in other words', refusedWith('request 1'), refusedWith('request 2'), []],
    [
      'another failure',
      notFound,
      colliding,
      ['Warning IdentityCollision: identity collision with bindings b'],
    ],
    [
      'the end of a collision',
      colliding,
      unknown,
      ['Normal IdentityCollisionResolved: identity collision resolved'],
    ],
    [
      'an overlap',
      isReady,
      overlapping('b'),
      [expect.stringContaining('Warning PossibleOverlap: one container may match this binding and b')],
    ],
    ['an overlap that is known', overlapping('b'), overlapping('b'), []],
    [
      'another overlap',
      overlapping('b'),
      overlapping('b', 'c'),
      [expect.stringContaining('this binding and c,')],
    ],
  ])('%s', (_what, before, after, told) => {
    expect(tell(before, after)).toEqual(told);
  });

  it('the same step, told twice, has one name; another step has another', () => {
    const binding = createBinding(perObjective);
    const [first] = toEventRecords(binding, notFound);
    const [again] = toEventRecords(binding, notFound);
    const later = { ...binding, metadata: { ...binding.metadata, resourceVersion: '2' } };
    const [other] = toEventRecords(later, notFound);
    expect(first?.name).toBe(again?.name);
    expect(first?.name).not.toBe(other?.name);
  });

  it('the name of an Event is legal for the longest name of a binding', () => {
    const binding = createBinding(perObjective, `${'a'.repeat(198)}.-${'b'.repeat(53)}`);
    const [news] = toEventRecords(binding, notFound);
    expect(news?.name).toMatch(/^a{198}\.[0-9a-f]{16}$/);
  });
});
