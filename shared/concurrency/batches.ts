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

/**
 * Puts requests for one key together while a batch of it runs. It saves reads and conflicts with ourselves; nothing
 * relies on it, because other processes know nothing of it.
 */
export function createBatches<Result>(
  run: (key: string, names: readonly string[]) => Promise<Result>,
): Batches<Result> {
  const running = new Map<string, Promise<unknown>>();
  const next = new Map<string, Batch<Result>>();

  function open(key: string): Batch<Result> {
    const names = new Set<string>();
    const result = (running.get(key) ?? Promise.resolve()).then(() => start(key, names));
    const batch = { names, span: currentSpan(), result };
    next.set(key, batch);
    return batch;
  }

  function start(key: string, names: ReadonlySet<string>): Promise<Result> {
    next.delete(key);
    const result = run(key, [...names]);
    const over = result.then(
      () => undefined,
      () => undefined,
    );
    running.set(key, over);
    void over.then(() => running.get(key) === over && running.delete(key));
    return result;
  }

  return {
    ask: (key, names) => {
      const batch = next.get(key) ?? open(key);
      const span = currentSpan();
      if (batch.span && batch.span !== span) span?.addLink(batch.span.context);
      for (const name of names) batch.names.add(name);
      return batch.result;
    },
  };
}
