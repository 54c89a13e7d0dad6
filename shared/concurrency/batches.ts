import { type Span, currentSpan } from '../telemetry/span.ts';

/** Runs work for one key at a time; what is asked for meanwhile is put together and runs next. */
export interface Batches<Result> {
  /** Resolves with the result of the batch that these names became part of. */
  readonly ask: (key: string, names: readonly string[]) => Promise<Result>;
}

interface Batch<Result> {
  readonly names: Set<string>;
  /** Of the request that opened the batch: what the batch does belongs to its trace. */
  readonly span: Span | undefined;
  readonly result: Promise<Result>;
}

interface BatchOptions {
  /** A request that would make a batch longer is the first of another one: few names do not wait until many are done. */
  readonly maxNames?: number;
  /** What the next batch waits for when one is over. */
  readonly rest?: () => Promise<void>;
}

/**
 * Puts requests for one key together while a batch of it runs. It saves reads and conflicts with ourselves; nothing
 * relies on it, because other processes know nothing of it.
 */
export function createBatches<Result>(
  run: (key: string, names: readonly string[]) => Promise<Result>,
  { maxNames = Infinity, rest = () => Promise.resolve() }: BatchOptions = {},
): Batches<Result> {
  /** When the last batch of a key is over. */
  const ends = new Map<string, Promise<unknown>>();
  /** The last batch of a key, as long as it has not begun. */
  const next = new Map<string, Batch<Result>>();

  function open(key: string): Batch<Result> {
    const names = new Set<string>();
    const result = (ends.get(key) ?? Promise.resolve()).then(() => start(key, names));
    const batch = { names, span: currentSpan(), result };
    next.set(key, batch);
    const over = result.then(rest, rest);
    ends.set(key, over);
    void over.then(() => ends.get(key) === over && ends.delete(key));
    return batch;
  }

  function start(key: string, names: ReadonlySet<string>): Promise<Result> {
    if (next.get(key)?.names === names) next.delete(key);
    return run(key, [...names]);
  }

  function find(key: string, names: readonly string[]): Batch<Result> {
    const batch = next.get(key);
    const isFull = batch && batch.names.size > 0 && batch.names.size + names.length > maxNames;
    return !batch || isFull ? open(key) : batch;
  }

  return {
    ask: (key, names) => {
      const batch = find(key, names);
      const span = currentSpan();
      if (batch.span && batch.span !== span) span?.addLink(batch.span.context);
      for (const name of names) batch.names.add(name);
      return batch.result;
    },
  };
}
