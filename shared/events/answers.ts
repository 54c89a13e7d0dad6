import type { CloudEvent } from 'cloudevents';
import type { Waiting } from '../api/outcome.ts';
import { encodeHeaderValue } from './header-values.ts';

/** Numbers and names that a log line tells about an answer. */
export type Facts = Readonly<Record<string, string | number | boolean>>;

/** What a function answers to one event. */
export type Answer = Nothing | Reply | RefusedEvent | Waiting;

/** The event was handled and there is nothing to say. */
export interface Nothing {
  readonly kind: 'nothing';
  readonly facts: Facts;
}

/** The event was handled and this event follows from it. */
export interface Reply {
  readonly kind: 'reply';
  readonly event: CloudEvent<unknown>;
  readonly facts: Facts;
}

/** It is no event, or none of ours: sending it again cannot help. */
export interface RefusedEvent {
  readonly kind: 'refused-event';
  readonly error: string;
  readonly found?: string;
  readonly expected?: string;
}

/** The request is larger than any event of ours. */
export interface TooLarge {
  readonly kind: 'too-large';
  readonly limit: number;
}

/** A bug: something was thrown that nobody foresaw. */
export interface Failed {
  readonly kind: 'failed';
  readonly error: unknown;
}

/** Handled, nothing to say. */
export function nothing(facts: Facts = {}): Nothing {
  return { kind: 'nothing', facts };
}

/** Handled, and this follows. */
export function reply(event: CloudEvent<unknown>, facts: Facts = {}): Reply {
  return { kind: 'reply', event, facts };
}

/** Not an event, or not one of ours. */
export function refusedEvent(
  error: string,
  reason: { readonly found?: string; readonly expected?: string } = {},
): RefusedEvent {
  return { kind: 'refused-event', error, ...reason };
}

/** Not now: ask again. */
export function waiting(message: string): Waiting {
  return { kind: 'waiting', message };
}

/**
 * The HTTP answer, by the Knative contract: 4xx is never sent again (but for 404, 408, 409, 413 and 429), a broker and
 * a source both repeat what was answered 503, and a source gives an event up on 500. A 2xx with a body that is not a
 * CloudEvent counts as a failed delivery, so 204 has none.
 */
export function toResponse(answer: Answer | TooLarge | Failed): Response {
  switch (answer.kind) {
    case 'nothing':
      return new Response(null, { status: 204 });
    case 'reply':
      return toBinaryMode(answer.event);
    case 'refused-event': {
      const { error, found, expected } = answer;
      return Response.json({ error, found, expected }, { status: 400 });
    }
    case 'too-large':
      return Response.json(
        { error: 'the request is too large', expected: `at most ${answer.limit} bytes` },
        { status: 413 },
      );
    case 'waiting':
      return Response.json(
        { error: 'not now', reason: answer.message },
        { status: 503, headers: { 'retry-after': '2' } },
      );
    case 'failed':
      break;
  }
  return Response.json({ error: 'internal error' }, { status: 500 });
}

/** The function runs. */
export function alive(): Response {
  return new Response('ok', { headers: { 'content-type': 'text/plain' } });
}

/** There is nothing under this path. */
export function notFound(): Response {
  return Response.json({ error: 'not found', expected: 'POST / or GET /healthz' }, { status: 404 });
}

/** There is something under this path, for other methods. */
export function notAllowed(allow: string): Response {
  return Response.json({ error: 'method not allowed', expected: allow }, { status: 405, headers: { allow } });
}

/** An event in the binary content mode. The library's own serializer leaves header values unencoded. */
function toBinaryMode(event: CloudEvent<unknown>): Response {
  const { data, data_base64: _base64, datacontenttype = 'application/json', ...attributes } = event;
  const headers = new Headers({ 'content-type': datacontenttype });
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') {
      headers.set(`ce-${name}`, encodeHeaderValue(String(value)));
    }
  }
  return new Response(data === undefined ? null : JSON.stringify(data), { status: 200, headers });
}
