import { expect, test } from 'vitest';
import type { z } from 'zod';
import { StringList, StringMap } from './strings.ts';

function issuesOf(schema: z.ZodType, value: unknown) {
  return schema.safeParse(value).error?.issues.map(({ path, message }) => [path, message]);
}

test.each([[[]], [['a', '']]])('a list of texts may be %j', (value) => {
  expect(StringList.parse(value)).toEqual(value);
});

test.each([
  ['nothing', undefined],
  ['an object', {}],
  ['a list of something else', ['a', 1]],
  ['a long list of something else, which is one mistake', Array.from({ length: 700_000 }, () => 0)],
])('a list of texts is not %s', (_, value) => {
  expect(issuesOf(StringList, value)).toEqual([[[], 'expected a list of texts']]);
});

test.each([[{}], [{ a: '', constructor: 'b' }]])('texts by keys may be %j', (value) => {
  expect(StringMap.parse(value)).toEqual(value);
});

test.each([
  ['nothing', undefined],
  ['null', null],
  ['a list', ['a']],
  ['a text', 'a'],
  ['something else under a key, which is not repeated', { ['k'.repeat(1_000_000)]: 1 }],
])('texts by keys are not %s', (_, value) => {
  expect(issuesOf(StringMap, value)).toEqual([[[], 'expected texts by keys']]);
});
