import { setImmediate } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { type Place, createRoom } from './room.ts';

/** Asks for room as one of several, and notes who was admitted. */
function visit(capacity: number) {
  const room = createRoom(capacity);
  const inside: string[] = [];
  const places = new Map<string, Place>();
  const leftEarly: string[] = [];

  async function ask(who: string, bytes: number, signal = new AbortController().signal): Promise<void> {
    void room.enter(bytes, signal).then((place) => {
      if (place === 'gone') return leftEarly.push(who);
      places.set(who, place);
      return inside.push(who);
    });
    await setImmediate();
  }
  async function shrink(who: string, bytes: number): Promise<void> {
    places.get(who)?.shrink(bytes);
    await setImmediate();
  }
  const leave = (who: string) => shrink(who, 0);
  return { ask, shrink, leave, inside, leftEarly };
}

test('all come in at once that find room', async () => {
  const { ask, inside } = visit(10);
  await ask('a', 4);
  await ask('b', 6);
  await ask('empty', 0);
  expect(inside).toEqual(['a', 'b', 'empty']);
});

test('whoever finds no room waits until there is enough', async () => {
  const { ask, leave, inside } = visit(10);
  await ask('a', 4);
  await ask('b', 4);
  await ask('c', 5);
  expect(inside).toEqual(['a', 'b']);
  await leave('a');
  expect(inside).toEqual(['a', 'b', 'c']);
});

test('a small one does not pass a large one that came before it', async () => {
  const { ask, leave, inside } = visit(10);
  await ask('a', 10);
  await ask('large', 10);
  await ask('small', 1);
  await leave('a');
  expect(inside).toEqual(['a', 'large']);
  await leave('large');
  expect(inside).toEqual(['a', 'large', 'small']);
});

test('whoever needs no room does not wait behind those who do', async () => {
  const { ask, inside } = visit(10);
  await ask('a', 10);
  await ask('b', 10);
  await ask('empty', 0);
  expect(inside).toEqual(['a', 'empty']);
});

test('whoever goes away while it waits takes no room, and holds nobody up', async () => {
  const { ask, leave, inside, leftEarly } = visit(10);
  const going = new AbortController();
  await ask('a', 5);
  await ask('large', 10, going.signal);
  await ask('small', 5);
  expect(inside).toEqual(['a']);
  going.abort();
  await setImmediate();
  expect({ inside, leftEarly }).toEqual({ inside: ['a', 'small'], leftEarly: ['large'] });
  await leave('a');
  await ask('b', 5);
  expect(inside).toEqual(['a', 'small', 'b']);
});

test('whoever has gone before it asks is not admitted', async () => {
  const { ask, inside, leftEarly } = visit(10);
  await ask('a', 1, AbortSignal.abort());
  expect({ inside, leftEarly }).toEqual({ inside: [], leftEarly: ['a'] });
});

test('whoever wants more than there is at all has all of it', async () => {
  const { ask, leave, inside } = visit(10);
  await ask('huge', 11);
  await ask('small', 1);
  expect(inside).toEqual(['huge']);
  await leave('huge');
  expect(inside).toEqual(['huge', 'small']);
});

test('what a body did not need is room for the next', async () => {
  const { ask, shrink, leave, inside } = visit(10);
  await ask('a', 10);
  await ask('b', 4);
  await ask('c', 3);
  await shrink('a', 6);
  expect(inside).toEqual(['a', 'b']);
  await shrink('a', 8);
  await shrink('a', 3);
  expect(inside).toEqual(['a', 'b', 'c']);
  await leave('a');
  await leave('a');
  await ask('d', 4);
  expect(inside).toEqual(['a', 'b', 'c']);
  await leave('b');
  expect(inside).toEqual(['a', 'b', 'c', 'd']);
});
