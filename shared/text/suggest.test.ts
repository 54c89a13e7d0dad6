import { expect, test } from 'vitest';
import { suggest } from './suggest.ts';

const known = ['status', 'inspect', 'why', 'check', 'diff'];

test.each([
  ['staus', ['status']],
  ['stauts', ['status']],
  ['insp', ['inspect']],
  ['wyh', ['why']],
  ['chekc', ['check']],
  ['explain', []],
])('%s', (typed, expected) => {
  expect(suggest(typed, known)).toEqual(expected);
});
