import { describe, expect, it } from 'vitest';
import { type Address, isPathSegment, toPath } from './addresses.ts';

const resource = { group: 'example.org', version: 'v1', kind: 'Thing', plural: 'things' } as const;

describe('a path', () => {
  it.each<[Address, string]>([
    [{ resource }, '/apis/example.org/v1/things'],
    [{ resource, namespace: 'n' }, '/apis/example.org/v1/namespaces/n/things'],
    [{ resource, name: 'x' }, '/apis/example.org/v1/things/x'],
    [
      { resource, namespace: 'n', name: 'x', subresource: 'status' },
      '/apis/example.org/v1/namespaces/n/things/x/status',
    ],
    [{ resource, name: 'a b?c#d' }, '/apis/example.org/v1/things/a%20b%3Fc%23d'],
  ])('%j', (address, expected) => {
    expect(toPath(address)).toBe(expected);
  });

  it('is made of names as long as names may be', () => {
    expect([253, 254].map((length) => isPathSegment('n'.repeat(length)))).toEqual([true, false]);
    expect(() => toPath({ resource, name: 'n'.repeat(254) })).toThrow(
      `"${'n'.repeat(253)}…" cannot be part of a path to things`,
    );
  });

  it.each(['', '.', '..', 'a/b', 'a%2Fb', '/'])('is never made of %j', (text) => {
    expect(isPathSegment(text)).toBe(false);
    expect(() => toPath({ resource, name: text })).toThrow('cannot be part of a path to things');
    expect(() => toPath({ resource, namespace: text })).toThrow('cannot be part of a path to things');
  });
});
