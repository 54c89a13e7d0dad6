import { describe, expect, test } from 'vitest';
import { compileRules, ruleErrors } from './cel.ts';
import type { Json } from './json.ts';
import type { FieldError } from './status-error.ts';
import type { Schema, ValidationRule } from './schema.ts';

function ruled(schema: Schema, ...rules: ValidationRule[]): Schema {
  return { ...schema, 'x-kubernetes-validations': rules };
}

function object(properties: Record<string, Schema>): Schema {
  return { type: 'object', properties };
}

/** What the rules say against `spec`. */
function refusals(spec: Schema, value: Json, old?: Json): string[] {
  const schema = object({ spec });
  const problems: FieldError[] = [];
  const rules = compileRules(schema, problems, 'schema');
  expect(problems).toEqual([]);
  const before = old === undefined ? undefined : { spec: old };
  return ruleErrors({ spec: value }, schema, rules, before).map(
    ({ field, message }) => `${field}: ${message}`,
  );
}

/** What is wrong with a rule itself. */
function problemsOf(rule: ValidationRule, properties: Record<string, Schema> = {}): string[] {
  const problems: FieldError[] = [];
  compileRules(object({ spec: ruled(object(properties), rule) }), problems, 'schema');
  return problems.map(({ field, message }) => `${field}: ${message}`);
}

const text: Schema = { type: 'string' };
const whole: Schema = { type: 'integer' };

describe('a rule', () => {
  const size = ruled(object({ size: whole }), {
    rule: '!has(self.size) || self.size != 13',
    message: '13 is unlucky',
  });

  test.each<[string, Schema, Json, string[]]>([
    ['that holds says nothing', size, { size: 12 }, []],
    ['sees what is absent', size, {}, []],
    ['speaks for an object without repeating it', size, { size: 13 }, ['spec: Invalid value: 13 is unlucky']],
    [
      'without a message is its own',
      ruled(whole, { rule: 'self < 5' }),
      5,
      ['spec: Invalid value: 5: failed rule: self < 5'],
    ],
    [
      'speaks for a number and repeats it',
      ruled({ type: 'number' }, { rule: 'self < 3.0', message: 'small' }),
      4,
      ['spec: Invalid value: 4: small'],
    ],
    [
      'speaks for a text and repeats it',
      ruled(text, { rule: "self == 'x'", message: 'x' }),
      'y',
      ['spec: Invalid value: "y": x'],
    ],
    [
      'speaks for a list',
      ruled({ type: 'array', items: text }, { rule: "self.all(x, x != 'bad')", message: 'no bad' }),
      ['bad'],
      ['spec: Invalid value: no bad'],
    ],
    [
      'is asked of each item',
      { type: 'array', items: ruled(text, { rule: "self != 'b'", message: 'no b' }) },
      ['a', 'b'],
      ['spec[1]: Invalid value: "b": no b'],
    ],
    [
      'is asked of each value of a map',
      { type: 'object', additionalProperties: ruled(text, { rule: "self != 'no'", message: 'no no' }) },
      { k: 'no' },
      ['spec[k]: Invalid value: "no": no no'],
    ],
    [
      'can name the field and the reason',
      ruled(object({ a: text }), {
        rule: 'false',
        message: 'never',
        fieldPath: '.a',
        reason: 'FieldValueForbidden',
      }),
      {},
      ['spec.a: Forbidden: never'],
    ],
    [
      'can make its message',
      ruled(object({ a: text }), { rule: 'false', messageExpression: "'a is ' + self.a" }),
      { a: '1' },
      ['spec: Invalid value: a is 1'],
    ],
    [
      'whose message cannot be made falls back',
      ruled(object({ a: text }), { rule: 'false', message: 'plain', messageExpression: "'a is ' + self.a" }),
      {},
      ['spec: Invalid value: plain'],
    ],
    [
      'that asks for what is absent says so',
      ruled(object({ a: text }), { rule: "self.a == 'x'", message: 'm' }),
      {},
      ['spec: Invalid value: "object": no such key: a evaluating rule: m'],
    ],
    [
      'compares doubles that are written as whole numbers',
      ruled({ type: 'number' }, { rule: 'self / 2.0 == 1.5' }),
      3,
      [],
    ],
    [
      'compares times',
      ruled({ type: 'string', format: 'date-time' }, { rule: "self < timestamp('2030-01-01T00:00:00Z')" }),
      '2026-01-01T00:00:00Z',
      [],
    ],
    [
      'names reserved words with underscores',
      ruled(object({ namespace: text }), { rule: "self.__namespace__ == 'x'" }),
      { namespace: 'x' },
      [],
    ],
    [
      'names dashes with words',
      ruled(object({ 'a-b': text }), { rule: "self.a__dash__b == 'x'" }),
      { 'a-b': 'x' },
      [],
    ],
    [
      'finds the keys of maps as they are',
      ruled({ type: 'object', additionalProperties: text }, { rule: "self.all(key, key.startsWith('a-'))" }),
      { 'a-b': 'x' },
      [],
    ],
  ])('%s', (_title, schema, value, expected) => {
    expect(refusals(schema, value)).toEqual(expected);
  });
});

describe('a rule about a change', () => {
  const fixed = ruled(text, { rule: 'self == oldSelf', message: 'immutable' });

  test('is not asked of a new object', () => {
    expect(refusals(object({ a: fixed }), { a: 'x' })).toEqual([]);
  });

  test('is not asked where there was nothing', () => {
    expect(refusals(object({ a: fixed }), { a: 'x' }, {})).toEqual([]);
  });

  test('is asked of a change', () => {
    expect(refusals(object({ a: fixed }), { a: 'y' }, { a: 'x' })).toEqual([
      'spec.a: Invalid value: "y": immutable',
    ]);
  });

  test('follows an item by its key', () => {
    const schema: Schema = {
      type: 'array',
      items: object({ k: text, v: fixed }),
      'x-kubernetes-list-type': 'map',
      'x-kubernetes-list-map-keys': ['k'],
    };
    const now = [
      { k: 'b', v: '2' },
      { k: 'a', v: '2' },
    ];
    expect(refusals(schema, now, [{ k: 'a', v: '1' }])).toEqual(['spec[1].v: Invalid value: "2": immutable']);
  });

  test('a rule about a value is not asked again while the value stays', () => {
    const schema = object({ a: ruled(text, { rule: "self != 'x'" }), b: text });
    expect(refusals(schema, { a: 'x', b: 'new' }, { a: 'x', b: 'old' })).toEqual([]);
  });
});

describe('a definition is refused for a rule', () => {
  const at = 'schema.properties[spec].x-kubernetes-validations[0].rule: Invalid value:';

  test.each<[string, ValidationRule, string]>([
    [
      'that asks for a field nobody has',
      { rule: 'self.nope == 1' },
      `${at} "self.nope == 1": compilation failed: ERROR: undefined field 'nope'`,
    ],
    [
      'that calls what nobody knows',
      { rule: 'frob(self)' },
      `${at} "frob(self)": compilation failed: ERROR: found no matching overload for 'frob(dyn)'`,
    ],
    [
      'that is no expression',
      { rule: 'self +' },
      `${at} "self +": compilation failed: ERROR: Unexpected token: EOF`,
    ],
    ['that is no question', { rule: '1 + 1' }, `${at} "1 + 1": must evaluate to a bool`],
    [
      'whose message is no text',
      { rule: 'true', messageExpression: '1' },
      `${at} "true": must evaluate to a string`,
    ],
    [
      'of a kind that is not implemented',
      { rule: 'true', optionalOldSelf: true },
      `${at} "true": optionalOldSelf is not implemented by the embedded cluster`,
    ],
  ])('%s', (_title, rule, expected) => {
    expect(problemsOf(rule)).toEqual([expected]);
  });

  test('but not for one that asks what is open', () => {
    const open: Schema = { type: 'object', 'x-kubernetes-preserve-unknown-fields': true };
    expect(problemsOf({ rule: 'has(self.open.any)' }, { open })).toEqual([]);
    expect(
      problemsOf(
        { rule: "'k' in self.map && self.map['k'] != ''" },
        { map: { type: 'object', additionalProperties: text } },
      ),
    ).toEqual([]);
  });
});
