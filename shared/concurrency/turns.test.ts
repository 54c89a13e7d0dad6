import { expect, test } from 'vitest';
import { createTurns } from './turns.ts';

/** A clock that work moves, and an event loop whose turns the test ends. */
function createLoop() {
  let now = 0;
  const others: (() => void)[] = [];
  return {
    loop: {
      elapsed: () => now,
      yieldToOthers: () => new Promise<void>((resolve) => void others.push(resolve)),
    },
    work: (ms: number) => {
      now += ms;
    },
    endTurn: async () => {
      for (const resume of others.splice(0)) resume();
      await settle();
    },
  };
}

/** Until all that can run has run. */
async function settle(): Promise<void> {
  for (let step = 0; step < 100; step++) await Promise.resolve();
}

/** Work that takes 2 ms a piece, and the pieces that have begun. */
function createWork() {
  const { loop, work, endTurn } = createLoop();
  const turns = createTurns(loop);
  const begun: string[] = [];
  async function ask(owner: string, piece: string): Promise<void> {
    await turns(owner);
    begun.push(piece);
    work(2);
  }
  return { begun, endTurn, ask: (owner: string, piece: string) => void ask(owner, piece) };
}

test('the first piece begins at once', async () => {
  const { begun, ask } = createWork();
  ask('a', 'a-1');
  await settle();
  expect(begun).toEqual(['a-1']);
});

test('pieces begin until others have waited long enough, and go on after those', async () => {
  const { begun, ask, endTurn } = createWork();
  for (const piece of ['1', '2', '3', '4', '5', '6', '7']) ask('a', piece);
  await settle();
  expect(begun).toEqual(['1', '2', '3']);
  await endTurn();
  expect(begun).toEqual(['1', '2', '3', '4', '5', '6']);
  await endTurn();
  expect(begun).toEqual(['1', '2', '3', '4', '5', '6', '7']);
});

test('pieces that come one by one in one turn of the event loop have no more time than those that come at once', async () => {
  const { begun, ask } = createWork();
  for (const piece of ['1', '2', '3', '4']) {
    ask('a', piece);
    await settle();
  }
  expect(begun).toEqual(['1', '2', '3']);
});

test('a piece of one owner begins beside the many of another', async () => {
  const { begun, ask, endTurn } = createWork();
  for (const piece of ['a-1', 'a-2', 'a-3', 'a-4', 'a-5', 'a-6']) ask('a', piece);
  await settle();
  ask('b', 'b-1');
  await endTurn();
  expect(begun).toEqual(['a-1', 'a-2', 'a-3', 'a-4', 'b-1', 'a-5']);
});
