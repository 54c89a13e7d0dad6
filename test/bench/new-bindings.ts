import { setTimeout as sleep } from 'node:timers/promises';
import type { BareClient } from './bare-client.ts';
import type { Prepared } from './bench-namespace.ts';
import { type ObjectWatch, bindingsIn, isReady, watchObjects } from './ready-watch.ts';

/** Milliseconds from the request for a binding until the watch shows it ready. */
export async function createUntilReady(
  client: BareClient,
  watch: ObjectWatch,
  { draft }: Prepared,
): Promise<number> {
  const ready = watch.until([draft.metadata.name], isReady);
  const since = performance.now();
  await client.create(draft);
  return (await ready) - since;
}

/**
 * Creates one binding after the other in a rhythm, however long those before take, until it is over. Those that are not
 * ready in time took for ever.
 */
export async function createInRhythm(
  client: BareClient,
  prepared: readonly Prepared[],
  {
    everyMs,
    patienceMs,
    isOver,
  }: {
    readonly everyMs: number;
    readonly patienceMs: number;
    readonly isOver: (taken: number) => boolean;
  },
): Promise<number[]> {
  const watch = await watchObjects(client, bindingsIn(prepared[0]?.draft.metadata.namespace ?? ''));
  const taken: Promise<number>[] = [];
  for (const one of prepared) {
    if (isOver(taken.length)) break;
    const tooLate = sleep(patienceMs, Number.POSITIVE_INFINITY, { ref: false });
    taken.push(Promise.race([createUntilReady(client, watch, one), tooLate]));
    await sleep(everyMs);
  }
  const times = await Promise.all(taken);
  watch.stop();
  return times;
}
