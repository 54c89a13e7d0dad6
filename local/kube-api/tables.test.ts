import { describe, expect, test } from 'vitest';
import type { Json } from './json.ts';
import { parseJsonPath, toAge, toColumns } from './tables.ts';

const second = 1000;
const minute = 60 * second;
const hour = 60 * minute;
const day = 24 * hour;

describe('an age', () => {
  const now = Date.parse('2026-06-01T00:00:00Z');

  test.each<[number, string]>([
    [0, '0s'],
    [119 * second, '119s'],
    [2 * minute, '2m'],
    [3 * minute + 20 * second, '3m20s'],
    [10 * minute + 20 * second, '10m'],
    [3 * hour, '3h'],
    [7 * hour + 5 * minute, '7h5m'],
    [9 * hour + 5 * minute, '9h'],
    [2 * day, '2d'],
    [2 * day + 4 * hour, '2d4h'],
    [9 * day + 4 * hour, '9d'],
    [800 * day, '2y70d'],
    [-second, '0s'],
    [-minute, '<invalid>'],
  ])('of %i ms is %s', (milliseconds, expected) => {
    expect(toAge(new Date(now - milliseconds).toISOString(), now)).toBe(expected);
  });

  test.each([undefined, null, 'today', 5])('of %o is not known', (time) => {
    expect(toAge(time, now)).toBe('<unknown>');
  });
});

describe('a JSONPath', () => {
  const value = {
    spec: { tags: ['a', 'b'], 'x.y': 1, odd: { "it's": 2 } },
    status: {
      conditions: [
        { type: 'Ready', status: 'True' },
        { type: 'Conflict', status: 'False' },
      ],
    },
  };

  test.each<[string, Json[]]>([
    ['.spec.tags', [['a', 'b']]],
    ['.spec.tags[0]', ['a']],
    ['.spec.tags[-1]', ['b']],
    ['.spec.tags[*]', ['a', 'b']],
    ['.spec.tags[7]', []],
    [String.raw`.spec.x\.y`, [1]],
    [".spec['x.y']", [1]],
    ['.status.conditions[?(@.type=="Ready")].status', ['True']],
    [".status.conditions[?(@.type=='Conflict')].status", ['False']],
    ['.status.conditions[?(@.type!="Ready")].type', ['Conflict']],
    ['.status.conditions[?(@.type=="None")].status', []],
    ['.nothing.at.all', []],
  ])('%s finds %o', (path, expected) => {
    expect(parseJsonPath(path)?.(value)).toEqual(expected);
  });

  test.each(['..name', '.a[1:2]', '.a[?(@.b>1)]', '{.a}', '.a[', 'a'])(
    '%s is more than is understood',
    (path) => {
      expect(parseJsonPath(path)).toBeUndefined();
    },
  );
});

describe('the columns of a custom resource', () => {
  const object = {
    apiVersion: 'v1',
    kind: 'Thing',
    metadata: { name: 'one' },
    spec: { n: 2.5, b: true, s: 'x', l: ['a', 'b'] },
  };

  function cellOf(type: string, jsonPath: string): Json | undefined {
    return toColumns([{ name: 'C', type, jsonPath }])[1]?.cell(object, 0);
  }

  test.each<[string, string, Json]>([
    ['string', '.spec.s', 'x'],
    ['string', '.spec.n', '2.5'],
    ['string', '.spec.l', '["a","b"]'],
    ['string', '.spec.l[*]', 'a'],
    ['string', '.spec.none', null],
    ['integer', '.spec.n', 2],
    ['integer', '.spec.s', null],
    ['number', '.spec.n', 2.5],
    ['boolean', '.spec.b', true],
    ['boolean', '.spec.s', null],
    ['date', '.spec.s', '<unknown>'],
  ])('show a %s at %s as %o', (type, path, expected) => {
    expect(cellOf(type, path)).toEqual(expected);
  });

  test('have an empty name for what has none, such as a bookmark', () => {
    const bookmark = { apiVersion: 'v1', kind: 'Thing', metadata: { resourceVersion: '5' } };
    expect(toColumns([])[0]?.cell(bookmark as unknown as typeof object, 0)).toBe('');
  });

  test('are name and age where none are declared', () => {
    expect(toColumns([]).map(({ name, type }) => [name, type])).toEqual([
      ['Name', 'string'],
      ['Age', 'date'],
    ]);
  });
});
