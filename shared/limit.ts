/** Does work at most so many times at once. Who comes beyond that waits: first come, first served. */
export type Limit = <T>(work: () => Promise<T>) => Promise<T>;

/** A limit of its own. */
export function createLimit(limit: number): Limit {
  const waiting = new Set<() => void>(); // a Set is a queue whose head is cheap to remove, however long it is
  let free = limit;

  async function enter(): Promise<void> {
    if (free === 0) return await new Promise((resolve) => void waiting.add(resolve));
    free--;
  }

  function leave(): void {
    const [next] = waiting;
    if (!next) {
      free++;
      return;
    }
    waiting.delete(next); // its place is handed on
    next();
  }

  return async (work) => {
    await enter();
    try {
      return await work();
    } finally {
      leave();
    }
  };
}
