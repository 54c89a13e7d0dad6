import { expect, test } from 'vitest';
import { createLimit } from './limit.ts';

/** Work that says when it begins, and ends when it is told. */
function createWork() {
  const begun: number[] = [];
  const ends = Array.from({ length: 5 }, () => Promise.withResolvers<void>());
  const work = (index: number) => async () => {
    begun.push(index);
    await ends[index]?.promise;
    return index;
  };
  return { begun, ends, work };
}

test('no more than the limit is done at once, and who waits has a turn in the order of coming', async () => {
  const { begun, ends, work } = createWork();
  const limited = createLimit(2);
  const all = [0, 1, 2, 3].map((index) => limited(work(index)));
  await expect.poll(() => begun).toEqual([0, 1]);
  ends[1]?.resolve();
  await all[1];
  await expect.poll(() => begun).toEqual([0, 1, 2]);
  for (const { resolve } of ends) resolve();
  expect(await Promise.all(all)).toEqual([0, 1, 2, 3]);
  expect(begun).toEqual([0, 1, 2, 3]);
});

test('a higher limit lets those in who wait, and a lower one stops nothing that is under way', async () => {
  const { begun, ends, work } = createWork();
  const limited = createLimit(1);
  const all = [0, 1, 2, 3].map((index) => limited(work(index)));
  await expect.poll(() => begun).toEqual([0]);
  limited.set(3);
  await expect.poll(() => begun).toEqual([0, 1, 2]);
  limited.set(1);
  ends[0]?.resolve();
  ends[1]?.resolve();
  await Promise.all([all[0], all[1]]);
  expect(begun).toEqual([0, 1, 2]);
  ends[2]?.resolve();
  ends[3]?.resolve();
  expect(await Promise.all(all)).toEqual([0, 1, 2, 3]);
});

test('what fails makes room, too', async () => {
  const limited = createLimit(1);
  const failing = limited(() => Promise.reject(new Error('no')));
  const next = limited(() => Promise.resolve('yes'));
  await expect(failing).rejects.toThrow('no');
  expect(await next).toBe('yes');
});
