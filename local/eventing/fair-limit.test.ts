import { expect, test } from 'vitest';
import { createFairLimit } from './fair-limit.ts';

/** Work that has begun, by its name, and ends when it is told. */
function createWork(limit: { all: number; each: number }) {
  const begin = createFairLimit(limit);
  const underWay = new Map<string, PromiseWithResolvers<void>>();
  return {
    begun: () => [...underWay.keys()],
    begin: (owner: string, name: string) =>
      begin(owner, () => {
        const work = Promise.withResolvers<void>();
        underWay.set(name, work);
        return work.promise;
      }),
    end: async (name: string, error?: Error) => {
      const work = underWay.get(name);
      underWay.delete(name);
      if (error) work?.reject(error);
      else work?.resolve();
      await new Promise((resolve) => setImmediate(resolve));
    },
  };
}

test('an owner has no more than its share, and the others begin beside it', async () => {
  const { begin, begun, end } = createWork({ all: 3, each: 2 });
  for (const name of ['a-1', 'a-2', 'a-3', 'a-4']) begin('a', name);
  begin('b', 'b-1');
  begin('b', 'b-2');
  await expect.poll(begun).toEqual(['a-1', 'a-2', 'b-1']);
  await end('a-1');
  expect(begun()).toEqual(['a-2', 'b-1', 'b-2']);
  await end('b-1');
  expect(begun()).toEqual(['a-2', 'b-2', 'a-3']);
});

test('what fails makes room, too', async () => {
  const { begin, begun, end } = createWork({ all: 2, each: 1 });
  begin('a', 'a-1');
  begin('a', 'a-2');
  await expect.poll(begun).toEqual(['a-1']);
  await end('a-1', new Error('no'));
  expect(begun()).toEqual(['a-2']);
});
