import { expect, test } from 'vitest';
import type { OpenFlow } from './delivery-specification.ts';

/** Senders and subscribers do not feel how slow another is. */
export function describeAsynchrony(openFlow: OpenFlow): void {
  const bench = openFlow({
    name: 'asynchrony',
    brokers: { entry: { delivery: { retry: 1, backoffPolicy: 'linear', backoffDelay: 'PT0.1S' } } },
    triggers: { f: {}, g: {} },
  });

  test('a sender is answered before a subscriber has answered', async () => {
    await bench().answers('f', 'slow', 'hold');
    expect(await bench().send({ id: 'slow' })).toBe(202);
    const [waiting] = await bench().received('f', 'slow');
    expect(waiting?.answered).toBe(false);
    await bench().release('f', 'slow');
    await bench().expectReceivers('slow', { f: 1, g: 1 });
  });

  test('another Trigger gets the event while a subscriber still has it', async () => {
    await bench().answers('f', 'first', 'hold');
    await bench().send({ id: 'first' });
    await bench().received('f', 'first');
    await bench().received('g', 'first');
    expect((await bench().received('f', 'first')).map(({ answered }) => answered)).toEqual([false]);
    await bench().release('f', 'first');
  });

  test('a later event overtakes one that a subscriber still has', async () => {
    await bench().answers('f', 'earlier', 'hold');
    await bench().send({ id: 'earlier' });
    await bench().received('f', 'earlier');
    await bench().send({ id: 'later' });
    await bench().received('f', 'later');
    expect((await bench().received('f', 'earlier')).map(({ answered }) => answered)).toEqual([false]);
    await bench().release('f', 'earlier');
  });
}
