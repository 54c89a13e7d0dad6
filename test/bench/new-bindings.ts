import { setTimeout as sleep } from 'node:timers/promises';
import type { BareClient } from './bare-client.ts';
import { type Prepared, createBare } from './bench-namespace.ts';
import { time } from './figures.ts';
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

/** How fast new bindings follow one another, and until when. */
export interface Rhythm {
  readonly everyMs: number;
  readonly patienceMs: number;
  readonly isOver: (taken: number) => boolean;
}

/** Creates one binding after the other in a rhythm, however long those before take, until it is over. */
export async function createInRhythm(
  client: BareClient,
  prepared: readonly Prepared[],
  rhythm: Rhythm,
): Promise<number[]> {
  const watch = await watchObjects(client, bindingsIn(prepared[0]?.manifest.metadata.namespace ?? ''));
  const times = await takeInRhythm(prepared, rhythm, (one) =>
    createUntilReady(client, watch, one, rhythm.patienceMs),
  );
  watch.stop();
  return times;
}

/** The same without kleym: a bare client makes the writes for each of them. */
export async function createBareInRhythm(
  client: BareClient,
  prepared: readonly Prepared[],
  rhythm: Rhythm,
): Promise<number[]> {
  return await takeInRhythm(prepared, rhythm, (one) => time(() => createBare(client, one)));
}

async function takeInRhythm(
  prepared: readonly Prepared[],
  { everyMs, isOver }: Rhythm,
  take: (one: Prepared) => Promise<number>,
): Promise<number[]> {
  const taken: Promise<number>[] = [];
  for (const one of prepared) {
    if (isOver(taken.length)) break;
    taken.push(take(one));
    await sleep(everyMs);
  }
  return await Promise.all(taken);
}
