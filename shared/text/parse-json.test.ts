import { expect, test } from 'vitest';
import { parseJson } from './parse-json.ts';

test.each([
  ['an object', '{"a":1}', { a: 1 }],
  ['null', 'null', null],
  ['no JSON', '{a}', undefined],
  ['nothing', '', undefined],
])('%s', (_what, text, value) => {
  expect(parseJson(text)).toEqual(value);
});
