import { expect, test } from 'vitest';
import type { OpenFlow } from './delivery-specification.ts';

/** Senders and subscribers do not feel how slow another is. */
export function describeAsynchrony(openFlow: OpenFlow): void {
  const client = openFlow({
    name: 'asynchrony',
    brokers: { entry: { delivery: { retry: 1, backoffPolicy: 'linear', backoffDelay: 'PT0.1S' } } },
    triggers: { f: {}, g: {} },
  });

  test('a sender is answered before a subscriber has answered', async () => {
    await client().answers('f', 'slow', 'hold');
    expect(await client().send({ id: 'slow' })).toBe(202);
    const [waiting] = await client().received('f', 'slow');
    expect(waiting?.answered).toBe(false);
    await client().release('f', 'slow');
    await client().expectReceivers('slow', { f: 1, g: 1 });
  });

  test('another Trigger gets the event while a subscriber still has it', async () => {
    await client().answers('f', 'first', 'hold');
    await client().send({ id: 'first' });
    await client().received('f', 'first');
    await client().received('g', 'first');
    expect((await client().received('f', 'first')).map(({ answered }) => answered)).toEqual([false]);
    await client().release('f', 'first');
  });

  test('a later event overtakes one that a subscriber still has', async () => {
    await client().answers('f', 'earlier', 'hold');
    await client().send({ id: 'earlier' });
    await client().received('f', 'earlier');
    await client().send({ id: 'later' });
    await client().received('f', 'later');
    expect((await client().received('f', 'earlier')).map(({ answered }) => answered)).toEqual([false]);
    await client().release('f', 'earlier');
  });
}
