import type { Hono } from 'hono';
import type { EventRequest, HttpAnswer, ServerBindings } from '../events/http-answer.ts';

/** What is read of a request, and what Node needs to make a whole one of it where an application is mounted in another. */
export interface ReadableRequest extends EventRequest {
  readonly method: string;
  readonly url: string;
  readonly duplex: 'half';
}

/** What an application answered. */
export interface Answered {
  readonly status: number;
  readonly headers: Headers | Map<string, string>;
  readonly body: Buffer | string | null;
}

/**
 * Asks an application of Hono. Hono's adapter for Node makes a `Request` and a `Response` of Node's own, and to load these
 * takes Node longer than to load a mapper. So a request here is only what Hono's router and our handlers read of one, and
 * the answer of a function is none that Hono could look into.
 */
export async function askApplication(app: Pick<Hono, 'fetch'>, request: ReadableRequest): Promise<Answered> {
  const response = await app.fetch(request as object as Request, bindings);
  if (response instanceof PassedAnswer) return response;
  const { status, headers } = response;
  return { status, headers, body: Buffer.from(await response.arrayBuffer()) };
}

/** The answer of a function on its way through Hono. */
class PassedAnswer implements Answered {
  readonly status: number;
  readonly headers: Map<string, string>;
  readonly body: string | null;

  constructor({ status, headers, body }: HttpAnswer) {
    this.status = status;
    this.headers = new Map(Object.entries(headers));
    this.body = body;
  }
}

const bindings: ServerBindings = { pass: (answered) => new PassedAnswer(answered) as object as Response };
