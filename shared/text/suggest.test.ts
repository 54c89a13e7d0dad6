import { expect, test } from 'vitest';
import { suggest, toOthers } from './suggest.ts';

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

test('of long names too many would have to be compared', () => {
  const long = 'p'.repeat(64);
  expect(suggest(`${long}x`, [`${long}y`])).toEqual([]);
});

test.each([
  ['chart', 'chat', true],
  ['chta', 'chat', true],
  ['cat', 'cta', true],
  ['ab', 'a', true],
  ['llama-larg', 'llama-large-x', true],
  ['embeddings', 'embedings', true],
  ['embeddings', 'mbeddign', false],
  ['abcdef', 'badcfe', false],
  ['', 'a', true],
  ['a', 'b', true],
  ['abcd', 'dcba', false],
])('%s is like %s: %s', (typed, word, isLike) => {
  expect(suggest(typed, [word])).toEqual(isLike ? [word] : []);
});

test.each([
  ['lama', [], ''],
  ['lama', ['embeddings'], '; there is embeddings'],
  ['lama', ['embeddings', 'llama'], '; there are llama and embeddings'],
  ['lama', ['chat', 'embeddings', 'llama'], '; there are llama, chat and embeddings'],
  [
    'lama',
    ['chat', 'chat', 'embeddings', 'llama', 'zephyr'],
    '; there are llama, chat, embeddings and others',
  ],
  [
    'nothing-like-it',
    Array.from({ length: 300 }, (_, index) => `pool-${index}`),
    '; there are pool-0, pool-1, pool-2 and others',
  ],
])('instead of %s, where there is %j', (typed, known, expected) => {
  expect(toOthers(typed, known)).toBe(expected);
});
