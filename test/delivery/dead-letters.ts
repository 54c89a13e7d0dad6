import { expect, test } from 'vitest';
import { replyOf } from './flow-client.ts';
import type { OpenFlow } from './delivery-specification.ts';
import type { Answer } from './recording-subscriber.ts';

/** Where events go that were given up. */
export function describeDeadLetters(openFlow: OpenFlow): void {
  const client = openFlow({
    name: 'dead',
    brokers: {
      entry: {
        delivery: {
          retry: 2,
          backoffPolicy: 'exponential',
          backoffDelay: 'PT0.1S',
          deadLetterSink: { subscriber: 'sink' },
        },
      },
      second: {},
    },
    triggers: {
      f: { filters: [{ exact: { type: 'wanted' } }] },
      g: { filters: [{ exact: { type: 'reply' } }] },
      // Without retries, because with them not every Broker makes a dead letter of what was refused (retries.ts).
      once: {
        filters: [{ exact: { type: 'once' } }],
        delivery: { deadLetterSink: { subscriber: 'sink' } },
      },
      impatient: {
        filters: [{ exact: { type: 'hurry' } }],
        delivery: { timeout: 'PT0.2S', deadLetterSink: { subscriber: 'sink' } },
      },
      'to-second': {
        filters: [{ exact: { type: 'to second' } }],
        delivery: { deadLetterSink: { broker: 'second' } },
      },
      lost: {
        filters: [{ exact: { type: 'lost' } }],
        delivery: { deadLetterSink: { subscriber: 'closed' } },
      },
      sweep: { broker: 'second', filters: [{ prefix: { knativeerrordest: 'http' } }] },
      'sweep-reply': { broker: 'second', filters: [{ not: { prefix: { knativeerrordest: 'http' } } }] },
    },
  });

  test.each<[string, Answer, code: string, data: string]>([
    ['refused', { status: 400, body: 'no such thing' }, '400', 'no such thing'],
    ['refused in silence', 400, '400', ''],
    ['not allowed', 403, '403', ''],
    ['not now', { status: 503, body: 'not now' }, '503', 'not now'],
    ['not found', { status: 404, headers: { 'content-type': 'text/html' }, body: '<p>' }, '404', '<p>'],
    ['an error as JSON', { status: 422, body: '{"error":"x"}' }, '422', '{"error":"x"}'],
    ['a redirect without a location', { status: 300, body: 'choose' }, '300', 'choose'],
  ])('%s: the event itself, and what went wrong', async (id, answer, code, data) => {
    const attributes = { id, type: 'once', subject: 's', cause: 'c', datacontenttype: 'text/plain' };
    await client().answers('once', id, answer);
    await client().send(attributes, 'hello');
    const [letter] = await client().received('sink', id);
    expect(letter?.headers).toMatchObject({
      'ce-specversion': '1.0',
      'ce-id': id,
      'ce-source': '/test',
      'ce-type': 'once',
      'ce-subject': 's',
      'ce-cause': 'c',
      'content-type': 'text/plain',
      'ce-knativeerrordest': client().subscriberUrl('once'),
      'ce-knativeerrorcode': code,
      'ce-knativeerrordata': base64(data),
    });
    expect(letter?.body).toBe('hello');
    await client().expectReceivers(id, { once: 1, sink: 1 });
  });

  test('the last answer is what went wrong', async () => {
    await client().answers('f', 'worse', { status: 500, body: 'first' }, { status: 503, body: 'last' });
    await client().send({ id: 'worse' });
    const [letter] = await client().received('sink', 'worse');
    expect(letter?.headers).toMatchObject({
      'ce-knativeerrorcode': '503',
      'ce-knativeerrordata': base64('last'),
    });
    await client().expectReceivers('worse', { f: 3, sink: 1 });
  });

  test('a dead letter keeps its hop count and its arrival time', async () => {
    await client().answers('f', 'hops', 503);
    await client().send({ id: 'hops', knativebrokerttl: '8' });
    const [asked] = await client().received('f', 'hops');
    const [letter] = await client().received('sink', 'hops');
    expect(letter?.headers).toMatchObject({
      'ce-knativebrokerttl': '7',
      'ce-knativearrivaltime': asked?.headers['ce-knativearrivaltime'],
    });
  });

  // One byte more, and the dispatcher of Knative 0.50 ends: it writes more base64 than it has made room for. Not here.
  test('a dead letter carries the first 768 bytes of the answer', async () => {
    await client().answers('f', 'long', { status: 503, body: 'x'.repeat(768) });
    await client().send({ id: 'long' });
    const [letter] = await client().received('sink', 'long');
    expect(letter?.headers['ce-knativeerrordata']).toBe(base64('x'.repeat(768)));
  });

  test('a connection that breaks counts as 500', async () => {
    await client().answers('f', 'broken', 'drop');
    await client().send({ id: 'broken' });
    const [letter] = await client().received('sink', 'broken');
    const { 'ce-knativeerrorcode': code, 'ce-knativeerrordata': data = '' } = letter?.headers ?? {};
    expect(code).toBe('500');
    expect(Buffer.from(data, 'base64').toString()).toMatch(/^dispatch error: /);
    expect(letter?.headers['ce-knativeerrordest']).toBe(client().subscriberUrl('f'));
  });

  test.each<[string, string, Answer]>([
    ['a body that is no event', 'wanted', { status: 200, body: 'ok' }],
    ['a broken event', 'wanted', replyOf({ id: 'r', 'my-extension': 'x' })],
    ['silence', 'hurry', 'hold'],
    ['304', 'once', 304],
  ])('%s leaves no error attributes on the dead letter', async (id, type, answer) => {
    await client().answers('f', id, answer);
    await client().answers('once', id, answer);
    await client().answers('impatient', id, answer);
    await client().send({ id, type });
    const [letter] = await client().received('sink', id);
    const told = Object.keys(letter?.headers ?? {}).filter((name) => name.startsWith('ce-knativeerror'));
    expect(told).toEqual([]);
  });

  test('an event that was a dead letter before keeps the address and the code of its first failure', async () => {
    await client().answers('f', 'again', { status: 503, body: 'new' });
    const before = { knativeerrordest: 'http://old/', knativeerrorcode: '400', knativeerrordata: '' };
    await client().send({ id: 'again', ...before });
    const [letter] = await client().received('sink', 'again');
    expect(letter?.headers).toMatchObject({
      'ce-knativeerrordest': 'http://old/',
      'ce-knativeerrorcode': '400',
      'ce-knativeerrordata': base64('new'),
    });
  });

  test('the dead letter sink is tried as often as the subscriber; then the event is lost', async () => {
    await client().answers('f', 'lost', 503);
    await client().answers('sink', 'lost', 503);
    await client().send({ id: 'lost' });
    await client().received('sink', 'lost', 3);
    await client().expectReceivers('lost', { f: 3, sink: 3 });
  });

  test('a reply of the dead letter sink is dropped, and any 2xx of it is success', async () => {
    await client().answers('f', 'answered', 503);
    await client().answers('sink', 'answered', replyOf({ id: 'the answer', type: 'reply' }));
    await client().answers('f', 'babble', 503);
    await client().answers('sink', 'babble', { status: 200, body: 'ok' });
    await client().send({ id: 'answered' });
    await client().send({ id: 'babble' });
    await client().received('sink', 'answered');
    await client().expectReceivers('the answer', {});
    await client().expectReceivers('answered', { f: 3, sink: 1 });
    await client().expectReceivers('babble', { f: 3, sink: 1 });
  });

  test('a dead letter is sent without Prefer: reply', async () => {
    await client().answers('f', 'told', 503);
    await client().send({ id: 'told' });
    const [letter] = await client().received('sink', 'told');
    expect(letter?.headers).not.toHaveProperty('prefer');
  });

  test('a Broker as the dead letter sink treats the letter as an ordinary event and routes its reply', async () => {
    await client().answers('to-second', 'forwarded', { status: 400, body: 'no' });
    await client().answers('sweep', 'forwarded', replyOf({ id: 'swept', type: 'anything' }));
    await client().send({ id: 'forwarded', type: 'to second', knativebrokerttl: '9' });
    const [letter] = await client().received('sweep', 'forwarded');
    expect(letter?.headers).toMatchObject({
      'ce-type': 'to second',
      'ce-knativeerrordest': client().subscriberUrl('to-second'),
      'ce-knativeerrorcode': '400',
      'ce-knativeerrordata': base64('no'),
      prefer: 'reply',
    });
    expect(letter?.headers).not.toHaveProperty('ce-knativebrokerttl');
    await client().received('sweep-reply', 'swept');
    await client().expectReceivers('swept', { 'sweep-reply': 1 });
    await client().expectReceivers('forwarded', { 'to-second': 1, sweep: 1 });
  });

  test("a Broker as the dead letter sink goes on counting the letter's hops", async () => {
    await client().answers('to-second', 'worn', 400);
    await client().send({ id: 'worn', type: 'to second', knativebrokerttl: '2' });
    await client().expectReceivers('worn', { 'to-second': 1 });
  });
}

function base64(text: string): string {
  return Buffer.from(text).toString('base64');
}
