import { expect, test } from 'vitest';
import { remember } from './remember.ts';

function createReading() {
  const asked: string[] = [];
  let now = 0;
  const read = remember(
    async (key) => {
      asked.push(key);
      if (key === 'broken') throw new Error('no');
      return `${key} ${asked.length}`;
    },
    { keepMs: 100, most: 2, elapsed: () => now },
  );
  return { asked, read, pass: (ms: number) => void (now += ms) };
}

test('who asks meanwhile, or shortly after, is given the same', async () => {
  const { asked, read, pass } = createReading();
  expect(await Promise.all([read('a'), read('a')])).toEqual(['a 1', 'a 1']);
  pass(99);
  expect(await read('a')).toBe('a 1');
  pass(1);
  expect(await read('a')).toBe('a 2');
  expect(asked).toEqual(['a', 'a']);
});

test('what failed is asked for again', async () => {
  const { asked, read } = createReading();
  await expect(read('broken')).rejects.toThrow('no');
  await expect(read('broken')).rejects.toThrow('no');
  expect(asked).toEqual(['broken', 'broken']);
});

test('no more than so many are kept: the oldest goes', async () => {
  const { asked, read } = createReading();
  for (const key of ['a', 'b', 'c', 'c', 'b', 'a']) await read(key);
  expect(asked).toEqual(['a', 'b', 'c', 'a']);
});
