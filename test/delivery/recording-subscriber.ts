import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { text } from 'node:stream/consumers';

// This file runs in a container too, alone: it imports nothing but node's own.

/** How a subscriber answers one request. `hold`: not before it is released, then 204. `drop`: the connection breaks. */
export type Answer =
  | number
  | 'hold'
  | 'drop'
  | {
      readonly status: number;
      readonly headers?: Readonly<Record<string, string>>;
      readonly body?: string;
    };

/** A request as a subscriber got it. */
export interface Received {
  readonly subscriber: string;
  /** The event's ce-id. */
  readonly id: string;
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  readonly base64: string;
  /** Whether it has been answered. */
  readonly answered: boolean;
}

/** What one can ask of the recorder, at /control/<name>. */
export interface Control {
  /** Says how requests with an event of this id are answered, one after the other; the last answer stays. */
  readonly answers: (ask: { subscriber: string; id: string; answers: readonly Answer[] }) => object;
  /** What came of one event, in this order. */
  readonly received: (ask: { id: string }) => { received: readonly Received[] };
  /** Answers the requests that are held. */
  readonly release: (ask: { subscriber: string; id: string }) => object;
  /** Sends a request, and tells how it was answered. */
  readonly send: (ask: Outgoing) => Promise<Sent>;
}

interface Outgoing {
  readonly url: string;
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly base64: string;
}

export interface Sent {
  readonly status: number;
  readonly body: string;
}

interface Entry {
  readonly received: Omit<Received, 'answered'>;
  answered: boolean;
  release: (() => void) | undefined;
}

interface Tape {
  readonly entries: Entry[];
  readonly answers: Map<string, readonly Answer[]>;
}

/** A server that is a subscriber at every path, answers as it was told, and remembers what came. */
export function createRecordingSubscriber(): Server {
  const tape: Tape = { entries: [], answers: new Map() };
  const control = createControl(tape);
  return createServer((request, response) => {
    const path = new URL(request.url ?? '/', 'http://recorder').pathname;
    const [, first, name] = path.split('/');
    const answered =
      first === 'control' ? ask(control, name, request, response) : record(tape, first, request, response);
    // Whoever sent it went away: a sender that waits no longer, or the end of a test.
    answered.catch(() => response.destroy());
  });
}

function createControl(tape: Tape): Control {
  return {
    answers: ({ subscriber, id, answers }) => {
      tape.answers.set(`${subscriber} ${id}`, answers);
      return {};
    },
    received: ({ id }) => {
      const entries = tape.entries.filter(({ received }) => received.id === id);
      return { received: entries.map(({ received, answered }) => ({ ...received, answered })) };
    },
    release: ({ subscriber, id }) => {
      for (const { received, release } of tape.entries) {
        if (received.subscriber === subscriber && received.id === id) release?.();
      }
      return {};
    },
    send: async ({ url, method, headers, base64 }) => {
      const content = method === 'GET' ? {} : { body: Buffer.from(base64, 'base64') };
      const response = await fetch(url, { method, headers, ...content });
      return { status: response.status, body: await response.text() };
    },
  };
}

async function ask(
  control: Control,
  name: string | undefined,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const question = JSON.parse(await text(request)) as unknown;
  const call = Object.entries(control).find(([known]) => known === name)?.[1] as
    | ((question: unknown) => unknown)
    | undefined;
  const answer = await call?.(question);
  response.writeHead(answer === undefined ? 404 : 200, { 'content-type': 'application/json' });
  response.end(JSON.stringify(answer ?? {}));
}

async function record(
  tape: Tape,
  subscriber = '',
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const bytes = await toBytes(request);
  const id = String(request.headers['ce-id'] ?? '');
  const headers = Object.fromEntries(
    Object.entries(request.headers).map(([name, value]): [string, string] => [name, String(value)]),
  );
  const body = bytes.toString();
  const base64 = bytes.toString('base64');
  const received = { subscriber, id, method: request.method ?? '', headers, body, base64 };
  const entry: Entry = { received, answered: false, release: undefined };
  const nth = tape.entries.filter((one) => one.received.subscriber === subscriber && one.received.id === id);
  tape.entries.push(entry);
  const answers = tape.answers.get(`${subscriber} ${id}`) ?? [204];
  await answer(entry, answers[Math.min(nth.length, answers.length - 1)] ?? 204, request, response);
}

async function answer(
  entry: Entry,
  how: Answer,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  if (how === 'hold') {
    await new Promise<void>((resolve) => {
      entry.release = resolve;
    });
    await answer(entry, 204, request, response);
    return;
  }
  entry.answered = true;
  if (how === 'drop') {
    request.socket.destroy();
    return;
  }
  const { status, headers, body } = typeof how === 'number' ? { status: how } : how;
  response.writeHead(status, headers).end(body);
}

async function toBytes(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks);
}

if (import.meta.main) {
  const server = createRecordingSubscriber().listen(8080);
  process.on('SIGTERM', () => {
    server.closeAllConnections();
    server.close();
  });
}
