import { describe, expect, test } from 'vitest';
import { compareText, toCanonical } from './canonical.ts';

describe('the canonical text', () => {
  test('is the same whatever the order of the keys, at every depth', () => {
    const one = { b: [{ d: 1, c: 2 }], a: { f: 'x', e: null } };
    const other = { a: { e: null, f: 'x' }, b: [{ c: 2, d: 1 }] };
    expect(toCanonical(one)).toBe('{"a":{"e":null,"f":"x"},"b":[{"c":2,"d":1}]}');
    expect(toCanonical(other)).toBe(toCanonical(one));
  });

  test('leaves members out that are undefined', () => {
    expect(toCanonical({ a: undefined, b: 1 })).toBe(toCanonical({ b: 1 }));
  });

  test('keeps the order of a list', () => {
    expect(toCanonical(['b', 'a'])).not.toBe(toCanonical(['a', 'b']));
  });

  test('tells a key apart that every object has', () => {
    const hostile = JSON.parse('{"__proto__":{"app":"x"},"constructor":"y"}') as unknown;
    expect(toCanonical(hostile)).toBe('{"__proto__":{"app":"x"},"constructor":"y"}');
    expect(toCanonical(hostile)).not.toBe(toCanonical({ constructor: 'y' }));
  });

  test('has the keys of numbers in one order as well', () => {
    expect(toCanonical({ 10: 'a', 9: 'b', x: 'c' })).toBe(toCanonical({ x: 'c', 9: 'b', 10: 'a' }));
  });
});

describe('the order of texts', () => {
  test.each([
    ['a', 'a', 0],
    ['a', 'b', -1],
    ['b', 'a', 1],
    ['Z', 'a', -1],
    ['a-b', 'a.b', -1],
    ['k8s:ns:a', 'k8s:pod-label:a', -1],
    ['', 'a', -1],
  ])('of %j and %j is %d, in every locale', (a, b, order) => {
    expect(compareText(a, b)).toBe(order);
  });
});
