import { once } from 'node:events';
import { type IncomingMessage, type Server, type ServerResponse, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type Answer, answerRequest } from './api.ts';
import type { Json, JsonObject } from './json.ts';
import type { KubeObject } from './kube-object.ts';
import { decodeNamespace } from './protobuf.ts';
import { badRequest, StatusError } from './status-error.ts';
import type { ApiRequest } from './request.ts';
import type { ServerState } from './server-state.ts';
import { type WatchType, startWatch } from './watches.ts';

/** A server that is open. */
export interface HttpServer {
  readonly port: number;
  /** Ends the watches of one kind of object, in the way a server ends them. */
  endWatches(storage: string): void;
  close(): Promise<void>;
}

/** Takes a port of the loopback interface before anything else is touched: a folder, for instance. */
export async function bindPort(port: number): Promise<Server> {
  const server = createServer();
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  return server;
}

interface OpenWatch {
  readonly storage: string;
  readonly end: () => void;
}

/** Serves the API on a bound port. */
export function serveApi(server: Server, state: ServerState): HttpServer {
  const watches = new Set<OpenWatch>();

  function send(answer: Answer, response: ServerResponse): void {
    switch (answer.kind) {
      case 'text':
        sendText(response, answer.status, answer.body, answer.contentType);
        return;
      case 'json':
        sendJson(response, answer.status, answer.body, answer.headers);
        return;
      case 'watch': {
        const watch = streamWatch(state, answer, response);
        watches.add(watch);
        response.on('close', () => watches.delete(watch));
      }
    }
  }

  async function handle(message: IncomingMessage, response: ServerResponse): Promise<void> {
    try {
      const request = await toRequest(message);
      checkTimeout(request.query);
      const answer = answerRequest(state, request);
      // A client that has left would never end its watch.
      if (!response.destroyed) send(answer, response);
    } catch (error) {
      sendError(response, error);
    }
  }

  server.on('request', (message, response) => void handle(message, response));

  return {
    port: (server.address() as AddressInfo).port,
    endWatches(storage) {
      for (const watch of Array.from(watches)) if (watch.storage === storage) watch.end();
    },
    close() {
      return new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      });
    },
  };
}

type Headers = Record<string, string | readonly string[]>;

function sendText(
  response: ServerResponse,
  status: number,
  body: string,
  contentType: string,
  more: Headers = {},
): void {
  response.writeHead(status, { 'content-type': contentType, 'cache-control': 'no-cache, private', ...more });
  response.end(body);
}

function sendJson(response: ServerResponse, status: number, body: Json, headers: Headers): void {
  sendText(response, status, `${JSON.stringify(body)}\n`, 'application/json', headers);
}

/** A watcher that does not read is cut off before it takes the memory of the process. */
const mostUnsent = 64 * 1024 * 1024;

function streamWatch(
  state: ServerState,
  answer: Extract<Answer, { kind: 'watch' }>,
  response: ServerResponse,
): OpenWatch {
  const { watch, showing } = answer;
  let isFirst = true;
  response.writeHead(200, { 'content-type': 'application/json', 'cache-control': 'no-cache, private' });
  response.flushHeaders();

  function write(type: WatchType, object: JsonObject): void {
    if (response.writableLength > mostUnsent) response.destroy();
    else if (!response.writableEnded) response.write(`${JSON.stringify({ type, object })}\n`);
  }

  const stop = startWatch(state.store, watch, {
    send(type, object: KubeObject) {
      write(type, showing.event(object, isFirst));
      isFirst = false;
    },
    fail(status) {
      write('ERROR', status);
      response.end();
    },
    end: () => response.end(),
  });
  response.on('close', stop);
  return { storage: watch.resource.storage, end: () => response.end() };
}

const largestBody = 3 * 1024 * 1024;

async function toRequest(message: IncomingMessage): Promise<ApiRequest> {
  const url = parseUrl(message.url ?? '/');
  if (Number(message.headers['content-length'] ?? 0) > largestBody) throw tooLarge();
  const { accept = '', 'content-type': contentType = '' } = message.headers;
  const body = await readBody(message);
  const request = { method: message.method ?? 'GET', path: url.pathname, query: url.searchParams, accept };
  // Translated here, so that everything behind this knows one format.
  if (contentType.startsWith('application/vnd.kubernetes.protobuf') && url.pathname === '/api/v1/namespaces')
    return { ...request, contentType: 'application/json', body: JSON.stringify(decodeNamespace(body)) };
  return { ...request, contentType, body: body.toString('utf8') };
}

function parseUrl(text: string): URL {
  try {
    const url = new URL(`http://cluster${text}`);
    decodeURIComponent(url.pathname);
    return url;
  } catch {
    throw badRequest(`the address ${JSON.stringify(text)} is malformed`);
  }
}

function tooLarge(): StatusError {
  return new StatusError(413, 'RequestEntityTooLarge', `Request entity too large: limit is ${largestBody}`);
}

async function readBody(message: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of message as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > largestBody) throw tooLarge();
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function checkTimeout(query: URLSearchParams): void {
  const text = query.get('timeout') ?? '';
  // Requests are answered at once, so a duration only has to be one.
  if (text === '' || /^([\d.]+(ns|us|µs|ms|s|m|h))+$/.test(text) || text === '0') return;
  throw badRequest(
    `invalid timeout specified in the request URL - time: invalid duration ${JSON.stringify(text)}`,
  );
}

function sendError(response: ServerResponse, error: unknown): void {
  // Nobody is there any more, or an answer has begun that cannot be taken back.
  if (response.headersSent || response.destroyed) {
    response.destroy();
    return;
  }
  if (error instanceof StatusError) {
    const { code } = error.status;
    // What was not read of a body that is too large must not be taken for the next request.
    sendJson(response, code, error.status, {
      ...error.headers,
      ...(code === 413 ? { connection: 'close' } : {}),
    });
    return;
  }
  const message = error instanceof Error ? error.message : String(error);
  sendJson(
    response,
    500,
    new StatusError(500, 'InternalError', `Internal error occurred: ${message}`).status,
    {},
  );
}
