import { createServer } from 'node:http';
import type { IncomingHttpHeaders, Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { CloudEvent, HTTP } from 'cloudevents';
import { afterEach, describe, expect, test } from 'vitest';
import { startBroker } from './broker.ts';
import type { Broker, BrokerOptions, Delivery } from './broker.ts';
import type { DeliveryWiring, TriggerWiring, Wiring } from './wiring.ts';

interface Received {
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

type Reply = number | { status: number; headers?: Record<string, string>; body?: string } | 'hang' | 'drop';
type Behaviour = (request: Received, nth: number) => Reply | Promise<Reply>;

const cleanups: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
});

async function startSubscriber(behaviour: Behaviour): Promise<{ url: string; received: Received[] }> {
  const received: Received[] = [];
  const server: Server = createServer((request, response) => {
    void (async () => {
      const one = { headers: request.headers, body: await text(request) };
      received.push(one);
      const reply = await behaviour(one, received.length);
      if (reply === 'hang') return;
      if (reply === 'drop') {
        request.socket.destroy();
        return;
      }
      const { status, headers, body } = typeof reply === 'number' ? { status: reply } : reply;
      response.writeHead(status, headers).end(body);
    })();
  });
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  cleanups.push(async () => {
    server.closeAllConnections();
    await new Promise<void>((resolve) => void server.close(() => resolve()));
  });
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}/`, received };
}

const DELIVERY: DeliveryWiring = {
  retry: 3,
  backoffPolicy: 'exponential',
  backoffDelayMs: 500,
  timeoutMs: 5000,
  deadLetterSink: undefined,
};
const DEAD: DeliveryWiring = { ...DELIVERY, deadLetterSink: { kind: 'service', name: 'dead' } };

function trigger(name: string, parts: Partial<TriggerWiring> = {}): TriggerWiring {
  return {
    name,
    namespace: 'n',
    broker: 'b',
    filters: [],
    subscriber: { kind: 'service', name },
    delivery: DELIVERY,
    ...parts,
  };
}

function toWiring(triggers: TriggerWiring[]): Wiring {
  const entry = { name: 'b', namespace: 'n' };
  return { brokers: [entry, { name: 'second', namespace: 'n' }], triggers, sources: [], pings: [], entry };
}

interface Setup {
  readonly broker: Broker;
  readonly deliveries: Delivery[];
  readonly slept: number[];
}

async function start(
  triggers: TriggerWiring[],
  subscribers: Record<string, string>,
  options: Partial<BrokerOptions> = {},
): Promise<Setup> {
  const deliveries: Delivery[] = [];
  const slept: number[] = [];
  const broker = await startBroker({
    wiring: toWiring(triggers),
    subscribers,
    onDelivery: (delivery) => void deliveries.push(delivery),
    sleep: async (milliseconds) => void slept.push(milliseconds),
    now: () => new Date('2026-01-01T00:00:00Z'),
    ...options,
  });
  cleanups.push(async () => await broker.close());
  return { broker, deliveries, slept };
}

const outcomes = (deliveries: Delivery[]) => deliveries.map(({ outcome }) => outcome);

const EVENT = new CloudEvent<unknown>({
  id: '1',
  source: '/s',
  type: 'wanted',
  time: '2026-01-01T00:00:00.000Z',
  datacontenttype: 'application/json',
  data: { a: 1 },
  namespace: '',
});

async function post(url: string, headers: Record<string, string>, body = ''): Promise<number> {
  return (await fetch(url, { method: 'POST', headers, body })).status;
}

const BINARY = { 'ce-specversion': '1.0', 'ce-id': '1', 'ce-source': '/s', 'ce-type': 'wanted' };

describe('what a Broker takes', () => {
  test('an event in binary and in structured mode', async () => {
    const f = await startSubscriber(() => 204);
    const { broker } = await start([trigger('f')], { f: f.url });
    expect(await post(broker.url, { ...BINARY, 'content-type': 'text/plain' }, 'hello')).toBe(202);
    const structured = JSON.stringify({
      specversion: '1.0',
      id: '2',
      source: '/s',
      type: 'wanted',
      data: 'x',
    });
    expect(
      await post(broker.url, { 'content-type': 'application/cloudevents+json; charset=UTF-8' }, structured),
    ).toBe(202);
    await broker.idle();
    expect(f.received.map(({ headers, body }) => [headers['ce-id'], headers['content-type'], body])).toEqual(
      expect.arrayContaining([
        ['1', 'text/plain', 'hello'],
        ['2', undefined, '"x"'],
      ]),
    );
  });

  test.each([
    ['no event', {}, 400],
    ['a batch', { 'content-type': 'application/cloudevents-batch+json' }, 400],
    ['an event without a type', { 'ce-specversion': '1.0', 'ce-id': '1', 'ce-source': '/s' }, 400],
    ['an event that went round too often', { ...BINARY, 'ce-knativebrokerttl': '1' }, 400],
  ])('refuses %s', async (_, headers, status) => {
    const { broker } = await start([], {});
    expect(await post(broker.url, headers, '[]')).toBe(status);
  });

  test('nothing but POST, and only at its own address', async () => {
    const { broker } = await start([], {});
    expect((await fetch(broker.url)).status).toBe(405);
    expect(await post(broker.url.replace('/n/b', '/n/other'), BINARY)).toBe(404);
  });

  test('its answer waits for no subscriber', async () => {
    const { promise: held, resolve: release } = Promise.withResolvers<Reply>();
    const f = await startSubscriber(() => held);
    const { broker, deliveries } = await start([trigger('f')], { f: f.url });
    expect(await post(broker.url, BINARY)).toBe(202);
    expect(deliveries).toEqual([]);
    release(204);
    await broker.idle();
    expect(outcomes(deliveries)).toEqual(['delivered']);
  });

  test('nothing more when it is full', async () => {
    const f = await startSubscriber(() => 'hang');
    const { broker } = await start([trigger('f')], { f: f.url }, { capacity: 1, closeGraceMs: 1 });
    broker.send(EVENT);
    expect(await post(broker.url, BINARY)).toBe(429);
    expect(() => broker.send(EVENT)).toThrow('the Broker is full');
  });
});

describe('what a subscriber gets', () => {
  test('the event in binary mode, with its attributes, the arrival time and Prefer: reply; not the count of hops', async () => {
    const f = await startSubscriber(() => 204);
    const { broker } = await start([trigger('f')], { f: f.url });
    broker.send(EVENT);
    await broker.idle();
    const [request] = f.received;
    expect(request?.body).toBe('{"a":1}');
    expect(request?.headers).toMatchObject({
      'content-type': 'application/json',
      'ce-id': '1',
      'ce-namespace': '',
      'ce-knativearrivaltime': '2026-01-01T00:00:00.000Z',
      prefer: 'reply',
      'kn-namespace': 'n',
    });
    expect(request?.headers).not.toHaveProperty('ce-knativebrokerttl');
  });

  test('a tick without data, as it was sent: empty, without a content type', async () => {
    const f = await startSubscriber(() => 204);
    const { broker } = await start([trigger('f')], { f: f.url });
    broker.send(new CloudEvent<unknown>({ source: '/s', type: 'dev.knative.sources.ping' }));
    await broker.idle();
    expect(f.received[0]?.headers).not.toHaveProperty('content-type');
    expect(f.received[0]).toMatchObject({ headers: { 'content-length': '0' }, body: '' });
  });

  test('each Trigger of its Broker that lets the event pass, none else', async () => {
    const [f, g, h, i] = await Promise.all([1, 2, 3, 4].map(() => startSubscriber(() => 204)));
    const triggers = [
      trigger('f', { filters: [{ exact: { type: 'wanted' } }, { prefix: { source: '/' } }] }),
      trigger('g', { filters: [{ exact: { type: 'wanted' } }, { exact: { source: '/other' } }] }),
      trigger('h'),
      trigger('i', { broker: 'second' }),
    ];
    const { broker } = await start(triggers, {
      f: f?.url ?? '',
      g: g?.url ?? '',
      h: h?.url ?? '',
      i: i?.url ?? '',
    });
    broker.send(EVENT);
    await broker.idle();
    expect([f, g, h, i].map((one) => one?.received.length)).toEqual([1, 0, 1, 0]);
  });
});

function reply(type: string): Reply {
  const { headers, body } = HTTP.binary(new CloudEvent({ source: '/f', type, data: { b: 2 } }));
  return { status: 200, headers: headers as Record<string, string>, body: body as string };
}

describe('replies', () => {
  test('an event as the answer goes back into the Broker', async () => {
    const f = await startSubscriber(() => reply('answer'));
    const g = await startSubscriber(() => 204);
    const triggers = [
      trigger('f', { filters: [{ exact: { type: 'wanted' } }] }),
      trigger('g', { filters: [{ exact: { type: 'answer' } }] }),
    ];
    const { broker, deliveries } = await start(triggers, { f: f.url, g: g.url });
    broker.send(EVENT);
    await broker.idle();
    expect(g.received).toMatchObject([{ headers: { 'ce-source': '/f' }, body: '{"b":2}' }]);
    expect(deliveries).toMatchObject([
      {
        trigger: 'f',
        outcome: 'replied',
        status: 200,
        reply: { attributes: { type: 'answer', knativebrokerttl: '255' } },
      },
      { trigger: 'g', outcome: 'delivered', event: { attributes: { knativebrokerttl: '254' } } },
    ]);
  });

  test('a structured reply too', async () => {
    const body = JSON.stringify({ specversion: '1.0', id: '9', source: '/f', type: 'answer' });
    const f = await startSubscriber(() => ({
      status: 200,
      headers: { 'content-type': 'application/cloudevents+json' },
      body,
    }));
    const { broker, deliveries } = await start([trigger('f', { filters: [{ exact: { type: 'wanted' } }] })], {
      f: f.url,
    });
    broker.send(EVENT);
    await broker.idle();
    expect(outcomes(deliveries)).toEqual(['replied']);
  });

  test('a function that answers itself is stopped after 255 rounds', async () => {
    const f = await startSubscriber(() => reply('wanted'));
    const { broker, deliveries } = await start([trigger('f')], { f: f.url });
    broker.send(EVENT);
    await broker.idle();
    expect(f.received).toHaveLength(255);
    expect(deliveries.at(-1)).toMatchObject({
      outcome: 'reply dropped',
      reason: 'no hops left: knativebrokerttl is used up',
    });
  });
});

describe('failures', () => {
  test.each<[string, Reply]>([
    ['404', 404],
    ['408', 408],
    ['409', 409],
    ['429', 429],
    ['500', 500],
    ['501', 501],
    ['503', 503],
    ['a broken connection', 'drop'],
    [
      '200 with a body that is not an event',
      { status: 200, headers: { 'content-type': 'application/json' }, body: '{"ok":true}' },
    ],
    ['200 with a broken event', { status: 200, headers: { ...BINARY, 'ce-my-extension': '1' } }],
    [
      '200 with a batch',
      { status: 200, headers: { 'content-type': 'application/cloudevents-batch+json' }, body: '[]' },
    ],
  ])('%s is retried, after 1, 2, 4 times the delay', async (_, answer) => {
    const f = await startSubscriber((_request, nth) => (nth <= 3 ? answer : 204));
    const { broker, deliveries, slept } = await start([trigger('f')], { f: f.url });
    broker.send(EVENT);
    await broker.idle();
    expect(slept).toEqual([500, 1000, 2000]);
    expect(deliveries.map(({ outcome, attempt }) => [outcome, attempt])).toEqual([
      ['will retry', 1],
      ['will retry', 2],
      ['will retry', 3],
      ['delivered', 4],
    ]);
    expect(new Set(f.received.map(({ headers }) => headers['ce-id']))).toEqual(new Set(['1']));
  });

  test.each([300, 302, 304, 307, 400, 401, 403, 405, 406, 410, 413, 415, 422, 425])(
    '%i is not retried',
    async (status) => {
      const f = await startSubscriber(() => status);
      const { broker, deliveries, slept } = await start([trigger('f')], { f: f.url });
      broker.send(EVENT);
      await broker.idle();
      expect(f.received).toHaveLength(1);
      expect(slept).toEqual([]);
      expect(deliveries).toMatchObject([{ outcome: 'lost', status, attempt: 1 }]);
    },
  );

  test('no answer in time is retried', async () => {
    const f = await startSubscriber((_, nth) => (nth === 1 ? 'hang' : 204));
    const { broker, deliveries } = await start(
      [trigger('f', { delivery: { ...DELIVERY, timeoutMs: 400 } })],
      {
        f: f.url,
      },
    );
    broker.send(EVENT);
    await broker.idle();
    expect(deliveries).toMatchObject([
      { outcome: 'will retry', status: undefined, reason: 'no answer within 400 ms' },
      { outcome: 'delivered' },
    ]);
  });

  test.each<[string, Partial<DeliveryWiring>, number[]]>([
    ['linear counts from 0, so the first retry comes at once', { backoffPolicy: 'linear' }, [0, 500, 1000]],
    ['without a delay all come at once', { backoffDelayMs: 0 }, [0, 0, 0]],
    ['without retries there is one try', { retry: 0 }, []],
  ])('%s', async (_, parts, expected) => {
    const f = await startSubscriber(() => 503);
    const { broker, slept } = await start([trigger('f', { delivery: { ...DELIVERY, ...parts } })], {
      f: f.url,
    });
    broker.send(EVENT);
    await broker.idle();
    expect(slept).toEqual(expected);
    expect(f.received).toHaveLength(expected.length + 1);
  });

  test('one failing subscriber holds up no other', async () => {
    const f = await startSubscriber(() => 'hang');
    const g = await startSubscriber(() => 204);
    const { broker } = await start(
      [trigger('f'), trigger('g')],
      { f: f.url, g: g.url },
      { closeGraceMs: 1, requestsPerTrigger: 1 },
    );
    broker.send(EVENT);
    broker.send(EVENT);
    await expect.poll(() => g.received.length).toBe(2);
    expect(f.received).toHaveLength(1);
  });

  test('an event does not wait for the many of another namespace', async () => {
    const { promise: held, resolve: release } = Promise.withResolvers<Reply>();
    const f = await startSubscriber(() => held);
    const { broker } = await start([trigger('f')], { f: f.url }, { requestsPerNamespace: 1 });
    for (const id of ['a-1', 'a-2', 'a-3']) broker.send(EVENT.cloneWith({ id, namespace: 'a' }));
    broker.send(EVENT.cloneWith({ id: 'b-1', namespace: 'b' }));
    const ids = () => f.received.map(({ headers }) => headers['ce-id']);
    await expect.poll(ids).toEqual(['a-1', 'b-1']);
    release(204);
    await broker.idle();
    expect(ids()).toEqual(['a-1', 'b-1', 'a-2', 'a-3']);
  });

  test('an event that waits for its next try leaves its place to others', async () => {
    const { promise: woken, resolve: wake } = Promise.withResolvers<void>();
    const f = await startSubscriber(({ headers }, nth) =>
      headers['ce-id'] === '1' && nth === 1 ? 503 : 204,
    );
    const { broker, deliveries } = await start(
      [trigger('f')],
      { f: f.url },
      {
        requestsPerTrigger: 1,
        sleep: async () => await woken,
      },
    );
    broker.send(EVENT);
    await expect.poll(() => deliveries.length).toBe(1);
    broker.send(EVENT.cloneWith({ id: '2' }));
    await expect.poll(() => deliveries.length).toBe(2);
    wake();
    await broker.idle();
    expect(deliveries.map(({ event, outcome }) => [event.attributes['id'], outcome])).toEqual([
      ['1', 'will retry'],
      ['2', 'delivered'],
      ['1', 'delivered'],
    ]);
  });
});

describe('dead letters', () => {
  test('what was given up goes to the dead letter sink, with what went wrong', async () => {
    const f = await startSubscriber(() => ({ status: 400, body: 'no such thing' }));
    const dead = await startSubscriber(() => 204);
    const { broker, deliveries } = await start([trigger('f', { delivery: DEAD })], {
      f: f.url,
      dead: dead.url,
    });
    broker.send(EVENT);
    await broker.idle();
    expect(dead.received).toMatchObject([
      {
        headers: {
          'ce-id': '1',
          'ce-source': '/s',
          'ce-type': 'wanted',
          'ce-knativeerrordest': f.url,
          'ce-knativeerrorcode': '400',
          'ce-knativeerrordata': Buffer.from('no such thing').toString('base64'),
        },
        body: '{"a":1}',
      },
    ]);
    expect(deliveries.map(({ outcome, to }) => [outcome, to])).toEqual([
      ['dead lettered', 'subscriber'],
      ['delivered', 'dead letter sink'],
    ]);
  });

  test('of an event whose reply the Broker refuses say that the Broker refused it', async () => {
    const f = await startSubscriber(() => reply('wanted'));
    const dead = await startSubscriber(() => 204);
    const { broker, deliveries } = await start([trigger('f', { delivery: DEAD })], {
      f: f.url,
      dead: dead.url,
    });
    broker.send(EVENT.cloneWith({ knativebrokerttl: '2' }));
    await broker.idle();
    expect(dead.received).toMatchObject([
      { headers: { 'ce-id': '1', 'ce-knativeerrordest': broker.url, 'ce-knativeerrorcode': '400' } },
    ]);
    expect(deliveries).toMatchObject([
      { outcome: 'dead lettered', status: 200, reply: { attributes: { type: 'wanted' } } },
      { outcome: 'delivered', to: 'dead letter sink' },
    ]);
  });

  test('the answer is cut to 1024 characters of base64', async () => {
    const f = await startSubscriber(() => ({ status: 400, body: 'x'.repeat(5000) }));
    const dead = await startSubscriber(() => 204);
    const { broker } = await start([trigger('f', { delivery: DEAD })], { f: f.url, dead: dead.url });
    broker.send(EVENT);
    await broker.idle();
    expect(dead.received[0]?.headers['ce-knativeerrordata']).toBe(
      Buffer.from('x'.repeat(768)).toString('base64'),
    );
  });

  test.each<[string, Reply]>([
    ['a body that is not an event', { status: 200, body: 'ok' }],
    ['silence', 'hang'],
  ])('%s is retried, and leaves no word of what went wrong', async (_, answer) => {
    const f = await startSubscriber(() => answer);
    const dead = await startSubscriber(() => 204);
    const { broker } = await start([trigger('f', { delivery: { ...DEAD, timeoutMs: 400 } })], {
      f: f.url,
      dead: dead.url,
    });
    broker.send(EVENT);
    await broker.idle();
    expect(f.received).toHaveLength(4);
    expect(
      Object.keys(dead.received[0]?.headers ?? {}).filter((name) => name.startsWith('ce-knativeerror')),
    ).toEqual([]);
  });

  test('a subscriber that cannot be reached counts as 500', async () => {
    const dead = await startSubscriber(() => 204);
    const { broker } = await start([trigger('f', { delivery: DEAD })], {
      f: 'http://127.0.0.1:1/',
      dead: dead.url,
    });
    broker.send(EVENT);
    await broker.idle();
    const { 'ce-knativeerrorcode': code, 'ce-knativeerrordata': data } = dead.received[0]?.headers ?? {};
    expect([code, Buffer.from(String(data), 'base64').toString()]).toEqual([
      '500',
      expect.stringMatching(/^dispatch error: /),
    ]);
  });

  test('the dead letter sink is retried likewise; then the event is lost', async () => {
    const f = await startSubscriber(() => 400);
    const dead = await startSubscriber(() => 503);
    const { broker, deliveries, slept } = await start([trigger('f', { delivery: DEAD })], {
      f: f.url,
      dead: dead.url,
    });
    broker.send(EVENT);
    await broker.idle();
    expect(slept).toEqual([500, 1000, 2000]);
    expect(deliveries.at(-1)).toMatchObject({
      to: 'dead letter sink',
      outcome: 'lost',
      status: 503,
      attempt: 4,
    });
  });

  test("a dead letter sink's reply goes nowhere, as Knative's dispatcher throws it away", async () => {
    const f = await startSubscriber(() => 400);
    const dead = await startSubscriber(() => ({ status: 200, headers: { ...BINARY, 'ce-type': 'answer' } }));
    const g = await startSubscriber(() => 204);
    const triggers = [
      trigger('f', { filters: [{ exact: { type: 'wanted' } }], delivery: DEAD }),
      trigger('g', { filters: [{ exact: { type: 'answer' } }] }),
    ];
    const { broker, deliveries } = await start(triggers, { f: f.url, dead: dead.url, g: g.url });
    broker.send(EVENT);
    await broker.idle();
    expect(g.received).toEqual([]);
    expect(outcomes(deliveries)).toEqual(['dead lettered', 'reply dropped']);
  });

  test('a Broker as the dead letter sink makes the sink an ordinary subscriber, whose reply is routed', async () => {
    const f = await startSubscriber(() => 400);
    const sweep = await startSubscriber(() => ({ status: 200, headers: { ...BINARY, 'ce-type': 'answer' } }));
    const g = await startSubscriber(() => 204);
    const triggers = [
      trigger('f', { delivery: { ...DELIVERY, deadLetterSink: { kind: 'broker', name: 'second' } } }),
      trigger('sweep', { broker: 'second', filters: [{ prefix: { knativeerrordest: 'http' } }] }),
      trigger('g', { broker: 'second', filters: [{ exact: { type: 'answer' } }] }),
    ];
    const { broker } = await start(triggers, { f: f.url, sweep: sweep.url, g: g.url });
    broker.send(EVENT);
    await broker.idle();
    expect(sweep.received[0]?.headers).toMatchObject({ 'ce-id': '1', 'ce-knativeerrorcode': '400' });
    expect(g.received).toHaveLength(1);
  });
});

describe('its end', () => {
  test('what waits is abandoned, what is in flight may end', async () => {
    const { promise: held, resolve: release } = Promise.withResolvers<Reply>();
    const f = await startSubscriber(() => held);
    const g = await startSubscriber(() => 503);
    const options: Partial<BrokerOptions> = {
      sleep: (_, signal) =>
        new Promise((_resolve, reject) =>
          signal.addEventListener('abort', () => reject(new Error('aborted'))),
        ),
    };
    const { broker, deliveries } = await start([trigger('f'), trigger('g')], { f: f.url, g: g.url }, options);
    broker.send(EVENT);
    await expect.poll(() => outcomes(deliveries)).toEqual(['will retry']);
    const closed = broker.close();
    await expect.poll(() => outcomes(deliveries)).toEqual(['will retry', 'abandoned']);
    release(204);
    await closed;
    expect(outcomes(deliveries)).toEqual(['will retry', 'abandoned', 'delivered']);
    broker.send(EVENT);
    expect(deliveries).toHaveLength(3);
  });

  test('what has not been sent yet never is', async () => {
    const { promise: held, resolve: release } = Promise.withResolvers<Reply>();
    const f = await startSubscriber(() => held);
    const { broker, deliveries } = await start([trigger('f')], { f: f.url }, { requestsPerTrigger: 1 });
    broker.send(EVENT);
    broker.send(EVENT.cloneWith({ id: '2' }));
    await expect.poll(() => f.received.length).toBe(1);
    const closed = broker.close();
    release(204);
    await closed;
    expect(f.received).toHaveLength(1);
    expect(outcomes(deliveries)).toEqual(['delivered', 'abandoned']);
  });

  test('a subscriber that never answers does not hold it up', async () => {
    const f = await startSubscriber(() => 'hang');
    const { broker, deliveries } = await start([trigger('f')], { f: f.url }, { closeGraceMs: 10 });
    broker.send(EVENT);
    await expect.poll(() => f.received.length).toBe(1);
    await broker.close();
    expect(outcomes(deliveries)).toEqual(['abandoned']);
  });
});

test('a Trigger whose Service has no URL is one clear error', async () => {
  await expect(start([trigger('f')], { g: 'http://127.0.0.1:1/' })).rejects.toThrow(
    'Trigger f names Service f, found a URL only for: g',
  );
});
