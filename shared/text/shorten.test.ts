import { expect, test } from 'vitest';
import { shorten } from './shorten.ts';

test.each([
  ['as long as it may be', 'abc', 'abc'],
  ['one longer', 'abcd', 'abc…'],
  ['whose last character would be cut in two', 'ab😀', 'ab…'],
  ['whose last character just fits', 'a😀c', 'a😀…'],
  ['that is empty', '', ''],
])('a text %s, of which 3 are kept', (_, text, short) => {
  expect(shorten(text, 3)).toBe(short);
});
