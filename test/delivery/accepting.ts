import { describe, expect, test } from 'vitest';
import { toHeaders } from './flow-client.ts';
import type { RawRequest } from './flow-client.ts';
import type { OpenFlow } from './delivery-specification.ts';

const whole = { specversion: '1.0', id: 'refused', source: '/test', type: 'wanted' };
const structured = { 'content-type': 'application/cloudevents+json' };

/** What senders are answered. */
export function describeAccepting(openFlow: OpenFlow): void {
  const client = openFlow({
    name: 'accepting',
    brokers: { entry: {} },
    triggers: { f: { filters: [{ exact: { type: 'wanted' } }] } },
  });

  test('an event in binary mode is accepted', async () => {
    expect(await client().send({ id: 'binary', type: 'wanted' })).toBe(202);
    await client().expectReceivers('binary', { f: 1 });
  });

  test.each(['application/cloudevents+json', 'application/cloudevents+json; charset=UTF-8'])(
    'an event in structured mode is accepted: %s',
    async (type) => {
      const { status } = await client().request({
        headers: { 'content-type': type },
        body: JSON.stringify({ ...whole, id: type }),
      });
      expect(status).toBe(202);
      await client().expectReceivers(type, { f: 1 });
    },
  );

  test('an event that no Trigger wants is accepted and dropped', async () => {
    expect(await client().send({ id: 'unwanted', type: 'unwanted' })).toBe(202);
    await client().expectReceivers('unwanted', {});
  });

  test('an event that is sent twice is delivered twice, or once if the Broker knows its id', async () => {
    expect(await client().send({ id: 'twice' })).toBe(202);
    expect(await client().send({ id: 'twice' })).toBe(202);
    await client().expectReceivers('twice', { f: client().traits.dropsKnownIds ? 1 : 2 });
  });

  test('an id that two senders use is delivered from both, or from the first if the Broker knows it', async () => {
    expect(await client().send({ id: 'shared', source: '/one' })).toBe(202);
    expect(await client().send({ id: 'shared', source: '/other' })).toBe(202);
    await client().expectReceivers('shared', { f: client().traits.dropsKnownIds ? 1 : 2 });
  });

  describe('a Broker answers 400 to', () => {
    test.each<[string, Partial<RawRequest>]>([
      ['nothing at all', {}],
      ['JSON that is no event', { headers: { 'content-type': 'application/json' }, body: '{"id":"1"}' }],
      [
        'a batch',
        {
          headers: { 'content-type': 'application/cloudevents-batch+json' },
          body: JSON.stringify([whole]),
        },
      ],
      ['an event without a specversion', { headers: toHeaders({ ...whole, specversion: '' }) }],
      [
        'an event of a specversion that nobody knows',
        { headers: toHeaders({ ...whole, specversion: '2.0' }) },
      ],
      ['an event without an id', { headers: toHeaders({ ...whole, id: '' }) }],
      ['an event without a source', { headers: toHeaders({ ...whole, source: '' }) }],
      ['an event without a type', { headers: toHeaders({ ...whole, type: '' }) }],
      ['a time that is none', { headers: toHeaders({ ...whole, time: 'yesterday' }) }],
      ['an extension with a hyphen in its name', { headers: toHeaders({ ...whole, 'my-extension': 'x' }) }],
      ['a structured event that is not JSON', { headers: structured, body: '{' }],
      ['a structured event that is a list', { headers: structured, body: JSON.stringify([whole]) }],
      [
        'a structured event without a type',
        { headers: structured, body: JSON.stringify({ ...whole, type: '' }) },
      ],
      [
        'a structured event whose data is an object, of a content type that is not application/json',
        {
          headers: structured,
          body: JSON.stringify({ ...whole, datacontenttype: 'application/a+json', data: {} }),
        },
      ],
      [
        'a structured event with an object as an extension',
        { headers: structured, body: JSON.stringify({ ...whole, extension: {} }) },
      ],
      ['an event that went round too often', { headers: toHeaders({ ...whole, knativebrokerttl: '1' }) }],
      ['an event whose hops are used up', { headers: toHeaders({ ...whole, knativebrokerttl: '0' }) }],
      ['an event of fewer hops than none', { headers: toHeaders({ ...whole, knativebrokerttl: '-5' }) }],
    ])('%s', async (_title, request) => {
      expect((await client().request(request)).status).toBe(400);
      await client().expectReceivers('refused', {});
    });
  });

  test.each(['2', '255', '1.5e2', 'many', '99999999999'])('an event of %s hops is accepted', async (hops) => {
    expect(await client().send({ id: `hops ${hops}`, knativebrokerttl: hops })).toBe(202);
    await client().expectReceivers(`hops ${hops}`, { f: 1 });
  });

  test('a Broker answers 405 to everything but POST', async () => {
    expect((await client().request({ method: 'GET' })).status).toBe(405);
    expect((await client().request({ method: 'PUT' })).status).toBe(405);
  });

  test('404 is the answer of a Broker that does not exist', async () => {
    const { status } = await client().request({
      url: client().brokerUrl('missing'),
      headers: toHeaders(whole),
    });
    expect(status).toBe(404);
  });
}
