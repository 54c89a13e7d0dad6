import { expect, test } from 'vitest';
import { replyOf, toHeaders } from './flow-client.ts';
import type { OpenFlow } from './delivery-specification.ts';

/** What a subscriber answers is an event again. */
export function describeReplies(openFlow: OpenFlow): void {
  const client = openFlow({
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
    await client().answers('f', 'asked', replyOf(attributes, '{"b":2}'));
    await client().send({ id: 'asked', flag: 'only on the first' });
    const [reply] = await client().received('g', 'the reply');
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
    await client().expectReceivers('the reply', { g: 1 });
  });

  test('a reply belongs to the trace of what it answers, and carries what it says of its own', async () => {
    const asked = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';
    const own = '00-4bf92f3577b34da6a3ce929d0e0e4736-b7ad6b7169203331-01';
    const said = { specversion: '1.0', source: '/reply', type: 'reply', id: 'traced reply' };
    const headers = { ...toHeaders({ ...said, traceparent: own }), traceparent: own };
    await client().answers('f', 'ask traced', { status: 200, headers, body: '' });
    const event = { specversion: '1.0', source: '/test', type: 'wanted', id: 'ask traced' };
    await client().request({ headers: { ...toHeaders(event), traceparent: asked } });
    const [arrived] = await client().received('g', 'traced reply');
    expect(arrived?.headers).toMatchObject({ traceparent: asked, 'ce-traceparent': own });
  });

  test('a structured reply arrives in binary mode', async () => {
    const event = { specversion: '1.0', id: 'structured', source: '/f', type: 'reply', data: { b: 2 } };
    const headers = { 'content-type': 'application/cloudevents+json' };
    await client().answers('f', 'ask structured', { status: 200, headers, body: JSON.stringify(event) });
    await client().send({ id: 'ask structured' });
    const [reply] = await client().received('g', 'structured');
    expect(reply?.headers).toMatchObject({ 'ce-source': '/f' });
    expect(reply?.body).toBe('{"b":2}');
  });

  test.each([200, 201, 202])('an event is a reply whatever 2xx it comes with: %i', async (status) => {
    await client().answers(
      'f',
      `ask ${status}`,
      replyOf({ id: `with ${status}`, type: 'reply' }, '', status),
    );
    await client().send({ id: `ask ${status}` });
    expect(await client().received('g', `with ${status}`)).toHaveLength(1);
  });

  test.each([200, 202, 204])('%i without a body ends the delivery', async (status) => {
    await client().answers('f', `end ${status}`, status);
    await client().send({ id: `end ${status}` });
    await client().expectReceivers(`end ${status}`, { f: 1 });
  });

  test('an event in an error response is no reply', async () => {
    await client().answers('f', 'ask in vain', replyOf({ id: 'with 400', type: 'reply' }, '', 400));
    await client().send({ id: 'ask in vain' });
    await client().expectReceivers('with 400', {});
    await client().expectReceivers('ask in vain', { f: 1, dead: 1 });
  });

  test('a reply that no Trigger wants is dropped', async () => {
    await client().answers('f', 'ask for nothing', replyOf({ id: 'unwanted', type: 'unwanted' }));
    await client().send({ id: 'ask for nothing' });
    await client().expectReceivers('unwanted', {});
    await client().expectReceivers('ask for nothing', { f: 1 });
  });

  test('a reply is counted as one hop more; when they are used up, the event it answers is a dead letter', async () => {
    await client().answers('f', 'round 1', replyOf({ id: 'round 2', knativebrokerttl: '200' }));
    await client().answers('f', 'round 2', replyOf({ id: 'round 3', knativebrokerttl: '200' }));
    await client().answers('f', 'round 3', replyOf({ id: 'round 4', knativebrokerttl: '200' }));
    await client().send({ id: 'round 1', knativebrokerttl: '4' });
    const [letter] = await client().received('dead', 'round 3');
    expect(letter?.headers).toMatchObject({
      'ce-id': 'round 3',
      'ce-knativeerrorcode': '400',
      'ce-knativeerrordata': '',
      'ce-knativeerrordest': client().brokerUrl('entry'),
    });
    await client().expectReceivers('round 3', { f: 1, dead: 1 });
    await client().expectReceivers('round 4', {});
  });

  test('a reply with the id of its event goes back too, unless the Broker knows the id', async () => {
    await client().answers('f', 'the same', replyOf({ id: 'the same', type: 'reply' }));
    await client().send({ id: 'the same' });
    await client().expectReceivers('the same', client().traits.dropsKnownIds ? { f: 1 } : { f: 1, g: 1 });
  });

  const whole = { specversion: '1.0', id: 'incomplete', source: '/reply', type: 'reply' };
  test.each(['id', 'source', 'type'])(
    'a reply without %s is refused by the Broker, and what it answers is a dead letter at once',
    async (missing) => {
      const headers = toHeaders(
        Object.fromEntries(Object.entries(whole).filter(([name]) => name !== missing)),
      );
      const id = `no ${missing}`;
      await client().answers('f', id, { status: 200, headers, body: '{}' });
      await client().send({ id });
      const [letter] = await client().received('dead', id);
      expect(letter?.headers).toMatchObject({
        'ce-knativeerrorcode': '400',
        'ce-knativeerrordest': client().brokerUrl('entry'),
      });
      await client().expectReceivers(id, { f: 1, dead: 1 });
    },
  );

  test('an answer with an unknown specversion is no event; without a body it ends the delivery', async () => {
    await client().answers('f', 'unknown', replyOf({ id: 'of 2.0', type: 'reply', specversion: '2.0' }));
    await client().send({ id: 'unknown' });
    await client().expectReceivers('unknown', { f: 1 });
    await client().expectReceivers('of 2.0', {});
  });
}
