import { describe, expect, test } from 'vitest';
import { replyOf } from './flow-client.ts';
import type { OpenFlow } from './delivery-specification.ts';
import type { Answer } from './recording-subscriber.ts';

const ok = { 'content-type': 'application/json' };

/** How often a subscriber is asked. */
export function describeRetries(openFlow: OpenFlow): void {
  const client = openFlow({
    name: 'retries',
    brokers: {
      entry: {
        delivery: {
          retry: 2,
          backoffPolicy: 'exponential',
          backoffDelay: 'PT0.1S',
          deadLetterSink: { subscriber: 'dead' },
        },
      },
    },
    triggers: {
      f: { filters: [{ exact: { type: 'wanted' } }] },
      g: { filters: [{ exact: { type: 'reply' } }] },
      elsewhere: { filters: [{ exact: { type: 'nobody sends this' } }] },
      once: {
        filters: [{ exact: { type: 'once' } }],
        delivery: { deadLetterSink: { subscriber: 'dead' } },
      },
      linear: {
        filters: [{ exact: { type: 'linear' } }],
        delivery: { retry: 3, backoffPolicy: 'linear', backoffDelay: 'PT0.05S' },
      },
      'at-once': { filters: [{ exact: { type: 'at once' } }], delivery: { retry: 3 } },
      impatient: {
        filters: [{ exact: { type: 'hurry' } }],
        delivery: { retry: 2, timeout: 'PT0.5S', deadLetterSink: { subscriber: 'dead' } },
      },
    },
  });

  const retried: [string, Answer][] = [
    ...[408, 429, 500, 501, 502, 503, 504].map((status): [string, Answer] => [String(status), status]),
    ['a broken connection', 'drop'],
    ['a body that is no event', { status: 200, headers: ok, body: '{"ok":true}' }],
    ['a text', { status: 202, body: 'ok' }],
    [
      'a batch',
      { status: 200, headers: { 'content-type': 'application/cloudevents-batch+json' }, body: '[]' },
    ],
    [
      'a structured event that is not JSON',
      { status: 200, headers: { 'content-type': 'application/cloudevents+json' }, body: '{' },
    ],
    ['an event of a specversion that nobody knows', replyOf({ id: 'r', specversion: '2.0' }, 'x')],
    ['an event with a hyphen in a name', replyOf({ id: 'r', 'my-extension': 'x' })],
    ['an event whose id is empty', replyOf({ id: '' })],
    ['an event whose time is none', replyOf({ id: 'r', time: 'yesterday' })],
  ];

  test.each(retried)('%s is retried, with the same event', async (id, answer) => {
    await client().answers('f', id, answer, answer, 204);
    await client().send({ id, subject: 'the same', datacontenttype: 'text/plain' }, 'each time');
    const tries = await client().received('f', id, 3);
    expect(tries.map(({ body, headers }) => [body, headers['ce-subject'], headers['content-type']])).toEqual(
      Array.from({ length: 3 }, () => ['each time', 'the same', 'text/plain']),
    );
    expect(new Set(tries.map(({ headers }) => headers['ce-knativearrivaltime'])).size).toBe(1);
    await client().expectReceivers(id, { f: 3 });
  });

  test.each([404, 409])('%i is retried, or ends the delivery', async (status) => {
    await client().answers('f', `${status}`, status, status, 204);
    await client().send({ id: `${status}` });
    await client().expectReceivers(`${status}`, { f: client().traits.forgetsRefused ? 1 : 3 });
  });

  test('a reply is routed after a retry too', async () => {
    await client().answers('f', 'ask again', 503, replyOf({ id: 'later', type: 'reply' }));
    await client().send({ id: 'ask again' });
    expect(await client().received('g', 'later')).toHaveLength(1);
  });

  // Who gets an event that was refused.
  const deadUnlessForgotten = (trigger = 'f'): Record<string, number> =>
    client().traits.forgetsRefused ? { [trigger]: 1 } : { [trigger]: 1, dead: 1 };

  test.each([300, 304, 400, 401, 402, 403, 405, 406, 410, 411, 412, 413, 414, 415, 422, 425, 451])(
    '%i is not retried',
    async (status) => {
      await client().answers('f', `${status}`, status);
      await client().send({ id: `${status}` });
      await client().expectReceivers(`${status}`, deadUnlessForgotten());
    },
  );

  test('what is refused by a Trigger without retries is a dead letter', async () => {
    await client().answers('once', 'refused once', 400);
    await client().send({ id: 'refused once', type: 'once' });
    await client().expectReceivers('refused once', { once: 1, dead: 1 });
  });

  test('a subscriber is tried once, and again as often as the delivery says', async () => {
    await client().answers('f', 'never', 503);
    await client().send({ id: 'never' });
    await client().received('dead', 'never');
    await client().expectReceivers('never', { f: 3, dead: 1 });
  });

  test("a Trigger's delivery replaces the Broker's as a whole, retries included", async () => {
    await client().answers('once', 'one try', 503);
    await client().send({ id: 'one try', type: 'once' });
    await client().received('dead', 'one try');
    await client().expectReceivers('one try', { once: 1, dead: 1 });
  });

  test("a Trigger without a dead letter sink uses the Broker's", async () => {
    await client().answers('at-once', 'orphan', 503);
    await client().send({ id: 'orphan', type: 'at once' });
    await client().expectReceivers('orphan', { 'at-once': 4, dead: 1 });
  });

  test.each([
    ['linear', 'linear'],
    ['at-once', 'at once'],
  ])('retries come with a backoff that is %s', async (trigger, type) => {
    await client().answers(trigger, `${trigger} 503`, 503, 503, 503, 204);
    await client().send({ id: `${trigger} 503`, type });
    expect(await client().received(trigger, `${trigger} 503`, 4)).toHaveLength(4);
  });

  describe('with a timeout', () => {
    test('a subscriber that does not answer in time is tried again', async () => {
      await client().answers('impatient', 'late', 'hold', 204);
      await client().send({ id: 'late', type: 'hurry' });
      await client().received('impatient', 'late', 2);
      await client().expectReceivers('late', { impatient: 2 });
    });

    test('an answer that comes too late is ignored', async () => {
      await client().answers('impatient', 'too late', 'hold', 'hold', 'hold', 204);
      await client().send({ id: 'too late', type: 'hurry' });
      await client().received('dead', 'too late');
      await client().release('impatient', 'too late');
      await client().expectReceivers('too late', { impatient: 3, dead: 1 });
    });
  });

  describe('a redirect', () => {
    test.each([307, 308])('%i is followed with the event', async (status) => {
      const headers = { location: client().subscriberUrl('elsewhere') };
      await client().answers('f', `moved ${status}`, { status, headers });
      await client().send({ id: `moved ${status}`, datacontenttype: 'text/plain' }, 'all of it');
      const [arrived] = await client().received('elsewhere', `moved ${status}`);
      expect(arrived).toMatchObject({ method: 'POST', body: 'all of it' });
      expect(arrived?.headers).toMatchObject({ 'content-type': 'text/plain', 'ce-type': 'wanted' });
    });

    test.each([301, 302, 303])('%i is followed by a GET without the data', async (status) => {
      const headers = { location: client().subscriberUrl('elsewhere') };
      await client().answers('f', `moved ${status}`, { status, headers });
      await client().send({ id: `moved ${status}`, datacontenttype: 'text/plain' }, 'all of it');
      const [arrived] = await client().received('elsewhere', `moved ${status}`);
      expect(arrived).toMatchObject({ method: 'GET', body: '' });
      expect(arrived?.headers).toMatchObject({ 'ce-type': 'wanted' });
    });

    test('leads to the answer that counts', async () => {
      const headers = { location: client().subscriberUrl('elsewhere') };
      await client().answers('f', 'moved away', { status: 307, headers });
      await client().answers('elsewhere', 'moved away', 503, replyOf({ id: 'from there', type: 'reply' }));
      await client().send({ id: 'moved away' });
      await client().received('g', 'from there');
      await client().expectReceivers('moved away', { f: 2, elsewhere: 2 });
    });

    test('that never ends is a failure that is retried', async () => {
      await client().answers('f', 'round', {
        status: 307,
        headers: { location: client().subscriberUrl('f') },
      });
      await client().send({ id: 'round' });
      const [letter] = await client().received('dead', 'round');
      expect(letter?.headers).toMatchObject({ 'ce-knativeerrorcode': '500' });
    });

    test('without a location is not followed', async () => {
      await client().answers('f', 'nowhere', 302);
      await client().send({ id: 'nowhere' });
      await client().expectReceivers('nowhere', deadUnlessForgotten());
    });
  });
}
