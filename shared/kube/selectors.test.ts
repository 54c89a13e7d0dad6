import { describe, expect, it } from 'vitest';
import { isSelected, toFieldSelector, toLabelSelector } from './selectors.ts';

describe('a label selector', () => {
  it.each([
    ['nothing is asked for', {}, {}],
    ['a value', { a: 'b' }, { labelSelector: 'a=b' }],
    ['the empty value', { a: '' }, { labelSelector: 'a=' }],
    ['one of several values', { a: ['b', 'c'] }, { labelSelector: 'a in (b,c)' }],
    ['one of no values, which nothing has', { a: [] }, { labelSelector: 'a,!a' }],
    ['no such label', { a: undefined }, { labelSelector: '!a' }],
    [
      'none of these values, or no such label',
      { a: { notIn: ['b', 'c'] } },
      { labelSelector: 'a notin (b,c)' },
    ],
    ['all of these', { a: 'b', c: undefined, d: ['e'] }, { labelSelector: 'a=b,!c,d in (e)' }],
  ])('%s', (_, labels, expected) => {
    expect(toLabelSelector(labels)).toEqual(expected);
  });
});

describe('a field selector', () => {
  it.each([
    [{ value: 'sa' }, 'spec.serviceAccountName=sa'],
    [{ value: '' }, 'spec.serviceAccountName='],
    [{ value: String.raw`a,b=c\d` }, String.raw`spec.serviceAccountName=a\,b\=c\\d`],
    [{ notIn: ['', 'a,b'] }, String.raw`spec.serviceAccountName!=,spec.serviceAccountName!=a\,b`],
  ])('for %j means just that', (wanted, expected) => {
    expect(toFieldSelector({ path: 'spec.serviceAccountName', ...wanted })).toBe(expected);
  });

  it('for several fields asks for all of them', () => {
    const fields = [
      { path: 'status.keyDigest', notIn: [''] },
      { path: 'status.keyShape', value: 's' },
    ] as const;
    expect(toFieldSelector(fields)).toBe('status.keyDigest!=,status.keyShape=s');
  });
});

describe('what a binding has in a field', () => {
  const metadata = { name: 'a', namespace: 'n', uid: 'u', resourceVersion: '1' };
  const bare = { metadata, spec: { poolRef: { name: 'p' }, serviceAccountName: 's' } };
  const claim = { kind: 'owning', name: 'x', serviceAccountName: 'c', uid: 'u' } as const;
  const full = {
    metadata,
    spec: { ...bare.spec, objectiveRef: { name: 'o' } },
    status: { claim, keyDigest: 'd', keyShape: 's' },
  };
  it.each([
    ['metadata.name', bare, 'a'],
    ['spec.poolRef.name', bare, 'p'],
    ['spec.serviceAccountName', bare, 's'],
    ['spec.objectiveRef.name', full, 'o'],
    ['spec.objectiveRef.name', bare, ''],
    ['status.claim.serviceAccountName', full, 'c'],
    ['status.claim.serviceAccountName', bare, ''],
    ['status.claim.kind', full, 'owning'],
    ['status.claim.kind', bare, ''],
    ['status.keyDigest', full, 'd'],
    ['status.keyDigest', bare, ''],
    ['status.keyShape', full, 's'],
    ['status.keyShape', bare, ''],
  ] as const)('%s', (path, binding, value) => {
    expect(isSelected(binding, { path, value })).toBe(true);
    expect(isSelected(binding, { path, value: 'another' })).toBe(false);
    expect(isSelected(binding, { path, notIn: ['another'] })).toBe(true);
    expect(isSelected(binding, { path, notIn: ['another', value] })).toBe(false);
  });

  it('must be right in all fields that are asked for', () => {
    const name = { path: 'metadata.name', value: 'a' } as const;
    expect(isSelected(full, [name, { path: 'status.keyShape', value: 's' }])).toBe(true);
    expect(isSelected(full, [name, { path: 'status.keyShape', value: 't' }])).toBe(false);
  });
});
