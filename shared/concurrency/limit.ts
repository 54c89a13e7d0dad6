/** Does work at most so many times at once. Who comes beyond that waits: first come, first served. */
export interface Limit {
  <T>(work: () => Promise<T>): Promise<T>;
  /** From now on so many; what is under way is not stopped. */
  readonly set: (limit: number) => void;
}

/** A limit of its own. */
export function createLimit(limit: number): Limit {
  const waiting = new Set<() => void>(); // a Set is a queue whose head is cheap to remove, however long it is
  let most = limit;
  let underWay = 0;

  function admit(): void {
    for (const next of waiting) {
      if (underWay >= most) return;
      waiting.delete(next);
      underWay++;
      next();
    }
  }

  async function limited<T>(work: () => Promise<T>): Promise<T> {
    await new Promise<void>((resolve) => {
      waiting.add(resolve);
      admit();
    });
    try {
      return await work();
    } finally {
      underWay--;
      admit();
    }
  }

  return Object.assign(limited, {
    set: (limit: number) => {
      most = limit;
      admit();
    },
  });
}
