import { describe, expect, it } from 'vitest';
import { toFieldSelector, toFieldValue, toLabelSelector } from './selectors.ts';

describe('a label selector', () => {
  it.each([
    ['nothing is asked for', {}, {}],
    ['a value', { a: 'b' }, { labelSelector: 'a=b' }],
    ['the empty value', { a: '' }, { labelSelector: 'a=' }],
    ['one of several values', { a: ['b', 'c'] }, { labelSelector: 'a in (b,c)' }],
    ['one of no values, which nothing has', { a: [] }, { labelSelector: 'a,!a' }],
    ['no such label', { a: undefined }, { labelSelector: '!a' }],
    ['all of these', { a: 'b', c: undefined, d: ['e'] }, { labelSelector: 'a=b,!c,d in (e)' }],
  ])('%s', (_, labels, expected) => {
    expect(toLabelSelector(labels)).toEqual(expected);
  });
});

describe('a field selector', () => {
  it.each([
    ['sa', 'spec.serviceAccountName=sa'],
    ['', 'spec.serviceAccountName='],
    [String.raw`a,b=c\d`, String.raw`spec.serviceAccountName=a\,b\=c\\d`],
  ])('for %j means just this value', (value, expected) => {
    expect(toFieldSelector('spec.serviceAccountName', value)).toBe(expected);
  });
});

describe('the value of a field', () => {
  const metadata = { name: 'a', namespace: 'n', uid: 'u', resourceVersion: '1' };
  const bare = { metadata, spec: { poolRef: { name: 'p' }, serviceAccountName: 's' } };
  const claim = { kind: 'owning', name: 'x', serviceAccountName: 'c', uid: 'u' } as const;
  const full = { metadata, spec: { ...bare.spec, objectiveRef: { name: 'o' } }, status: { claim } };
  it.each([
    ['spec.poolRef.name', bare, 'p'],
    ['spec.serviceAccountName', bare, 's'],
    ['spec.objectiveRef.name', full, 'o'],
    ['spec.objectiveRef.name', bare, ''],
    ['status.claim.serviceAccountName', full, 'c'],
    ['status.claim.serviceAccountName', bare, ''],
  ] as const)('%s', (path, binding, expected) => {
    expect(toFieldValue(binding, path)).toBe(expected);
  });
});
