/** Lets a limited number of tasks run at once; the others wait in the order of their arrival. */
export interface RequestGate {
  run<T>(task: () => Promise<T>): Promise<T>;
}

/** Makes a gate for `limit` tasks at once. */
export function createRequestGate(limit: number): RequestGate {
  let running = 0;
  const waiting = new Set<() => void>(); // a Set is a queue whose head is cheap to remove, however long it is

  const leave = () => {
    const [next] = waiting;
    if (!next) {
      running -= 1;
      return;
    }
    waiting.delete(next); // its place is handed on, so `running` stays
    next();
  };

  return {
    async run(task) {
      if (running < limit) running += 1;
      else await new Promise<void>((resolve) => void waiting.add(resolve));
      try {
        return await task();
      } finally {
        leave();
      }
    },
  };
}
