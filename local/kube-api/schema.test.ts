import { describe, expect, test } from 'vitest';
import type { Json } from './json.ts';
import { type Schema, applyDefaults, findTypeMismatch, prune, schemaErrors } from './schema.ts';

function object(properties: Record<string, Schema>, more: Schema = {}): Schema {
  return { type: 'object', properties, ...more };
}

const text: Schema = { type: 'string' };

describe('defaults', () => {
  const schema = object({
    mode: { type: 'string', default: 'A' },
    ref: object({ group: { type: 'string', default: 'core' } }),
    filled: { ...object({ x: { type: 'string', default: 'deep' } }), default: {} },
    list: { type: 'array', items: object({ kind: { type: 'string', default: 'K' } }) },
    map: { type: 'object', additionalProperties: object({ n: { type: 'integer', default: 1 } }) },
    maybe: { type: 'string', nullable: true, default: 'x' },
  });

  test.each<[string, Json, Json]>([
    ['fill what is absent', {}, { mode: 'A', filled: { x: 'deep' }, maybe: 'x' }],
    [
      'leave what is said',
      { mode: 'B', filled: { x: '' }, maybe: 'y' },
      { mode: 'B', filled: { x: '' }, maybe: 'y' },
    ],
    [
      'do not make the object they stand in',
      { ref: {} },
      { ref: { group: 'core' }, mode: 'A', filled: { x: 'deep' }, maybe: 'x' },
    ],
    [
      'fill items of lists',
      { list: [{}] },
      { list: [{ kind: 'K' }], mode: 'A', filled: { x: 'deep' }, maybe: 'x' },
    ],
    [
      'fill values of maps',
      { map: { a: {} } },
      { map: { a: { n: 1 } }, mode: 'A', filled: { x: 'deep' }, maybe: 'x' },
    ],
    ['take null for absent', { mode: null, ref: null }, { mode: 'A', filled: { x: 'deep' }, maybe: 'x' }],
    ['leave null where it may stand', { maybe: null }, { maybe: null, mode: 'A', filled: { x: 'deep' } }],
  ])('%s', (_title, value, expected) => {
    expect(applyDefaults(value, schema)).toEqual(expected);
  });

  test('are never shared between objects', () => {
    const first = applyDefaults({}, schema) as { filled: object };
    const second = applyDefaults({}, schema) as { filled: object };
    expect(first.filled).not.toBe(second.filled);
  });
});

describe('pruning', () => {
  test.each<[string, Schema, Json, Json, string[]]>([
    ['takes away what is not known', object({ a: text }), { a: 'x', b: 1 }, { a: 'x' }, ['b']],
    [
      'names the place',
      object({ a: { type: 'array', items: object({ b: text }) } }),
      { a: [{}, { c: 1 }] },
      { a: [{}, {}] },
      ['a[1].c'],
    ],
    [
      'keeps maps',
      object({ m: { type: 'object', additionalProperties: text } }),
      { m: { any: 'x' } },
      { m: { any: 'x' } },
      [],
    ],
    [
      'prunes inside of maps',
      object({ m: { type: 'object', additionalProperties: object({ a: text }) } }),
      { m: { k: { b: 1 } } },
      { m: { k: {} } },
      ['m.k.b'],
    ],
    [
      'keeps what may be anything',
      object({ f: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } }),
      { f: { z: 1 } },
      { f: { z: 1 } },
      [],
    ],
  ])('%s', (_title, schema, value, kept, gone) => {
    const unknown: string[] = [];
    expect(prune(value, schema, unknown)).toEqual(kept);
    expect(unknown).toEqual(gone);
  });
});

describe('what is wrong', () => {
  const list = (more: Schema): Schema => ({ type: 'array', items: text, ...more });
  test.each<[string, Schema, Json, string[]]>([
    ['nothing', text, 'x', []],
    ['a type', text, 5, ['a: Invalid value: "integer": a in body must be of type string: "integer"']],
    [
      'a fraction',
      { type: 'integer' },
      1.5,
      ['a: Invalid value: "number": a in body must be of type integer: "number"'],
    ],
    ['a whole number is a number', { type: 'number' }, 1, []],
    ['null', text, null, ['a: Invalid value: "null": a in body must be of type string: "null"']],
    ['null where it may stand', { type: 'string', nullable: true }, null, []],
    [
      'an enum',
      { type: 'string', enum: ['A', 'B'] },
      'C',
      ['a: Unsupported value: "C": supported values: "A", "B"'],
    ],
    [
      'a pattern',
      { type: 'string', pattern: '^[a-z]+$' },
      'X',
      [`a: Invalid value: "X": a in body should match '^[a-z]+$'`],
    ],
    [
      'a short text',
      { type: 'string', minLength: 2 },
      'x',
      ['a: Invalid value: "x": a in body should be at least 2 chars long'],
    ],
    ['a long text', { type: 'string', maxLength: 2 }, 'xxx', ['a: Too long: may not be more than 2 bytes']],
    ['length in characters, not in code units', { type: 'string', maxLength: 2 }, '🙂🙂', []],
    [
      'too little',
      { type: 'integer', minimum: 1 },
      0,
      ['a: Invalid value: 0: a in body should be greater than or equal to 1'],
    ],
    [
      'too much',
      { type: 'integer', maximum: 1 },
      2,
      ['a: Invalid value: 2: a in body should be less than or equal to 1'],
    ],
    ['few items', list({ minItems: 1 }), [], ['a: Invalid value: 0: a in body should have at least 1 items']],
    ['many items', list({ maxItems: 1 }), ['x', 'y'], ['a: Too many: 2: must have at most 1 items']],
    [
      'an item',
      list({}),
      ['x', 1],
      ['a[1]: Invalid value: "integer": a[1] in body must be of type string: "integer"'],
    ],
    [
      'an item of a set twice',
      list({ 'x-kubernetes-list-type': 'set' }),
      ['x', 'x'],
      ['a[1]: Duplicate value: "x"'],
    ],
    [
      'a key of a list twice',
      {
        type: 'array',
        items: object({ k: text }),
        'x-kubernetes-list-type': 'map',
        'x-kubernetes-list-map-keys': ['k'],
      },
      [
        { k: 'x', v: 1 },
        { k: 'x', v: 2 },
      ],
      ['a[1]: Duplicate value: {"k":"x"}'],
    ],
    [
      'many properties',
      { type: 'object', maxProperties: 1, additionalProperties: text },
      { b: '', c: '' },
      ['a: Too many: 2: must have at most 1 items'],
    ],
    ['what is required', object({ b: text }, { required: ['b'] }), {}, ['a.b: Required value']],
    [
      'a time',
      { type: 'string', format: 'date-time' },
      'today',
      ['a: Invalid value: "today": a in body must be of type date-time: "today"'],
    ],
    ['a time that is one', { type: 'string', format: 'date-time' }, '2026-01-02T03:04:05.678Z', []],
    ['a format nobody checks', { type: 'string', format: 'frob' }, 'x', []],
  ])('is told of %s', (_title, schema, value, expected) => {
    const errors = schemaErrors({ a: value }, object({ a: schema }), undefined);
    expect(errors.map(({ field, message }) => `${field}: ${message}`)).toEqual(expected);
  });

  test('is not asked of what was there before and is not touched', () => {
    const schema = object({ a: { type: 'string', maxLength: 1 }, b: text });
    expect(schemaErrors({ a: 'long', b: 'new' }, schema, { a: 'long', b: 'old' })).toEqual([]);
    expect(schemaErrors({ a: 'longer', b: 'new' }, schema, { a: 'long', b: 'old' })).toHaveLength(1);
  });

  test('is not asked of an item that its key says is the same', () => {
    const schema: Schema = {
      type: 'array',
      items: object({ k: text, v: { type: 'string', maxLength: 1 } }),
      'x-kubernetes-list-type': 'map',
      'x-kubernetes-list-map-keys': ['k'],
    };
    const old = [{ k: 'a', v: 'long' }];
    expect(
      schemaErrors(
        [
          { k: 'b', v: 'x' },
          { k: 'a', v: 'long' },
        ],
        schema,
        old,
      ),
    ).toEqual([]);
    expect(schemaErrors([{ k: 'b', v: 'long' }], schema, old)).toHaveLength(1);
  });
});

describe('a type mismatch', () => {
  const schema = object({
    data: { type: 'object', additionalProperties: text },
    when: { type: 'string', format: 'date-time' },
  });

  test.each<[string, Json, string | undefined]>([
    [
      'is named as Go names it',
      { data: { a: 5 } },
      'json: cannot unmarshal number into Go struct field ConfigMap.data of type string',
    ],
    ['is also a time that is none', { when: 'x' }, 'parsing time "x"'],
    ['is not there', { data: { a: 'b' } }, undefined],
  ])('%s', (_title, value, expected) => {
    expect(findTypeMismatch(value, schema, 'ConfigMap')).toBe(expected);
  });
});
