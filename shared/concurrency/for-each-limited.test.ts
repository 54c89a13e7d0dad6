import { expect, test } from 'vitest';
import { forEachLimited } from './for-each-limited.ts';

const tick = () => new Promise((resolve) => void setImmediate(resolve));

test('each item is done once, and never more at a time than the limit', async () => {
  const done: number[] = [];
  let running = 0;
  let most = 0;
  await forEachLimited([1, 2, 3, 4, 5, 6, 7], 3, async (item) => {
    running++;
    most = Math.max(most, running);
    await tick();
    running--;
    done.push(item);
  });
  expect(done.toSorted((a, b) => a - b)).toEqual([1, 2, 3, 4, 5, 6, 7]);
  expect(most).toBe(3);
});

test('nothing to do is done', async () => {
  const done: number[] = [];
  await forEachLimited([], 3, async (item) => void done.push(item));
  expect(done).toEqual([]);
});

test('the error of an item is the error of all', async () => {
  const work = forEachLimited([1, 2, 3], 2, async (item) => {
    if (item === 2) throw new Error('no');
  });
  await expect(work).rejects.toThrow('no');
});
