import { type IncomingHttpHeaders, type IncomingMessage, request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';

/** An object, a list or a Status as the API server wrote it. */
export interface Body {
  readonly kind?: string;
  readonly apiVersion?: string;
  readonly metadata: Metadata;
  readonly items: readonly Body[];
  readonly reason?: string;
  readonly message?: string;
  readonly details?: {
    readonly name?: string;
    readonly causes?: readonly object[];
    readonly [field: string]: unknown;
  };
  readonly [field: string]: unknown;
}

interface Metadata {
  readonly name: string;
  readonly namespace?: string;
  readonly uid: string;
  readonly resourceVersion: string;
  readonly generation?: number;
  readonly labels?: Readonly<Record<string, string>>;
  readonly finalizers?: readonly string[];
  readonly creationTimestamp?: string;
  readonly deletionTimestamp?: string;
  readonly deletionGracePeriodSeconds?: number;
  readonly continue?: string;
  readonly remainingItemCount?: number;
  readonly annotations?: Readonly<Record<string, string>>;
}

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
  /** The text as JSON; an empty object where it is none. */
  readonly body: Body;
}

export interface WatchEvent {
  readonly type: string;
  readonly object: Body;
}

/** A watch that is open. */
export interface Watch {
  /** The next events; fails when the watch ends before it has brought so many. */
  take(count: number): Promise<WatchEvent[]>;
  /** Everything until the server ends the watch. */
  rest(): Promise<WatchEvent[]>;
  close(): void;
}

type Query = Readonly<Record<string, string>>;

/** What a request carries beside its method and path. */
interface Content {
  readonly body?: unknown;
  readonly type?: string;
  readonly accept?: string;
  readonly query?: Query;
}

/** Calls to one API server, with nothing between them and the wire. */
export interface Api {
  send(method: string, path: string, content?: Content): Promise<Answer>;
  get(path: string, query?: Query): Promise<Answer>;
  post(path: string, body: unknown, query?: Query): Promise<Answer>;
  put(path: string, body: unknown, query?: Query): Promise<Answer>;
  patch(path: string, kind: PatchKind, body: unknown, query?: Query): Promise<Answer>;
  delete(path: string, options?: object, query?: Query): Promise<Answer>;
  watch(path: string, query?: Query): Promise<Watch>;
}

export type PatchKind = 'merge' | 'json' | 'strategic' | 'apply';

const patchTypes = {
  merge: 'application/merge-patch+json',
  json: 'application/json-patch+json',
  strategic: 'application/strategic-merge-patch+json',
  apply: 'application/apply-patch+yaml',
} satisfies Record<PatchKind, string>;

/** How an API server is reached. */
export interface Access {
  readonly url: string;
  readonly ca?: string;
  readonly token?: string;
}

const patienceMs = 15_000;

/** Calls to the API server at a URL. */
export function createApi(access: Access): Api {
  async function send(method: string, path: string, content: Content = {}): Promise<Answer> {
    const incoming = await open(access, method, path, content);
    const chunks: Buffer[] = [];
    for await (const chunk of incoming as AsyncIterable<Buffer>) chunks.push(chunk);
    const text = Buffer.concat(chunks).toString('utf8');
    return { status: incoming.statusCode ?? 0, headers: incoming.headers, text, body: parse(text) };
  }

  return {
    send,
    get: (path, query = {}) => send('GET', path, { query }),
    post: (path, body, query = {}) => send('POST', path, { body, query }),
    put: (path, body, query = {}) => send('PUT', path, { body, query }),
    patch: (path, kind, body, query = {}) => send('PATCH', path, { body, query, type: patchTypes[kind] }),
    delete: (path, options, query = {}) => send('DELETE', path, { ...(options && { body: options }), query }),
    watch: async (path, query = {}) =>
      readWatch(await open(access, 'GET', path, { query: { ...query, watch: 'true' } })),
  };
}

function parse(text: string): Body {
  try {
    return JSON.parse(text) as Body;
  } catch {
    return {} as Body;
  }
}

function open(access: Access, method: string, path: string, content: Content): Promise<IncomingMessage> {
  const { body, type = 'application/json', accept = 'application/json', query = {} } = content;
  const { url, ca, token } = access;
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  const search = new URLSearchParams(query).toString();
  const headers = {
    accept,
    ...(text !== undefined && { 'content-type': type, 'content-length': Buffer.byteLength(text) }),
    ...(token !== undefined && { authorization: `Bearer ${token}` }),
  };
  const address = `${url}${path}${search && `?${search}`}`;
  return new Promise((resolve, reject) => {
    const options = { method, headers, agent: false as const };
    const sent = url.startsWith('https:')
      ? requestHttps(address, { ...options, ca })
      : requestHttp(address, options);
    sent.on('response', resolve).on('error', reject).end(text);
  });
}

async function readWatch(incoming: IncomingMessage): Promise<Watch> {
  const lines = createInterface({ input: incoming })[Symbol.asyncIterator]();
  if (incoming.statusCode !== 200) {
    const refusal = await lines.next();
    throw new Error(`the watch was refused with ${incoming.statusCode}: ${String(refusal.value)}`);
  }

  async function next(): Promise<WatchEvent | undefined> {
    const line = await within(lines.next());
    return line.done === true ? undefined : (JSON.parse(line.value) as WatchEvent);
  }

  return {
    async take(count) {
      const events: WatchEvent[] = [];
      while (events.length < count) {
        const event = await next();
        if (event === undefined) throw new Error(`the watch ended after ${events.length} of ${count} events`);
        events.push(event);
      }
      return events;
    },
    async rest() {
      const events: WatchEvent[] = [];
      for (let event = await next(); event !== undefined; event = await next()) events.push(event);
      return events;
    },
    close: () => incoming.destroy(),
  };
}

async function within<T>(coming: Promise<T>): Promise<T> {
  const stop = new AbortController();
  const late = sleep(patienceMs, undefined, { signal: stop.signal }).then(() => {
    throw new Error(`nothing came from the API server for ${patienceMs / 1000} s`);
  });
  late.catch(() => {});
  try {
    return await Promise.race([coming, late]);
  } finally {
    stop.abort();
  }
}
