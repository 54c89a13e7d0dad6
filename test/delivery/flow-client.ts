import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';
import { entryOf, nameIn } from './flow.ts';
import type { Flow } from './flow.ts';
import type { Answer, Control, Received, Sent } from './recording-subscriber.ts';
import type { Traits } from './traits.ts';

/** Brokers in operation, with a recorder as all their subscribers. */
export interface RunningBrokers {
  readonly traits: Traits;
  readonly brokerUrl: (broker: string) => string;
  readonly subscriberUrl: (subscriber: string) => string;
  /** POSTs JSON to a path of the recorder's; the text that it answers. */
  readonly askRecorder: (path: string, question: string) => Promise<string>;
  /** Resolves when nothing more of an event is under way. */
  readonly settled: (id: string) => Promise<void>;
  readonly close: () => Promise<void>;
}

/** Makes the Brokers and Triggers of all flows at once. */
export type OpenBrokers = (flows: readonly Flow[]) => Promise<RunningBrokers>;

/** What tests do with one flow. Subscribers have the names of their Triggers, or of a dead letter sink. */
export interface FlowClient {
  /** In what these Brokers are different from others. */
  readonly traits: Traits;
  readonly brokerUrl: (broker: string) => string;
  readonly subscriberUrl: (subscriber: string) => string;
  /** Says how a subscriber answers events of this id, one after the other; the last answer stays. Untold, it answers 204. */
  readonly answers: (subscriber: string, id: string, ...answers: readonly Answer[]) => Promise<void>;
  /** Sends an event in binary mode, to the first Broker unless another is named; the status that the Broker answers. */
  readonly send: (attributes: Attributes, body?: string | Uint8Array, broker?: string) => Promise<number>;
  readonly request: (request: Partial<RawRequest>) => Promise<Sent>;
  /** What a subscriber got of an event, at least so many times. */
  readonly received: (subscriber: string, id: string, atLeast?: number) => Promise<Received[]>;
  /** Asserts who gets an event, and how often, once nothing more of it is under way. */
  readonly expectReceivers: (id: string, expected: Readonly<Record<string, number>>) => Promise<void>;
  readonly release: (subscriber: string, id: string) => Promise<void>;
}

/** The attributes of an event; those that every event needs have values of their own. */
export type Attributes = { readonly id: string } & Readonly<Record<string, string>>;

export interface RawRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | Uint8Array;
}

/** A client for one flow of running Brokers. */
export function createFlowClient(flow: Flow, brokers: RunningBrokers): FlowClient {
  const { brokerUrl, subscriberUrl, settled } = brokers;
  const named = (subscriber: string): string => nameIn(flow, subscriber);
  const ask = async <Name extends keyof Control>(
    name: Name,
    question: Parameters<Control[Name]>[0],
  ): Promise<Awaited<ReturnType<Control[Name]>>> =>
    JSON.parse(await brokers.askRecorder(`/control/${name}`, JSON.stringify(question))) as Awaited<
      ReturnType<Control[Name]>
    >;
  const listed = async (id: string): Promise<Received[]> => {
    const { received } = await ask('received', { id });
    return received
      .filter(({ subscriber }) => subscriber.startsWith(named('')))
      .map((one) => ({ ...one, subscriber: one.subscriber.slice(named('').length) }));
  };
  const comeTo = async (
    id: string,
    count: (found: Received[]) => number,
    wanted: number,
  ): Promise<Received[]> => {
    for (let tries = 1; ; tries += 1) {
      const found = await listed(id);
      if (count(found) >= wanted || tries === patience) return found;
      await sleep(25);
    }
  };
  const request: FlowClient['request'] = async ({ method = 'POST', url, headers = {}, body = '' }) =>
    await ask('send', {
      url: url ?? brokerUrl(named(entryOf(flow))),
      method,
      headers,
      base64: Buffer.from(body).toString('base64'),
    });

  return {
    traits: brokers.traits,
    brokerUrl: (broker) => brokerUrl(named(broker)),
    subscriberUrl: (subscriber) => subscriberUrl(named(subscriber)),
    answers: async (subscriber, id, ...answers) =>
      void (await ask('answers', { subscriber: named(subscriber), id, answers })),
    request,
    send: async (attributes, body = '', broker = entryOf(flow)) => {
      const headers = toHeaders({ ...required, ...attributes });
      return (await request({ url: brokerUrl(named(broker)), headers, body })).status;
    },
    received: async (subscriber, id, atLeast = 1) => {
      const all = await comeTo(id, (found) => toCounts(found)[subscriber] ?? 0, atLeast);
      const found = all.filter((one) => one.subscriber === subscriber);
      if (found.length >= atLeast) return found;
      throw new Error(
        `${subscriber} did not get ${id} ${atLeast} times; it came to: ${JSON.stringify(toCounts(all))}`,
      );
    },
    expectReceivers: async (id, expected) => {
      const total = Object.values(expected).reduce((sum, count) => sum + count, 0);
      await comeTo(id, (found) => found.length, total);
      await settled(id);
      expect(toCounts(await listed(id))).toEqual(expected);
    },
    release: async (subscriber, id) => void (await ask('release', { subscriber: named(subscriber), id })),
  };
}

const patience = 600;

function toCounts(received: readonly Received[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { subscriber } of received) counts[subscriber] = (counts[subscriber] ?? 0) + 1;
  return counts;
}

const required = { specversion: '1.0', source: '/test', type: 'wanted' };

/** Attributes as headers of the binary mode. */
export function toHeaders(attributes: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(attributes).map(([name, value]) => [
      name === 'datacontenttype' ? 'content-type' : `ce-${name}`,
      value,
    ]),
  );
}

/** An answer that is an event in binary mode. */
export function replyOf(attributes: Attributes, body = '', status = 200): Answer {
  return { status, headers: toHeaders({ ...required, source: '/reply', ...attributes }), body };
}
