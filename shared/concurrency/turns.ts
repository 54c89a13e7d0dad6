import { type EventLoop, sliceMs } from './run-in-slices.ts';

/** Resolves when it is the turn of one piece of an owner's work. */
export type Turns = (owner: string) => Promise<void>;

/**
 * Lets short work that comes in thousands begin piece by piece, and gives way to others between the pieces. Owners are
 * taken in turn: who has one piece does not wait for all of somebody who has a thousand.
 */
export function createTurns({ elapsed, yieldToOthers }: EventLoop): Turns {
  const waiting = new Map<string, Set<() => void>>();
  // When the first piece began since others had the thread.
  let since: number | undefined;
  let isRunning = false;

  function isTimeUp(): boolean {
    if (since === undefined) {
      since = elapsed();
      void yieldToOthers().then(() => (since = undefined));
    }
    return elapsed() - since >= sliceMs;
  }

  function beginNext(): void {
    const [next] = waiting;
    if (!next) return;
    const [owner, pieces] = next;
    const [begin] = pieces;
    // Who was served goes to the end.
    waiting.delete(owner);
    if (begin) pieces.delete(begin);
    if (pieces.size > 0) waiting.set(owner, pieces);
    begin?.();
  }

  async function run(): Promise<void> {
    isRunning = true;
    while (waiting.size > 0) {
      if (isTimeUp()) {
        await yieldToOthers();
        continue;
      }
      beginNext();
      // What has begun goes on before the next begins.
      await Promise.resolve();
    }
    isRunning = false;
  }

  return (owner) =>
    new Promise((resolve) => {
      const pieces = waiting.get(owner) ?? new Set();
      waiting.set(owner, pieces.add(resolve));
      if (!isRunning) void run();
    });
}
