import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import type { Hono } from 'hono';
import { type Answered, type ReadableRequest, askApplication } from './ask-application.ts';

/** Lets an application of Hono answer requests of `node:http`. */
export function toRequestListener(
  app: Pick<Hono, 'fetch'>,
  /** Hears of answers that cannot be sent. Other errors have been answered by the application. */
  onError: (error: unknown) => void,
): RequestListener {
  return function listener(incoming, outgoing) {
    answer(app, incoming, outgoing)
      .then((answered) => send(answered, incoming, outgoing))
      .catch((error: unknown) => {
        onError(error);
        if (outgoing.headersSent) outgoing.destroy();
        else outgoing.writeHead(500).end();
      });
  };
}

async function answer(
  app: Pick<Hono, 'fetch'>,
  incoming: IncomingMessage,
  outgoing: ServerResponse,
): Promise<Answered> {
  const request = toRequest(incoming, outgoing);
  return request ? await askApplication(app, request) : { status: 400, headers: new Map(), body: null };
}

function toRequest(incoming: IncomingMessage, outgoing: ServerResponse): ReadableRequest | undefined {
  const { method = 'GET', url = '/' } = incoming;
  // Who wants to know the host asks the header.
  const parsed = URL.parse(url.startsWith('/') ? `http://localhost${url}` : url);
  if (!parsed) return undefined;
  const gone = new AbortController();
  outgoing.once('close', () => outgoing.writableFinished || gone.abort());
  return {
    method,
    url: parsed.href,
    headers: new IncomingHeaders(incoming),
    body: method === 'GET' || method === 'HEAD' ? null : incoming,
    signal: gone.signal,
    duplex: 'half',
  };
}

class IncomingHeaders extends Map<string, string> {
  constructor({ headersDistinct }: IncomingMessage) {
    super(Object.entries(headersDistinct).map(([name, values = []]) => [name, values.join(', ')]));
  }
  override get(name: string): string | undefined {
    return super.get(name.toLowerCase());
  }
}

// Whoever is still sending does not read the answer if the connection is reset at once.
const readingMs = 500;

function send(
  { status, headers, body }: Answered,
  incoming: IncomingMessage,
  outgoing: ServerResponse,
): void {
  outgoing.once('finish', () => {
    if (incoming.readableEnded) return;
    // What is left of the body is read by nobody. If it ends, the connection is good for another request.
    incoming.removeAllListeners('readable');
    setImmediate(() => incoming.resume());
    setTimeout(() => incoming.complete || incoming.destroy(), readingMs).unref();
  });
  outgoing.statusCode = status;
  outgoing.setHeaders(headers);
  outgoing.end(body ?? undefined);
}
