import { expect, test } from 'vitest';
import { toPageSize, toSmallerSize } from './page-size.ts';

const kB = 1000;

test('the first page is small, because nothing is known of the objects', () => {
  expect(toPageSize([])).toBe(16);
});

test.each([
  ['small objects: eight times as many', { limit: 16, items: 16, length: 16 * kB }, 128],
  ['small objects again: never more than 1000', { limit: 800, items: 800, length: 800 * kB }, 1000],
  ['objects of 40 kB: 2 MB of them', { limit: 16, items: 16, length: 640 * kB }, 50],
  ['objects of 250 kB: 2 MB of them', { limit: 16, items: 16, length: 4000 * kB }, 8],
  ['objects of 1.5 MB', { limit: 1, items: 1, length: 1500 * kB }, 1],
  ['an object of more than 2 MB', { limit: 1, items: 1, length: 2500 * kB }, 1],
  ['no objects, because none was selected yet', { limit: 16, items: 0, length: 100 }, 128],
])('the next page after %s', (_, page, size) => {
  expect(toPageSize([page])).toBe(size);
});

const light = { limit: 100, items: 100, length: 100 * kB };
const heavy = { limit: 10, items: 10, length: 2500 * kB };

test('the heaviest of the last three pages counts, and no page before them', () => {
  expect(toPageSize([heavy, light, light])).toBe(8);
  expect(toPageSize([heavy, light, light, light])).toBe(800);
});

test('a page that was too long is asked for again with a quarter, down to one object', () => {
  expect([1000, 16, 4, 3, 1].map(toSmallerSize)).toEqual([250, 4, 1, 1, undefined]);
});
