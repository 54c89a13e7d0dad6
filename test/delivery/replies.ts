import { expect, test } from 'vitest';
import { replyOf, toHeaders } from './bench.ts';
import type { OpenFlow } from './delivery-specification.ts';

/** What a subscriber answers is an event again. */
export function describeReplies(openFlow: OpenFlow): void {
  const bench = openFlow({
    name: 'replies',
    brokers: { entry: { delivery: { deadLetterSink: { subscriber: 'dead' } } } },
    triggers: {
      f: { filters: [{ exact: { type: 'wanted' } }] },
      g: { filters: [{ exact: { type: 'reply' } }] },
    },
  });

  test('a reply goes back into the Broker, with everything that it says', async () => {
    const attributes = {
      id: 'the reply',
      source: '/functions/f',
      type: 'reply',
      subject: 'a subject',
      time: '2026-01-01T00:00:00Z',
      datacontenttype: 'application/json',
      cause: 'asked',
    };
    await bench().answers('f', 'asked', replyOf(attributes, '{"b":2}'));
    await bench().send({ id: 'asked', flag: 'only on the first' });
    const [reply] = await bench().received('g', 'the reply');
    expect(reply?.headers).toMatchObject({
      'ce-specversion': '1.0',
      'ce-id': 'the reply',
      'ce-source': '/functions/f',
      'ce-type': 'reply',
      'ce-subject': 'a subject',
      'ce-time': '2026-01-01T00:00:00Z',
      'ce-cause': 'asked',
      'content-type': 'application/json',
      prefer: 'reply',
    });
    expect(reply?.headers).not.toHaveProperty('ce-flag');
    expect(reply?.headers).not.toHaveProperty('ce-knativebrokerttl');
    expect(reply?.body).toBe('{"b":2}');
    await bench().expectReceivers('the reply', { g: 1 });
  });

  test('a structured reply arrives in binary mode', async () => {
    const event = { specversion: '1.0', id: 'structured', source: '/f', type: 'reply', data: { b: 2 } };
    const headers = { 'content-type': 'application/cloudevents+json' };
    await bench().answers('f', 'ask structured', { status: 200, headers, body: JSON.stringify(event) });
    await bench().send({ id: 'ask structured' });
    const [reply] = await bench().received('g', 'structured');
    expect(reply?.headers).toMatchObject({ 'ce-source': '/f' });
    expect(reply?.body).toBe('{"b":2}');
  });

  test.each([200, 201, 202])('an event is a reply whatever 2xx it comes with: %i', async (status) => {
    await bench().answers('f', `ask ${status}`, replyOf({ id: `with ${status}`, type: 'reply' }, '', status));
    await bench().send({ id: `ask ${status}` });
    expect(await bench().received('g', `with ${status}`)).toHaveLength(1);
  });

  test.each([200, 202, 204])('%i without a body is the end', async (status) => {
    await bench().answers('f', `end ${status}`, status);
    await bench().send({ id: `end ${status}` });
    await bench().expectReceivers(`end ${status}`, { f: 1 });
  });

  test('an event beside an error is no reply', async () => {
    await bench().answers('f', 'ask in vain', replyOf({ id: 'with 400', type: 'reply' }, '', 400));
    await bench().send({ id: 'ask in vain' });
    await bench().expectReceivers('with 400', {});
    await bench().expectReceivers('ask in vain', { f: 1, dead: 1 });
  });

  test('a reply that nobody wants is gone', async () => {
    await bench().answers('f', 'ask for nothing', replyOf({ id: 'unwanted', type: 'unwanted' }));
    await bench().send({ id: 'ask for nothing' });
    await bench().expectReceivers('unwanted', {});
    await bench().expectReceivers('ask for nothing', { f: 1 });
  });

  test('a reply is counted as one hop more; when they are used up, the event it answers is a dead letter', async () => {
    await bench().answers('f', 'round', replyOf({ id: 'round', knativebrokerttl: '200' }));
    await bench().send({ id: 'round', knativebrokerttl: '4' });
    const [letter] = await bench().received('dead', 'round');
    expect(letter?.headers).toMatchObject({
      'ce-id': 'round',
      'ce-knativeerrorcode': '400',
      'ce-knativeerrordata': '',
      'ce-knativeerrordest': bench().brokerUrl('entry'),
    });
    await bench().expectReceivers('round', { f: 3, dead: 1 });
  });

  const whole = { specversion: '1.0', id: 'incomplete', source: '/reply', type: 'reply' };
  test.each(['id', 'source', 'type'])(
    'a reply without %s is refused by the Broker, and what it answers is a dead letter at once',
    async (missing) => {
      const headers = toHeaders(
        Object.fromEntries(Object.entries(whole).filter(([name]) => name !== missing)),
      );
      const id = `no ${missing}`;
      await bench().answers('f', id, { status: 200, headers, body: '{}' });
      await bench().send({ id });
      const [letter] = await bench().received('dead', id);
      expect(letter?.headers).toMatchObject({
        'ce-knativeerrorcode': '400',
        'ce-knativeerrordest': bench().brokerUrl('entry'),
      });
      await bench().expectReceivers(id, { f: 1, dead: 1 });
    },
  );

  test('an answer of a specversion that nobody knows is no event; without a body it is the end', async () => {
    await bench().answers('f', 'unknown', replyOf({ id: 'of 2.0', type: 'reply', specversion: '2.0' }));
    await bench().send({ id: 'unknown' });
    await bench().expectReceivers('unknown', { f: 1 });
    await bench().expectReceivers('of 2.0', {});
  });
}
