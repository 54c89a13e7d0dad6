import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, test } from 'vitest';
import { keepShort } from './keep-short.ts';

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

function takenBy(make: (index: number) => string): number {
  collectGarbage();
  const before = process.memoryUsage().heapUsed;
  const kept = Array.from({ length: 1000 }, (_, index) => make(index));
  collectGarbage();
  return (process.memoryUsage().heapUsed - before) / kept.length;
}

test('of a long text that is kept short no more stays in memory', () => {
  const taken = takenBy((index) => keepShort(JSON.parse(`"${index}${'x'.repeat(32_000)}"`), 100));
  expect(taken).toBeLessThan(2000);
});

test('a short one stays as it is', () => {
  expect(keepShort('chat', 4)).toBe('chat');
  expect(keepShort('chats', 4)).toBe('chat…');
});
