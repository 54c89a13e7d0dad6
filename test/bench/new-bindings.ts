import { setTimeout as sleep } from 'node:timers/promises';
import type { BareClient } from './bare-client.ts';
import type { Prepared } from './bench-namespace.ts';
import { type ObjectWatch, bindingsIn, isReady, watchObjects } from './ready-watch.ts';

/** Milliseconds from the request for a binding until the watch shows it ready; one that is not ready in time takes for ever. */
export async function createUntilReady(
  client: BareClient,
  watch: ObjectWatch,
  { manifest }: Prepared,
  patienceMs: number,
): Promise<number> {
  const ready = watch.until([manifest.metadata.name], isReady);
  const since = performance.now();
  await client.create(manifest);
  return (await Promise.race([ready, sleep(patienceMs, Number.POSITIVE_INFINITY, { ref: false })])) - since;
}

/**
 * Creates one binding after the other in a rhythm, however long those before take, until it is over.
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
  const watch = await watchObjects(client, bindingsIn(prepared[0]?.manifest.metadata.namespace ?? ''));
  const taken: Promise<number>[] = [];
  for (const one of prepared) {
    if (isOver(taken.length)) break;
    taken.push(createUntilReady(client, watch, one, patienceMs));
    await sleep(everyMs);
  }
  const times = await Promise.all(taken);
  watch.stop();
  return times;
}
