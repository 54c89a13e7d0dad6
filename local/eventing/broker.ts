import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { setTimeout as sleepFor } from 'node:timers/promises';
import type { CloudEvent } from 'cloudevents';
import { bindLoopback } from './bind-loopback.ts';
import { deliverEvent, sendByFetch } from './deliver-event.ts';
import type { Answer, Failure, Send } from './deliver-event.ts';
import { type FairLimit, createFairLimit } from './fair-limit.ts';
import { matchesFilter } from './trigger-filter.ts';
import { findMissing, parseHttpMessage, toWireEvent } from './wire-event.ts';
import type { WireEvent } from './wire-event.ts';
import type { BrokerWiring, Destination, TriggerWiring, Wiring } from './wiring.ts';

/** One try of one delivery, or its end. */
export interface Delivery {
  readonly event: WireEvent;
  readonly trigger: string;
  readonly to: 'subscriber' | 'dead letter sink';
  /** What was answered; undefined where no answer came. */
  readonly status: number | undefined;
  readonly attempt: number;
  /** From this try's request to its answer; undefined where the Broker was closed before. */
  readonly tookMs: number | undefined;
  readonly outcome: DeliveryOutcome;
  /** How long the Broker waits for the next try, where it will retry. */
  readonly waitMs?: number;
  readonly reason?: string;
  readonly reply?: WireEvent;
}

export type DeliveryOutcome =
  | 'delivered'
  | 'replied'
  /** The reply is not routed: it went through this Broker too often, or it came from a dead letter sink. */
  | 'reply dropped'
  | 'will retry'
  | 'dead lettered'
  /** Given up, and no dead letter sink took it. */
  | 'lost'
  /** The Broker was closed. */
  | 'abandoned';

export interface Broker {
  /** Where the Broker that the sources feed takes events. */
  readonly url: string;
  /** Takes an event into that Broker, as a POST to `url` does; throws when it is full. */
  readonly send: (event: CloudEvent<unknown>) => void;
  /** Resolves when nothing is in flight and nothing waits. */
  readonly idle: () => Promise<void>;
  /** Ends what waits, gives requests in flight a moment, then ends them too. */
  readonly close: () => Promise<void>;
}

export interface BrokerOptions {
  readonly wiring: Wiring;
  /** Service name → URL. */
  readonly subscribers: Readonly<Record<string, string>>;
  /** An event that a Broker has taken, and the names of the Triggers that let it pass. */
  readonly onAccepted?: (event: WireEvent, triggers: readonly string[]) => void;
  readonly onDelivery?: (delivery: Delivery) => void;
  /** How requests to subscribers leave; by default over HTTP. */
  readonly send?: Send;
  readonly port?: number;
  /** Waits between retries; rejects when the signal is aborted. */
  readonly sleep?: (milliseconds: number, signal: AbortSignal) => Promise<void>;
  readonly now?: () => Date;
  /** Requests in flight per Trigger, as `containerConcurrency` limits them; those that wait for their next try are not counted. */
  readonly requestsPerTrigger?: number;
  /**
   * Of them, those about one namespace. Two Triggers lead to reconcile, which lets 256 of a namespace wait. What it
   * refuses comes again, and costs as much each time.
   */
  readonly requestsPerNamespace?: number;
  /** Deliveries under way in all; beyond it new events are refused (429), so that memory stays bounded. */
  readonly capacity?: number;
  readonly closeGraceMs?: number;
}

interface Route {
  readonly trigger: TriggerWiring;
  /** The Broker's own. */
  readonly path: string;
  readonly brokerUrl: string;
  readonly subscriber: string;
  readonly deadLetterSink: string | undefined;
  readonly inTurn: FairLimit;
}

interface Running {
  readonly routes: ReadonlyMap<string, readonly Route[]>;
  readonly accepted: NonNullable<BrokerOptions['onAccepted']>;
  readonly report: (delivery: Delivery) => void;
  readonly sleep: (milliseconds: number, signal: AbortSignal) => Promise<void>;
  readonly send: Send;
  readonly now: () => Date;
  readonly capacity: number;
  /** Aborted at close: nothing new begins. */
  readonly closing: AbortController;
  /** Deliveries that wait for their next try; aborted at close. */
  readonly waiting: Set<AbortController>;
  /** Requests; aborted when the grace is over. */
  readonly inFlight: Set<AbortController>;
  underWay: number;
  readonly waitForIdle: Set<() => void>;
}

const MAX_HOPS = 255;
const MAX_ERROR_DATA = 1024;
const MAX_BODY = 16 * 1024 * 1024;

/**
 * Starts the wiring's Brokers in this process. They behave as Knative's multi-tenant channel-based Broker with
 * asynchronous delivery does: at least once, unordered, nothing persisted. `test/delivery` holds both to the same.
 */
export async function startBroker(options: BrokerOptions): Promise<Broker> {
  const routes = new Map(options.wiring.brokers.map((broker): [string, Route[]] => [toPath(broker), []]));
  const running: Running = {
    routes,
    accepted: options.onAccepted ?? (() => {}),
    report: options.onDelivery ?? (() => {}),
    sleep:
      options.sleep ?? (async (milliseconds, signal) => await sleepFor(milliseconds, undefined, { signal })),
    send: options.send ?? sendByFetch,
    now: options.now ?? (() => new Date()),
    capacity: options.capacity ?? 50_000,
    closing: new AbortController(),
    waiting: new Set(),
    inFlight: new Set(),
    underWay: 0,
    waitForIdle: new Set(),
  };
  const server = createServer((request, response) => void answer(running, request, response));
  const origin = `http://127.0.0.1:${await bindLoopback(server, options.port ?? 0)}`;
  const entry = toPath(options.wiring.entry);
  try {
    addRoutes(routes, options, origin);
  } catch (error) {
    server.close();
    throw error;
  }
  return {
    url: `${origin}${entry}`,
    send: (event) => {
      const refusal = accept(running, entry, toWireEvent(event));
      if (refusal?.status === 429) throw new Error(`the Broker is full: ${refusal.reason}`);
    },
    idle: async () => await idle(running),
    close: async () => await close(running, server, options.closeGraceMs ?? 2000),
  };
}

function toPath({ namespace, name }: BrokerWiring): string {
  return `/${namespace}/${name}`;
}

function addRoutes(routes: Map<string, Route[]>, options: BrokerOptions, origin: string): void {
  for (const trigger of options.wiring.triggers) {
    const { namespace, broker, delivery } = trigger;
    const resolve = (destination: Destination): string => {
      if (destination.kind === 'broker') return `${origin}${toPath({ namespace, name: destination.name })}`;
      const url = options.subscribers[destination.name];
      if (url !== undefined) return url;
      const known = Object.keys(options.subscribers).join(', ') || 'none';
      throw new Error(
        `Trigger ${trigger.name} names Service ${destination.name}, found a URL only for: ${known}`,
      );
    };
    const path = toPath({ namespace, name: broker });
    routes.get(path)?.push({
      trigger,
      path,
      brokerUrl: `${origin}${path}`,
      subscriber: resolve(trigger.subscriber),
      deadLetterSink: delivery.deadLetterSink && resolve(delivery.deadLetterSink),
      inTurn: createFairLimit({
        all: options.requestsPerTrigger ?? 1000,
        each: options.requestsPerNamespace ?? 120,
      }),
    });
  }
}

async function answer(running: Running, request: IncomingMessage, response: ServerResponse): Promise<void> {
  try {
    const [status, reason] = await receive(running, request);
    response.writeHead(status).end(reason);
  } catch {
    response.destroy(); // the sender went away in the middle of its body
  }
}

async function receive(
  running: Running,
  request: IncomingMessage,
): Promise<[status: number, reason?: string]> {
  const path = (request.url ?? '/').replace(/\/$/, '');
  if (request.method !== 'POST') return [405, 'POST an event'];
  if (!running.routes.has(path))
    return [404, `no Broker at ${path}; found ${[...running.routes.keys()].join(', ')}`];
  const body = await readBody(request);
  if (!body) return [413, `more than ${MAX_BODY} bytes`];

  const headers = Object.entries(request.headers).map(([name, value]): [string, string] => [
    name,
    String(value),
  ]);
  const message = parseHttpMessage(headers, body);
  if (message.kind === 'event') {
    const refusal = accept(running, path, message.event);
    return refusal ? [refusal.status, refusal.reason] : [202];
  }
  if (message.kind === 'malformed') return [400, message.reason];
  return [400, 'not a CloudEvent: no header ce-specversion: 1.0, and no CloudEvents content type'];
}

async function readBody(request: IncomingMessage): Promise<Uint8Array | undefined> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of request) {
    if (!(chunk instanceof Uint8Array)) continue;
    size += chunk.byteLength;
    if (size <= MAX_BODY) chunks.push(chunk); // the rest is read and forgotten: an early answer would look like a broken connection
  }
  return size <= MAX_BODY ? Buffer.concat(chunks) : undefined;
}

/** Why an event is not taken, as a sender is told. */
interface Refusal {
  readonly status: 400 | 429 | 503;
  readonly reason: string;
}

function accept(running: Running, path: string, received: WireEvent): Refusal | undefined {
  if (running.closing.signal.aborted) return { status: 503, reason: 'the Broker is closing' };
  const missing = findMissing(received);
  if (missing !== undefined) return { status: 400, reason: `attribute ${missing} is missing` };
  const hops = hopsLeft(received);
  if (hops <= 0) return { status: 400, reason: 'no hops left: knativebrokerttl is used up' };
  const event = withAttributes(received, { knativearrivaltime: running.now().toISOString() });
  const { knativebrokerttl: _, ...attributes } = event.attributes; // filters do not see it either
  const matching = (running.routes.get(path) ?? []).filter(({ trigger }) =>
    trigger.filters.every((filter) => matchesFilter(filter, attributes)),
  );
  if (running.underWay + matching.length > running.capacity)
    return { status: 429, reason: `${running.underWay} deliveries under way` };

  running.underWay += matching.length;
  const counted = withAttributes(event, { knativebrokerttl: String(hops) });
  running.accepted(
    counted,
    matching.map(({ trigger }) => trigger.name),
  );
  for (const route of matching) begin(running, route, counted);
  return undefined;
}

/** Thousands of events may wait for their turn, so until then nothing is kept of a delivery but its event. */
function begin(running: Running, route: Route, event: WireEvent): void {
  route.inTurn(ownerOf(event), () => {
    const first = tryOnce(running, route, event, 'subscriber');
    void deliver(running, route, event, first)
      .catch((error: unknown) => running.report(toLost(event, route, error)))
      .finally(() => endOne(running));
    return first;
  });
}

/** The namespace that an event is about, as an ApiServerSource or a function says it. */
function ownerOf({ attributes }: WireEvent): string {
  return attributes['partitionkey'] ?? attributes['namespace'] ?? '';
}

function toLost(event: WireEvent, { trigger }: Route, error: unknown): Delivery {
  const reason = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return {
    event,
    trigger: trigger.name,
    to: 'subscriber',
    status: undefined,
    attempt: 1,
    tookMs: undefined,
    outcome: 'lost',
    reason,
  };
}

function endOne(running: Running): void {
  running.underWay -= 1;
  if (running.underWay > 0) return; // a reply is under way before the delivery that brought it ends
  for (const resolve of running.waitForIdle) resolve();
  running.waitForIdle.clear();
}

// As Knative reads it: fractions are cut off, and what is no number of 32 bits counts as absent.
function hopsLeft({ attributes }: WireEvent): number {
  const text = attributes['knativebrokerttl'] ?? '';
  const hops = text.trim() === '' ? Number.NaN : Math.trunc(Number(text));
  return Math.abs(hops) < 2 ** 31 ? hops - 1 : MAX_HOPS;
}

async function deliver(
  running: Running,
  route: Route,
  event: WireEvent,
  first: Promise<Tried>,
): Promise<void> {
  const settled = await tryUntilSettled(running, route, { event, to: 'subscriber', first });
  const { attempt, tookMs } = settled;
  const base = { event, trigger: route.trigger.name, to: 'subscriber', attempt, tookMs } as const;
  switch (settled.kind) {
    case 'abandoned':
      running.report({ ...base, status: undefined, outcome: 'abandoned' });
      return;
    case 'accepted':
      running.report({ ...base, status: settled.status, outcome: 'delivered' });
      return;
    case 'reply':
      await takeReply(running, route, event, settled);
      return;
    case 'failed': {
      const outcome = route.deadLetterSink === undefined ? 'lost' : 'dead lettered';
      running.report({ ...base, status: settled.status, outcome, reason: settled.reason });
      await deadLetter(running, route, event, toErrorExtensions(route.subscriber, settled.deadLetter));
    }
  }
}

// A reply that its Broker refuses makes a dead letter of the event that was answered.
async function takeReply(
  running: Running,
  route: Route,
  event: WireEvent,
  { status, attempt, tookMs, event: answer }: Extract<Settled, { kind: 'reply' }>,
): Promise<void> {
  const reply = withAttributes(answer, { knativebrokerttl: event.attributes['knativebrokerttl'] ?? '' });
  const refusal = accept(running, route.path, reply);
  const { name: trigger } = route.trigger;
  const base = { event, trigger, to: 'subscriber', attempt, tookMs, status, reply } as const;
  if (!refusal) {
    running.report({ ...base, outcome: 'replied' });
    return;
  }
  const isDeadLetter = route.deadLetterSink !== undefined && !running.closing.signal.aborted;
  const outcome = isDeadLetter ? 'dead lettered' : 'reply dropped';
  running.report({ ...base, outcome, reason: refusal.reason });
  if (!isDeadLetter) return;
  const told = toErrorExtensions(route.brokerUrl, { code: refusal.status, data: new Uint8Array() });
  await deadLetter(running, route, event, told);
}

async function deadLetter(
  running: Running,
  route: Route,
  event: WireEvent,
  told: Readonly<Record<string, string>>,
): Promise<void> {
  if (route.deadLetterSink === undefined) return;
  // An event that was a dead letter before keeps the word of its first failure, as Knative leaves it.
  const before = Object.entries(event.attributes).filter(([name, value]) => name in told && value !== '');
  const letter = withAttributes(event, { ...told, ...Object.fromEntries(before) });
  const to = 'dead letter sink';
  const first = tryInTurn(running, route, letter, to);
  const settled = await tryUntilSettled(running, route, { event: letter, to, first });
  const base = {
    event: letter,
    trigger: route.trigger.name,
    to,
    attempt: settled.attempt,
    tookMs: settled.tookMs,
  } as const;
  switch (settled.kind) {
    case 'abandoned':
      running.report({ ...base, status: undefined, outcome: 'abandoned' });
      return;
    case 'accepted':
      running.report({ ...base, status: settled.status, outcome: 'delivered' });
      return;
    case 'reply': // Knative's dispatcher closes this response unread
      running.report({ ...base, status: settled.status, outcome: 'reply dropped', reply: settled.event });
      return;
    case 'failed':
      running.report({ ...base, status: settled.status, outcome: 'lost', reason: settled.reason });
  }
}

function toErrorExtensions(destination: string, failure: Failure['deadLetter']): Record<string, string> {
  if (!failure) return {};
  return {
    knativeerrordest: destination,
    knativeerrorcode: String(failure.code),
    // Knative's dispatcher (0.50) means to cut here too, but more than 768 bytes end its process, and with it all that
    // was under way. Nothing is gained by doing likewise.
    knativeerrordata: Buffer.from(failure.data).toString('base64').slice(0, MAX_ERROR_DATA),
  };
}

type Tried = Answer & { readonly tookMs: number };
type Settled = (Tried | Abandoned) & { readonly attempt: number };
interface Abandoned {
  readonly kind: 'abandoned';
  readonly tookMs: undefined;
}

interface Pending {
  readonly event: WireEvent;
  readonly to: Delivery['to'];
  readonly first: Promise<Tried>;
}

async function tryUntilSettled(
  running: Running,
  route: Route,
  { event, to, first }: Pending,
): Promise<Settled> {
  const { name, delivery } = route.trigger;
  for (let attempt = 1; ; attempt += 1) {
    try {
      const result = await (attempt === 1 ? first : tryInTurn(running, route, event, to));
      if (result.kind !== 'failed' || !result.retriable || attempt > delivery.retry)
        return { ...result, attempt };
      const { status, reason, tookMs } = result;
      const waitMs = backoff(route.trigger, attempt - 1);
      running.report({
        event,
        trigger: name,
        to,
        status,
        attempt,
        tookMs,
        outcome: 'will retry',
        waitMs,
        reason,
      });
      running.closing.signal.throwIfAborted();
      await withOwn(running.waiting, (ending) => running.sleep(waitMs, ending.signal));
    } catch (error) {
      if (running.closing.signal.aborted) return { kind: 'abandoned', attempt, tookMs: undefined };
      throw error;
    }
  }
}

function tryInTurn(running: Running, route: Route, event: WireEvent, to: Delivery['to']): Promise<Tried> {
  const { promise, resolve, reject } = Promise.withResolvers<Tried>();
  route.inTurn(ownerOf(event), () => tryOnce(running, route, event, to).then(resolve, reject));
  return promise;
}

async function tryOnce(
  running: Running,
  { trigger, subscriber, deadLetterSink = '' }: Route,
  event: WireEvent,
  to: Delivery['to'],
): Promise<Tried> {
  running.closing.signal.throwIfAborted();
  const { namespace, delivery } = trigger;
  const isSubscriber = to === 'subscriber';
  const told = isSubscriber ? withoutHops(event) : event;
  const request = {
    url: isSubscriber ? subscriber : deadLetterSink,
    namespace,
    timeoutMs: delivery.timeoutMs,
    wantsReply: isSubscriber,
    send: running.send,
  };
  const since = performance.now();
  const answer = await withOwn(running.inFlight, (ending) => deliverEvent(told, { ...request, ending }));
  return { ...answer, tookMs: performance.now() - since };
}

/** The count of hops is the Broker's own; subscribers do not see it, dead letter sinks do. */
function withoutHops(event: WireEvent): WireEvent {
  const { knativebrokerttl: _, ...attributes } = event.attributes;
  return { ...event, attributes };
}

/** A signal of its own for each who waits: to wait for one that all share takes as long as there are of them. */
async function withOwn<T>(
  all: Set<AbortController>,
  use: (ending: AbortController) => Promise<T>,
): Promise<T> {
  const ending = new AbortController();
  all.add(ending);
  try {
    return await use(ending);
  } finally {
    all.delete(ending);
  }
}

function endAll(all: ReadonlySet<AbortController>, { reason }: AbortSignal): void {
  for (const ending of all) ending.abort(reason);
}

// Measured on the in-memory channel: both policies count from 0, and nothing caps the delay.
function backoff({ delivery }: TriggerWiring, retry: number): number {
  const factor = delivery.backoffPolicy === 'exponential' ? 2 ** retry : retry;
  return delivery.backoffDelayMs * factor;
}

function withAttributes(event: WireEvent, attributes: Record<string, string>): WireEvent {
  return { ...event, attributes: { ...event.attributes, ...attributes } };
}

async function idle(running: Running): Promise<void> {
  if (running.underWay > 0) await new Promise<void>((resolve) => void running.waitForIdle.add(resolve));
}

async function close(running: Running, server: Server, graceMs: number): Promise<void> {
  const { closing, waiting, inFlight } = running;
  closing.abort(new Error('the Broker is closing'));
  endAll(waiting, closing.signal);
  const stopped = new Promise<void>((resolve) => void server.close(() => resolve()));
  const grace = setTimeout(() => endAll(inFlight, closing.signal), graceMs);
  await idle(running);
  clearTimeout(grace);
  server.closeAllConnections();
  await stopped;
}
