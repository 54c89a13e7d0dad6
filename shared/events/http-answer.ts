import type { Context } from 'hono';

/** A request, as far as functions read it. */
export interface EventRequest {
  readonly headers: RequestHeaders;
  readonly body: AsyncIterable<Uint8Array> | null;
  /** Aborted when the sender has gone. */
  readonly signal: AbortSignal;
}

/** The headers of a request, under names in lower case. */
export interface RequestHeaders extends Iterable<[name: string, value: string]> {
  get(name: string): string | null | undefined;
}

/** What is answered to a request, as data. */
export interface HttpAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | null;
}

/** What our server gives an application of Hono with each request. */
export interface ServerBindings {
  /** Brings an answer through Hono without a `Response`, which takes Node long to load. */
  readonly pass: (answer: HttpAnswer) => Response;
}

/** The answer as Hono takes it: a `Response`, unless our server asks. */
export function toResponse({ status, headers, body }: HttpAnswer, { env }: Context): Response {
  const bindings: Partial<ServerBindings> | undefined = env;
  return bindings?.pass?.({ status, headers, body }) ?? new Response(body, { status, headers });
}
