import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { complete } from '../../test/support/complete.ts';
import { toCanonical } from '../identity/canonical.ts';
import { type Slice, mayOverlap, parseSlice } from '../identity/collision-key.ts';
import { type Overlaps, findOverlaps, indexOverlaps } from './overlap-index.ts';

function find(keys: readonly string[], key: string, most = Infinity): Overlaps {
  return findOverlaps(complete(indexOverlaps(keys)), key, most);
}

/** The same by comparing the key with each of the others. */
function compareAll(keys: readonly string[], key: string): string[] {
  return keys.filter((other) => other !== key && mayOverlap(parseSlice(key), parseSlice(other))).toSorted();
}

function keyOf(pods: Record<string, unknown> | undefined, others: Partial<Slice> = {}): string {
  return toCanonical({ pods, serviceAccount: 'sa', container: 'main', ...others });
}

function labels(count: number): Record<string, string> {
  return Object.fromEntries(Array.from({ length: count }, (_, index) => [`l-${index}`, 'x']));
}

const label = fc.constantFrom('app', 'role', 'tier', 'constructor', 'toString', 'hasOwnProperty');
const slice = fc
  .record(
    {
      pods: fc.dictionary(label, fc.constantFrom('x', 'y', 'z', 'constructor'), { maxKeys: 4 }),
      serviceAccount: fc.constantFrom('sa', 'other'),
      container: fc.constantFrom('main', 'sidecar', 'constructor'),
      image: fc.constantFrom('i', 'j'),
    },
    { requiredKeys: [] },
  )
  .map(toCanonical);
const strange = fc.constantFrom(
  '',
  'null',
  '[]',
  'no json',
  '{"pods":{"app":1}}',
  '{"pods":{"matchLabels":{"app":"x"},"matchExpressions":[{}]},"serviceAccount":"sa"}',
  '{"pods":{"__proto__":"x"},"serviceAccount":"sa","container":"main"}',
  keyOf(labels(65)),
);
const someKeys = fc.uniqueArray(
  fc.oneof({ weight: 12, arbitrary: slice }, { weight: 1, arbitrary: strange }),
  {
    maxLength: 120,
  },
);

describe('the keys that may overlap with one', () => {
  test('are those that comparing it with each of the others finds', () => {
    fc.assert(
      fc.property(someKeys, fc.oneof(slice, strange), (keys, foreign) => {
        const index = complete(indexOverlaps(keys));
        for (const key of [...keys.slice(0, 20), foreign]) {
          const { keys: found, isCut } = findOverlaps(index, key, Infinity);
          expect(found.toSorted()).toEqual(compareAll(keys, key));
          expect(isCut).toBe(false);
        }
      }),
      { numRuns: 300 },
    );
  });

  test('are as many of them as are wanted, and it is said whether there are more', () => {
    fc.assert(
      fc.property(someKeys, slice, fc.nat(12), (keys, key, most) => {
        const all = compareAll(keys, key);
        const { keys: found, isCut } = find(keys, key, most);
        expect(new Set(found).size).toBe(Math.min(most, all.length));
        expect(found.filter((one) => !all.includes(one))).toEqual([]);
        expect(isCut).toBe(all.length > most);
      }),
    );
  });

  test('are found near it first, so that no two of a crowd name the same ones', () => {
    const crowd = Array.from({ length: 12 }, (_, index) => keyOf({ app: 'x' }, { image: `i-${index}` }));
    const names = (index: number) => find(crowd, crowd[index] ?? '', 3).keys;
    expect(names(4)).toEqual([crowd[5], crowd[6], crowd[7]]);
    expect(names(10)).toEqual([crowd[11], crowd[0], crowd[1]]);
  });

  test('are found first where they say the same of what tells most apart, last where they say nothing', () => {
    const told = Array.from({ length: 40 }, (_, index) =>
      keyOf({ app: `a-${index % 20}` }, { image: `i-${index}` }),
    );
    const silent = keyOf({ tier: 'all' });
    expect(find([silent, ...told], keyOf({ app: 'a-3' }), 3).keys).toEqual([told[3], told[23], silent]);
  });

  test('are every one of its service account and container, where nothing is known of its pods', () => {
    const keys = [keyOf({ app: 'x' }), keyOf({ app: 'y' }), keyOf({ app: 'x' }, { container: 'other' })];
    expect(find(keys, keyOf(undefined)).keys.toSorted()).toEqual([keys[0], keys[1]]);
    expect(find(keys, 'no json').keys.toSorted()).toEqual(keys.toSorted());
  });

  test('are told apart by labels that every object has as members', () => {
    const key = (value: string) => keyOf({ constructor: value });
    const keys = Array.from({ length: 40 }, (_, index) => key(`v-${index}`));
    expect(find(keys, key('v-1'))).toEqual({ keys: [], isCut: false });
    expect(find(keys, keyOf({ app: 'x' })).keys).toHaveLength(40);
  });

  test('are any, where a key has more labels than we write', () => {
    const other = keyOf({ 'l-0': 'y' });
    expect(find([other], keyOf(labels(64))).keys).toEqual([]);
    expect(find([other], keyOf(labels(65))).keys).toEqual([other]);
  });
});

test('who would be compared with thousands is compared with the first of them, and told that there may be more', () => {
  // Each has a label of its own, and none tells two of them apart.
  const crowd = (count: number) =>
    Array.from({ length: count }, (_, index) => keyOf({ [`only-${index}`]: 'x' }));
  const key = keyOf({ app: 'x' });
  expect([find(crowd(2_000), key).keys.length, find(crowd(2_000), key).isCut]).toEqual([2_000, false]);
  expect([find(crowd(2_001), key).keys.length, find(crowd(2_001), key).isCut]).toEqual([2_000, true]);
});

describe('many that no label tells apart, and that agree in one', () => {
  const alike = (count: number) =>
    Array.from({ length: count }, (_, index) => keyOf({ app: 'x', [`only-${index}`]: 'x' }));

  test.each<[string, string, Overlaps['isCut'], number]>([
    ['differs in it', keyOf({ app: 'y' }), false, 0],
    ['says the same there', keyOf({ app: 'x' }), true, 2_000],
    ['says nothing of it', keyOf({ tier: 'y' }), true, 2_000],
    ['has unknown pods', keyOf(undefined), true, 2_000],
  ])(
    'are compared with who does not differ there, and with nobody else: one that %s',
    (_who, key, isCut, count) => {
      const found = find(alike(2_001), key);
      expect([found.isCut, found.keys.length]).toEqual([isCut, count]);
    },
  );

  test('are compared one by one where one of them does not agree', () => {
    const silent = keyOf({ tier: 'x' });
    const key = keyOf({ app: 'y' });
    // It is the last one that is looked at.
    expect(find([silent, ...alike(1_999)], key)).toEqual({ keys: [silent], isCut: false });
    expect(find([silent, ...alike(2_000)], key)).toEqual({ keys: [], isCut: true });
  });

  test('are found like those of any other shape', () => {
    const own = fc.record({ app: fc.constantFrom('x', 'y') }, { requiredKeys: [] });
    fc.assert(
      fc.property(fc.array(own, { minLength: 17, maxLength: 60 }), own, (some, pods) => {
        const keys = some.map((one, index) => keyOf({ ...one, [`only-${index}`]: 'x' }));
        const key = keyOf({ ...pods, tier: 'x' });
        expect(find(keys, key).keys.toSorted()).toEqual(compareAll(keys, key));
      }),
    );
  });
});
