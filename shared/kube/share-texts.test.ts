import { expect, test } from 'vitest';
import type { Binding } from '../api/binding.ts';
import { createTextSharing } from './share-texts.ts';

const condition = {
  type: 'Ready',
  status: 'True',
  observedGeneration: 1,
  lastTransitionTime: '2026-01-06T10:00:00Z',
  reason: 'Reconciled',
  message: 'Binding reconciled',
} as const;
const binding: Binding = {
  metadata: { name: 'a', namespace: 'team-a', uid: 'u', resourceVersion: '1' },
  spec: { poolRef: { name: 'llama' }, serviceAccountName: 'sa' },
  status: { observedGeneration: 1, conditions: [condition, { ...condition, message: 'x'.repeat(10_000) }] },
};

test('a binding whose conditions share their words says the same', () => {
  const share = createTextSharing();
  for (let time = 0; time < 3; time += 1) expect(share(structuredClone(binding))).toEqual(binding);
});

test.each([
  ['status', { metadata: binding.metadata, spec: binding.spec }],
  ['conditions', { ...binding, status: { observedGeneration: 1 } }],
])('a binding without %s is left as it is', (_, bare) => {
  expect(createTextSharing()(bare)).toEqual(bare);
});

test('more words than are shared are kept all the same', () => {
  const share = createTextSharing();
  const messages = Array.from({ length: 1001 }, (_, index) => ({ ...condition, message: `m ${index}` }));
  const wordy = { ...binding, status: { conditions: messages } };
  expect([share(wordy), share(wordy)]).toEqual([wordy, wordy]);
});
