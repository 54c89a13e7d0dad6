/** What long work needs so that it does not block the thread. */
export interface EventLoop {
  /** A monotonic clock, in milliseconds. */
  readonly elapsed: () => number;
  /** Resolves after everything else that is due has run. */
  readonly yieldToOthers: () => Promise<void>;
}

/** An event loop, and time that passes without work. */
export interface TimedEventLoop extends EventLoop {
  /** Does not keep the process alive. */
  readonly sleep: (ms: number) => Promise<void>;
}

// Other requests and the kubelet's probes wait at most this long.
export const sliceMs = 5;

/** Runs work that pauses often, and yields to others at a pause when it has kept the thread for long. */
export async function runInSlices<T>(work: Iterator<void, T>, loop: EventLoop): Promise<T> {
  const pause = createPause(loop);
  for (;;) {
    const step = work.next();
    if (step.done) return step.value;
    const wait = pause();
    if (wait) await wait;
  }
}

/** A pause to take often: undefined as long as there is no need to wait. */
export function createPause({ elapsed, yieldToOthers }: EventLoop): () => Promise<void> | undefined {
  let since = elapsed();
  return () => {
    return elapsed() - since < sliceMs ? undefined : wait();
  };
  async function wait(): Promise<void> {
    await yieldToOthers();
    since = elapsed();
  }
}
