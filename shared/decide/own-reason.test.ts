import { describe, expect, test } from 'vitest';
import { readyCondition } from '../../test/support/conditions.ts';
import { createBinding, exampleSettings, perObjective } from '../../test/support/inference.ts';
import { type Binding, type BindingStatus, bindingFinalizer } from '../api/binding.ts';
import { findOwnReason, isSettled } from './own-reason.ts';

const observed = {
  pool: { group: 'inference.networking.k8s.io', uid: 'uid-of-pool-a', generation: 3 },
  objective: { group: 'llm-d.ai', uid: 'uid-of-objective-a', generation: 2 },
};

const owned = { name: 'output-a', serviceAccountName: 'inference-sa', key: 'key-a' };
const settled = {
  observedGeneration: 1,
  conditions: [readyCondition('True', 'Reconciled')],
  trustDomain: 'example.org',
  observed,
  keyDigest: 'digest-of-key-a',
  claim: { kind: 'owning', ...owned, uid: 'uid-of-output-a' },
} as const satisfies BindingStatus;

function binding(status: Binding['status'], metadata: Partial<Binding['metadata']> = {}): Binding {
  const created = createBinding(perObjective);
  return {
    ...created,
    metadata: { ...created.metadata, finalizers: [bindingFinalizer], ...metadata },
    status,
  };
}

const peer = { name: 'binding-b', uid: 'uid-of-binding-b' };
const { observed: _observed, ...ofGoOperator } = settled;
const { claim: _claim, ...unclaimed } = settled;

type Reason = ReturnType<typeof findOwnReason>;

test.each<[string, Binding, Reason]>([
  ['nobody has evaluated', binding(undefined), 'change'],
  ['is being deleted', binding(settled, { deletionTimestamp: '2026-11-21T11:59:59Z' }), 'deletion'],
  ['was edited since', binding(settled, { generation: 2 }), 'change'],
  ['is older than its status', binding({ ...settled, observedGeneration: 2 }), 'change'],
  ['the Go operator has evaluated', binding(ofGoOperator), 'change'],
  ['was written for another trust domain', binding({ ...settled, trustDomain: 'other.org' }), 'settings'],
  ['was written with a class', binding({ ...settled, clusterSPIFFEIDClassName: 'other' }), 'settings'],
  [
    'has announced a POST',
    binding({ ...settled, claim: { kind: 'creating', ...owned, nonce: 'n', at: '2026-11-21T11:59:59Z' } }),
    'claim',
  ],
  [
    'has announced a PUT',
    binding({ ...settled, claim: { kind: 'replacing', ...owned, uid: 'uid-of-output-a', base: '7' } }),
    'claim',
  ],
  [
    'has an output that the API server refused',
    binding({ ...unclaimed, conditions: [readyCondition('False', 'OutputRefused')] }),
    'refused',
  ],
  [
    'found the CRD of outputs missing',
    binding({ ...unclaimed, conditions: [readyCondition('False', 'ClusterSPIFFEIDCRDMissing')] }),
    'refused',
  ],
  [
    'has an output that could not be deleted',
    binding({ ...settled, conditions: [readyCondition('Unknown', 'DeletionRejected')] }),
    'refused',
  ],
  [
    'could not get our finalizer',
    binding({ ...settled, conditions: [readyCondition('Unknown', 'FinalizerRejected')] }, { finalizers: [] }),
    'refused',
  ],
])('a binding that %s has a reason of its own, and is not settled', (_what, one, reason) => {
  expect(findOwnReason(one, observed, exampleSettings)).toBe(reason);
  expect(isSettled(one, observed, exampleSettings)).toBe(false);
});

describe('a binding that has its identity has no reason of its own', () => {
  const one = binding(settled);

  test('and is settled', () => {
    expect(findOwnReason(one, observed, exampleSettings)).toBeUndefined();
    expect(isSettled(one, observed, exampleSettings)).toBe(true);
  });

  test.each([
    ['its pool was edited', { ...observed, pool: { ...observed.pool, generation: 4 } }],
    ['its pool is another one of this name', { ...observed, pool: { ...observed.pool, uid: 'other' } }],
    ['its pool is of another group', { ...observed, pool: { ...observed.pool, group: 'other' } }],
    ['its objective was edited', { ...observed, objective: { ...observed.objective, generation: 3 } }],
    ['its objective is gone', { pool: observed.pool }],
    ['its pool is gone', {}],
  ])('unless %s', (_what, now) => {
    expect(findOwnReason(one, now, exampleSettings)).toBe('change');
    expect(isSettled(one, now, exampleSettings)).toBe(false);
  });
});

test.each<[string, Binding]>([
  [
    'is in a collision, because its peers may not know',
    binding({
      ...unclaimed,
      conditions: [readyCondition('False', 'IdentityCollision')],
      conflicts: [{ ...peer, reason: 'IdentityCollision' }],
    }),
  ],
  ['may overlap with another', binding({ ...settled, conflicts: [{ ...peer, reason: 'PossibleOverlap' }] })],
  ['is refused', binding({ ...unclaimed, conditions: [readyCondition('False', 'InvalidPoolRef')] })],
  ['waits for another', binding({ ...unclaimed, conditions: [readyCondition('Unknown', 'Waiting')] })],
  ['waits for its old output', binding({ ...settled, conditions: [readyCondition('Unknown', 'Waiting')] })],
  ['says nothing of Ready', binding({ ...settled, conditions: [] })],
  ['claims nothing', binding(unclaimed)],
  [
    'has a claim that cannot be read',
    binding({
      ...settled,
      claim: { kind: 'unreadable', words: 'another kind', serviceAccountName: 'inference-sa' },
    }),
  ],
  ['has lost our finalizer', binding(settled, { finalizers: ['example.com/other'] })],
])('a binding without a reason of its own is not settled if it %s', (_what, one) => {
  expect(findOwnReason(one, observed, exampleSettings)).toBeUndefined();
  expect(isSettled(one, observed, exampleSettings)).toBe(false);
});
