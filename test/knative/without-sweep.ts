import { setTimeout as sleep } from 'node:timers/promises';
import { type Target, namespace, until } from './installed.ts';
import { kubectl } from './kubectl.ts';

/** Takes care that nothing is swept any more: what gets right from now on, gets right by its own events. */
export async function stopSweeps(): Promise<void> {
  await kubectl(['-n', namespace, 'delete', 'trigger', 'sweep', 'dead-letter-sweep', '--ignore-not-found']);
  // Until its Subscription is gone, too, an event would be tried again and again.
  await until(async () => {
    const left = await kubectl(['-n', namespace, 'get', 'subscriptions.messaging.knative.dev', '-o', 'name']);
    return !/-sweep-[0-9a-f]{8}-/.test(left);
  }, 'nobody subscribes for the sweep');
}

/** Installs what was taken away. */
export async function allowSweeps(target: Target): Promise<void> {
  await target.install();
  await until(async () => (await target.unready()).length === 0, 'everything is Ready again');
}

// The Broker tries an event for 127.5 s.
const deliveryMs = 140_000;

/** Waits until nothing is left, or what is left has not become less for longer than the Broker tries an event. */
export async function untilNoneOrStuck(
  list: () => Promise<readonly string[]>,
  patienceMs = deliveryMs,
): Promise<readonly string[]> {
  let left = await list();
  let since = performance.now();
  while (left.length > 0 && performance.now() - since < patienceMs) {
    await sleep(500);
    const now = await list();
    if (now.length < left.length) since = performance.now();
    left = now;
  }
  return left;
}
