import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { compareText, isSameJson, toCanonical } from './canonical.ts';

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

describe('two values are the same', () => {
  test('exactly where their canonical texts are', () => {
    const small = fc.letrec((tie) => ({
      value: fc.oneof(
        { maxDepth: 3 },
        fc.constantFrom(null, true, 0, 1, '', 'a', '1', undefined),
        fc.array(tie('value'), { maxLength: 3 }).map((items) => items.map((item) => item ?? null)),
        fc.dictionary(fc.constantFrom('a', 'b', '0', 'constructor', '__proto__'), tie('value'), {
          maxKeys: 3,
        }),
      ),
    })).value;
    fc.assert(
      fc.property(small, small, (a, b) => {
        expect(isSameJson(a, b)).toBe(
          toCanonical(a) === toCanonical(b) && (a === undefined) === (b === undefined),
        );
        expect(isSameJson(a, structuredClone(a))).toBe(true);
      }),
      { numRuns: 2_000 },
    );
    fc.assert(
      fc.property(fc.jsonValue(), fc.jsonValue(), (a, b) => {
        expect(isSameJson(a, b)).toBe(toCanonical(a) === toCanonical(b));
      }),
    );
  });

  test.each([
    [{ a: undefined }, {}],
    [
      { a: 1, b: [{ c: 2, d: 3 }] },
      { b: [{ d: 3, c: 2 }], a: 1 },
    ],
  ])('whatever the order of their keys, and whatever is undefined: %j and %j', (a, b) => {
    expect(isSameJson(a, b)).toBe(true);
  });

  test.each([
    [[], {}],
    [[1], { 0: 1 }],
    [{ a: null }, {}],
    [
      { a: undefined, b: 1 },
      { a: 1, b: undefined },
    ],
    [
      ['b', 'a'],
      ['a', 'b'],
    ],
    ['1', 1],
    [JSON.parse('{"__proto__":1}'), {}],
    [{ constructor: 'x' }, {}],
  ])('not %j and %j', (a, b) => {
    expect(isSameJson(a, b)).toBe(false);
    expect(isSameJson(b, a)).toBe(false);
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
