import { expect, test } from 'vitest';
import type { Binding } from '../api/binding.ts';
import { createConditionSharing } from './share-conditions.ts';

const condition = {
  type: 'Ready',
  status: 'True',
  observedGeneration: 1,
  lastTransitionTime: '2026-01-06T10:00:00Z',
  reason: 'Reconciled',
  message: 'Binding reconciled',
} as const;

function saying(message: string, name = 'a'): Binding {
  return {
    metadata: { name, namespace: 'team-a', uid: 'u', resourceVersion: '1' },
    spec: { poolRef: { name: 'llama' }, serviceAccountName: 'sa' },
    status: { observedGeneration: 1, conditions: [{ ...condition, message }] },
  };
}

test('bindings with the same conditions share them, and say the same', () => {
  const share = createConditionSharing();
  const [a, b] = [share(saying('yes', 'a')), share(saying('yes', 'b'))];
  expect([a, b]).toEqual([saying('yes', 'a'), saying('yes', 'b')]);
  expect(b.status?.conditions).toBe(a.status?.conditions);
});

test('bindings whose conditions differ share nothing', () => {
  const share = createConditionSharing();
  expect([share(saying('yes')), share(saying('no'))]).toEqual([saying('yes'), saying('no')]);
});

test.each<[string, Binding]>([
  ['without a status', { metadata: saying('').metadata, spec: saying('').spec }],
  ['without conditions', { ...saying(''), status: { observedGeneration: 1 } }],
])('a binding %s is left as it is', (_, bare) => {
  expect(createConditionSharing()(structuredClone(bare))).toEqual(bare);
});

test('conditions that are too long to be remembered, or too many, are not shared', () => {
  const share = createConditionSharing();
  const long = 'x'.repeat(2000);
  expect(share(saying(long)).status?.conditions).not.toBe(share(saying(long)).status?.conditions);
  for (let index = 0; index < 4000; index++) share(saying(`m ${index}`));
  const [one, other] = [share(saying('one too many')), share(saying('one too many'))];
  expect(one).toEqual(other);
  expect(one.status?.conditions).not.toBe(other.status?.conditions);
});
