/** What long work needs to leave room for others on the same thread. */
export interface Turns {
  /** A clock that only goes forward, in milliseconds. */
  readonly elapsed: () => number;
  /** Resolves when everything else that is due has had its turn. */
  readonly giveWay: () => Promise<void>;
}

// Requests of others and the probes of kubelet wait at most so long.
const turnMs = 5;

/** Does work that pauses often, and gives way at a pause where it has kept the thread for long. */
export async function takeTurns<T>(work: Iterator<void, T>, turns: Turns): Promise<T> {
  const pause = createPause(turns);
  for (;;) {
    const step = work.next();
    if (step.done) return step.value;
    const wait = pause();
    if (wait) await wait;
  }
}

/** A pause to be taken often: undefined as long as there is no need to wait. */
export function createPause({ elapsed, giveWay }: Turns): () => Promise<void> | undefined {
  let since = elapsed();
  return () => {
    return elapsed() - since < turnMs ? undefined : wait();
  };
  async function wait(): Promise<void> {
    await giveWay();
    since = elapsed();
  }
}
