/** Does work at most so many times at once. Who comes beyond that waits: first come, first served. */
export interface Limit {
  <T>(work: () => Promise<T>): Promise<T>;
  /** Begins work in its turn. Nobody waits for its end, so until then nothing is kept but the work. */
  readonly begin: (work: () => Promise<unknown>) => void;
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

  function leave(): void {
    underWay--;
    admit();
  }

  function begin(work: () => Promise<unknown>): void {
    waiting.add(() => void work().then(leave, leave));
    admit();
  }

  async function limited<T>(work: () => Promise<T>): Promise<T> {
    await new Promise<void>((resolve) => {
      waiting.add(resolve);
      admit();
    });
    try {
      return await work();
    } finally {
      leave();
    }
  }

  return Object.assign(limited, {
    begin,
    set: (limit: number) => {
      most = limit;
      admit();
    },
  });
}
