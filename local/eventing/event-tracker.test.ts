import { setTimeout as sleepFor } from 'node:timers/promises';
import { CloudEvent } from 'cloudevents';
import { expect, onTestFinished, test } from 'vitest';
import { type Delivery, startBroker } from './broker.ts';
import { type Sent, sendByFetch } from './deliver-event.ts';
import { createEventTracker } from './event-tracker.ts';
import type { TriggerWiring } from './wiring.ts';

const now = Date.parse('2026-01-02T03:04:05Z');

/** A Trigger that sends events of a type to a function of its own name. */
function trigger(type: string, to: string): TriggerWiring {
  return {
    name: `to-${to}`,
    namespace: 'n',
    broker: 'main',
    filters: [{ exact: { type } }],
    subscriber: { kind: 'service', name: to },
    delivery: {
      retry: 2,
      backoffPolicy: 'exponential',
      backoffDelayMs: 500,
      timeoutMs: undefined,
      deadLetterSink: { kind: 'broker', name: 'dead-letters' },
    },
  };
}

type Answers = Readonly<Record<string, () => Sent>>;

/** A Broker whose functions answer so, and what is tracked of it. Waits between tries end when they are let go. */
async function track(answers: Answers, { patient = false } = {}) {
  const triggers = [trigger('changed', 'map'), trigger('affected', 'reconcile')];
  const tracker = createEventTracker(triggers, () => now);
  const entry = { name: 'main', namespace: 'n' };
  const broker = await startBroker({
    wiring: {
      brokers: [entry, { name: 'dead-letters', namespace: 'n' }],
      triggers,
      sources: [],
      pings: [],
      entry,
    },
    subscribers: { map: 'http://map', reconcile: 'http://reconcile' },
    send: async (to, ...message) => {
      const answer = answers[to.slice('http://'.length)];
      return answer ? answer() : await sendByFetch(to, ...message);
    },
    sleep: async (_, signal) => {
      if (patient) await sleepFor(60_000, undefined, { signal });
    },
    onAccepted: tracker.onAccepted,
    onDelivery: tracker.onDelivery,
  });
  onTestFinished(async () => await broker.close());
  return { broker, tracker };
}

function event(type: string, more: object = {}): CloudEvent<unknown> {
  return new CloudEvent({ type, source: 'https://kube', subject: '/a/chat', id: 'e1', ...more });
}

function sent(status: number, headers: Readonly<Record<string, string>> = {}, body = ''): Sent {
  return { status, headers: Object.entries(headers), body: Buffer.from(body) };
}

const nothing = () => sent(204);

const affected = () =>
  sent(200, {
    'ce-specversion': '1.0',
    'ce-id': 'e2',
    'ce-source': '/kleym/map',
    'ce-type': 'affected',
    'ce-subject': 'a',
    'ce-correlationid': 'e1',
  });

const notNow = () => sent(503, {}, '{"error":"not now"}');

test('an event and what follows from it are one chain, with what each function answered', async () => {
  const { broker, tracker } = await track({ map: affected, reconcile: nothing });
  broker.send(event('changed'));
  await broker.idle();
  const { chains, totals } = tracker.recent();
  expect(chains).toEqual([
    expect.objectContaining({
      since: now,
      type: 'changed',
      source: 'https://kube',
      subject: '/a/chat',
      more: 0,
    }),
  ]);
  const step = {
    broker: 'main',
    attempt: 1,
    tookMs: expect.any(Number),
    reason: undefined,
    nextTryAt: undefined,
  };
  expect(chains[0]?.steps).toEqual([
    expect.objectContaining({ ...step, trigger: 'to-map', to: 'map', state: 'replied', status: 200 }),
    expect.objectContaining({
      ...step,
      source: '/kleym/map',
      trigger: 'to-reconcile',
      to: 'reconcile',
      state: 'delivered',
      status: 204,
    }),
  ]);
  expect(totals).toEqual({ events: 2, underWay: 0, answered: 2, failedTries: 0, deadLettered: 0, lost: 0 });
});

test('what is tried again waits until a time, and says why', async () => {
  const { broker, tracker } = await track({ reconcile: notNow }, { patient: true });
  broker.send(event('affected'));
  await expect.poll(() => tracker.recent().waiting).toHaveLength(1);
  const { waiting, chains, totals } = tracker.recent();
  expect(waiting).toEqual([
    expect.objectContaining({
      to: 'reconcile',
      state: 'will retry',
      attempt: 1,
      status: 503,
      reason: '{"error":"not now"}',
      nextTryAt: now + 500,
    }),
  ]);
  expect(chains[0]?.steps).toEqual(waiting);
  expect(totals).toMatchObject({ underWay: 1, failedTries: 1 });
});

test('what ends well waits no more; what is given up is kept, and its dead letter is one more event', async () => {
  let tries = 0;
  const { broker, tracker } = await track({
    reconcile: () => (++tries < 3 ? notNow() : nothing()),
    map: notNow,
  });
  broker.send(event('affected'));
  await broker.idle();
  expect(tracker.recent()).toMatchObject({
    waiting: [],
    givenUp: [],
    totals: { underWay: 0, answered: 1, failedTries: 2 },
  });

  broker.send(event('changed', { id: 'dead' }));
  await broker.idle();
  expect(tracker.recent()).toMatchObject({
    waiting: [],
    givenUp: [{ id: 'dead', to: 'map', state: 'dead lettered', attempt: 3, status: 503 }],
    totals: { events: 3, underWay: 0, deadLettered: 1, lost: 0 },
  });
});

test('a dead letter that waits for its next try is under way, too', () => {
  const tracker = createEventTracker([], () => now);
  const letter: Delivery = {
    event: { attributes: { id: 'e1', source: 's', type: 't' }, body: new Uint8Array() },
    trigger: 'to-map',
    to: 'dead letter sink',
    status: 429,
    attempt: 1,
    tookMs: 1,
    outcome: 'will retry',
    waitMs: 500,
  };
  tracker.onAccepted(letter.event, ['to-map']);
  tracker.onDelivery({ ...letter, to: 'subscriber', outcome: 'dead lettered' });
  tracker.onDelivery(letter);
  expect(tracker.recent()).toMatchObject({ waiting: [{ status: 429 }], totals: { underWay: 1 } });
  tracker.onDelivery({ ...letter, status: 202, outcome: 'delivered' });
  expect(tracker.recent()).toMatchObject({
    waiting: [],
    totals: { underWay: 0, deadLettered: 1, answered: 0 },
  });
});

test('an event that no Trigger lets pass is seen too', async () => {
  const { broker, tracker } = await track({});
  broker.send(event('unknown'));
  expect(tracker.recent()).toMatchObject({
    chains: [{ type: 'unknown', steps: [] }],
    totals: { underWay: 0 },
  });
});

test('a hundred chains are kept, thirty steps of each, and 600 characters of a text', async () => {
  const { broker, tracker } = await track({ reconcile: nothing });
  for (let index = 0; index < 40; index += 1)
    broker.send(event('affected', { id: `${index}`, correlationid: 'storm' }));
  await broker.idle();
  const [storm] = tracker.recent().chains;
  expect(storm?.steps).toHaveLength(30);
  expect(storm).toMatchObject({ more: 10 });

  for (let index = 0; index < 100; index += 1) broker.send(event('affected', { id: `e${index}` }));
  broker.send(event('affected', { id: 'last', subject: 'x'.repeat(2000) }));
  await broker.idle();
  const { chains } = tracker.recent();
  expect(chains).toHaveLength(100);
  expect(chains.at(0)).toMatchObject({ id: 'last', subject: `${'x'.repeat(600)}…` });
  expect(chains.at(-1)).toMatchObject({ id: 'e1' });
});

test('a source says how it is; an event that the Broker did not take is lost', () => {
  const tracker = createEventTracker([], () => now);
  tracker.onNews({ source: 'pools', kind: 'missing', reason: 'no CRD' });
  tracker.onNews({ source: 'bindings', kind: 'watching' });
  tracker.onNews({ source: 'bindings', kind: 'lost', event: event('changed'), reason: 'full' });
  expect(tracker.recent()).toMatchObject({
    sources: [
      { source: 'pools', state: 'missing', reason: 'no CRD', since: now },
      { source: 'bindings', state: 'watching', reason: undefined, since: now },
    ],
    totals: { lost: 1 },
  });
});
