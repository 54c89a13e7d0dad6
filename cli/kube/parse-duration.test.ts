import { expect, test } from 'vitest';
import { parseDuration } from './parse-duration.ts';

test.each([
  ['10s', 10_000],
  ['1m30s', 90_000],
  ['1.5s', 1500],
  ['250ms', 250],
  ['0', 0],
  ['7', 7000],
  ['', undefined],
  ['fast', undefined],
  ['10 s', undefined],
  ['-1s', undefined],
])('%j is %j ms', (text, ms) => {
  expect(parseDuration(text)).toBe(ms);
});
