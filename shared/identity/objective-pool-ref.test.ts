import { describe, expect, test } from 'vitest';
import { parsePoolRef } from './objective-pool-ref.ts';

describe('what an objective says about its pool', () => {
  test.each([
    ['a name', { name: 'pool-a' }, { name: 'pool-a' }],
    ['a name within blanks', { name: ' pool-a\n' }, { name: 'pool-a' }],
    [
      'a group and a kind',
      { name: 'p', group: ' g ', kind: 'InferencePool' },
      { name: 'p', group: 'g', kind: 'InferencePool' },
    ],
    [
      'an empty group, kind and namespace',
      { name: 'p', group: '', kind: '', namespace: '' },
      { name: 'p', group: '', kind: '', namespace: '' },
    ],
    ['more than we know', { name: 'p', port: 8000 }, { name: 'p' }],
  ])('may be %s', (_what, value, expected) => {
    expect(parsePoolRef(value)).toEqual({ kind: 'done', value: expected });
  });

  test.each([
    [
      'nothing',
      undefined,
      'poolRef is not usable: expected the name of an InferencePool in the same namespace',
    ],
    ['null', null, 'poolRef is not usable: expected the name of an InferencePool in the same namespace'],
    [
      'a text',
      'pool-a',
      'poolRef is not usable: expected the name of an InferencePool in the same namespace',
    ],
    [
      'a list',
      ['pool-a'],
      'poolRef is not usable: expected the name of an InferencePool in the same namespace',
    ],
    ['no name', {}, 'poolRef.name is not usable: expected the name of an InferencePool'],
    ['an empty name', { name: '' }, 'poolRef.name is not usable: expected the name of an InferencePool'],
    ['a blank name', { name: ' ' }, 'poolRef.name is not usable: expected the name of an InferencePool'],
    ['a number for a name', { name: 1 }, 'poolRef.name is not usable: expected the name of an InferencePool'],
    [
      'another kind',
      { name: 'p', kind: 'Service' },
      'poolRef.kind is not usable: expected InferencePool, or none',
    ],
    [
      'a list for a kind',
      { name: 'p', kind: [] },
      'poolRef.kind is not usable: expected InferencePool, or none',
    ],
    [
      'a number for a group',
      { name: 'p', group: 1 },
      'poolRef.group is not usable: expected an API group, or none',
    ],
    [
      'null for a group',
      { name: 'p', group: null },
      'poolRef.group is not usable: expected an API group, or none',
    ],
    [
      'a map for a namespace',
      { name: 'p', namespace: {} },
      'poolRef.namespace is not usable: expected the namespace of the objective, or none',
    ],
  ])('cannot be %s', (_what, value, message) => {
    expect(parsePoolRef(value)).toEqual({
      kind: 'refused',
      condition: 'InvalidRef',
      reason: 'InvalidObjectiveRef',
      message,
      retry: false,
    });
  });
});
