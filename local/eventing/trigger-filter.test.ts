import { expect, test } from 'vitest';
import { TriggerFilter, matchesFilter } from './trigger-filter.ts';

const event = { type: 'dev.knative.apiserver.resource.add', kind: 'InferencePool', namespace: '' };

test.each<[TriggerFilter, boolean]>([
  [{ exact: { kind: 'InferencePool' } }, true],
  [{ exact: { kind: 'inferencepool' } }, false],
  [{ exact: { kind: 'InferencePool', type: 'x' } }, false],
  [{ exact: { absent: 'x' } }, false],
  [{ prefix: { type: 'dev.knative.apiserver.resource.' } }, true],
  [{ prefix: { type: 'dev.knative.apiserver.ref.' } }, false],
  [{ prefix: { absent: 'x' } }, false],
  [{ suffix: { type: '.add' } }, true],
  [{ suffix: { type: '.delete' } }, false],
  [{ not: { exact: { kind: 'InferencePool' } } }, false],
  [{ not: { prefix: { absent: 'x' } } }, true],
  [{ all: [{ suffix: { type: '.add' } }, { exact: { kind: 'InferencePool' } }] }, true],
  [{ all: [{ suffix: { type: '.add' } }, { exact: { kind: 'Other' } }] }, false],
  [{ any: [{ exact: { kind: 'Other' } }, { suffix: { type: '.add' } }] }, true],
  [{ any: [{ exact: { kind: 'Other' } }, { exact: { kind: 'Another' } }] }, false],
])('%j → %s', (filter, expected) => {
  expect(matchesFilter(TriggerFilter.parse(filter), event)).toBe(expected);
});

test.each([
  ['two dialects in one item', { exact: { kind: 'a' }, prefix: { type: 'b' } }],
  ['a dialect that is not spoken here', { cesql: "kind = 'a'" }],
  ['an empty value, which matches nothing', { exact: { namespace: '' } }],
  ['no attribute', { exact: {} }],
  ['a name in capitals', { exact: { Kind: 'a' } }],
  ['an empty list', { any: [] }],
  ['a wrong filter inside', { not: { exact: { kind: '' } } }],
])('refuses %s', (_, filter) => {
  expect(TriggerFilter.safeParse(filter).success).toBe(false);
});
