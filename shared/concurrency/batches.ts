import { type Span, currentSpan } from '../telemetry/span.ts';

/** Runs work for one key at a time; what is asked for meanwhile is put together and runs next. */
export interface Batches<Result, Item> {
  /** Resolves with the result of the batch that these items became part of. */
  readonly ask: (key: string, items: readonly Item[]) => Promise<Result>;
}

interface Batch<Result, Item> {
  readonly items: Set<Item>;
  /** Of the request that opened the batch: what the batch does belongs to its trace. */
  readonly span: Span | undefined;
  readonly result: Promise<Result>;
}

/**
 * Puts requests for one key together while a batch of it runs. It saves reads and conflicts with ourselves; nothing
 * relies on it, because other processes know nothing of it. After a batch the next one waits for `rest`.
 */
export function createBatches<Result, Item = string>(
  run: (key: string, items: readonly Item[]) => Promise<Result>,
  rest: (items: readonly Item[]) => Promise<void> = () => Promise.resolve(),
): Batches<Result, Item> {
  const running = new Map<string, Promise<unknown>>();
  const next = new Map<string, Batch<Result, Item>>();

  function open(key: string): Batch<Result, Item> {
    const items = new Set<Item>();
    const result = (running.get(key) ?? Promise.resolve()).then(() => start(key, items));
    const batch = { items, span: currentSpan(), result };
    next.set(key, batch);
    return batch;
  }

  function start(key: string, items: ReadonlySet<Item>): Promise<Result> {
    next.delete(key);
    const begun = [...items];
    const result = run(key, begun);
    const over = result.then(
      () => rest(begun),
      () => rest(begun),
    );
    running.set(key, over);
    void over.then(() => running.get(key) === over && running.delete(key));
    return result;
  }

  return {
    ask: (key, items) => {
      const batch = next.get(key) ?? open(key);
      const span = currentSpan();
      if (batch.span && batch.span !== span) span?.addLink(batch.span.context);
      for (const item of items) batch.items.add(item);
      return batch.result;
    },
  };
}
