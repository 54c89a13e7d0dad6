import type { CloudEvent } from 'cloudevents';
import type { Waiting } from '../api/outcome.ts';
import { shorten } from '../text/shorten.ts';
import { type TraceContext, toTraceHeaders } from '../telemetry/trace-context.ts';
import { encodeHeaderValue } from './header-values.ts';
import type { HttpAnswer } from './http-answer.ts';

/** Facts for the log line of an answer. */
export type Facts = Readonly<Record<string, string | number | boolean>>;

/** What a function answers to one event. */
export type Answer = Nothing | Reply | RefusedEvent | Waiting;

/** The event was handled, and nothing follows. */
export interface Nothing {
  readonly kind: 'nothing';
  readonly facts: Facts;
}

/** The event was handled, and another one follows from it. */
export interface Reply {
  readonly kind: 'reply';
  readonly event: CloudEvent<unknown>;
  readonly facts: Facts;
}

/** It is no CloudEvent, or none of ours. To send it again cannot help. */
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

/** A bug: an unforeseen error was thrown. */
export interface Failed {
  readonly kind: 'failed';
  readonly error: unknown;
}

/** The event was handled, and nothing follows. */
export function nothing(facts: Facts = {}): Nothing {
  return { kind: 'nothing', facts };
}

/** The event was handled, and this one follows. */
export function reply(event: CloudEvent<unknown>, facts: Facts = {}): Reply {
  return { kind: 'reply', event, facts };
}

/** It is no CloudEvent, or none of ours. */
export function refusedEvent(
  error: string,
  reason: { readonly found?: string; readonly expected?: string } = {},
): RefusedEvent {
  return { kind: 'refused-event', error, ...reason };
}

/** Not now: send it again. */
export function waiting(message: string): Waiting {
  return { kind: 'waiting', message };
}

/**
 * The HTTP answer, by the Knative contract: 4xx is never sent again (but for 404, 408, 409 and 429), a broker and
 * a source both repeat what was answered 503, and a source gives an event up on 500. A 2xx with a body that is not a
 * CloudEvent counts as a failed delivery, so 204 has none. A reply says to which trace it belongs.
 */
export function toHttpAnswer(answer: Answer | TooLarge | Failed, trace?: TraceContext): HttpAnswer {
  switch (answer.kind) {
    case 'nothing':
      return { status: 204, headers: {}, body: null };
    case 'reply':
      return toBinaryMode(answer.event, trace ? toTraceHeaders(trace) : {});
    case 'refused-event': {
      const { error, found, expected } = answer;
      return toProblem(400, { error, found, expected });
    }
    case 'too-large':
      return toProblem(413, { error: 'the request is too large', expected: `at most ${answer.limit} bytes` });
    case 'waiting':
      return toProblem(503, { error: 'not now', reason: answer.message }, { 'retry-after': '2' });
    case 'failed':
      break;
  }
  return toProblem(500, { error: 'internal error' });
}

/**
 * Knative's dispatcher puts the body of an error into the dead letter, as base64 in 1024 bytes. It does not check
 * whether it fits: it panics, and loses all events that it has in hand.
 */
const longestProblem = 768;

/** An error as JSON, short enough for Knative. The log has all of it. */
function toProblem(
  status: number,
  members: Readonly<Record<string, string | undefined>>,
  headers: Readonly<Record<string, string>> = {},
): HttpAnswer {
  let body = JSON.stringify(members);
  for (
    let length = longestProblem;
    Buffer.byteLength(body) > longestProblem;
    length = Math.floor(length / 2)
  ) {
    const cut = Object.entries(members).map(([name, text]) => [name, text && shorten(text, length)]);
    body = JSON.stringify(Object.fromEntries(cut));
  }
  return { status, headers: { 'content-type': 'application/json', ...headers }, body };
}

/** The answer of the probe. */
export function alive(): HttpAnswer {
  return { status: 200, headers: { 'content-type': 'text/plain' }, body: 'ok' };
}

/** Nothing is served under this path. */
export function notFound(): HttpAnswer {
  return toProblem(404, { error: 'not found', expected: 'POST / or GET /healthz' });
}

/** This path is served for other methods. */
export function notAllowed(allow: string): HttpAnswer {
  return toProblem(405, { error: 'method not allowed', expected: allow }, { allow });
}

/** An event in the binary content mode. The library's own serializer does not encode header values. */
function toBinaryMode(event: CloudEvent<unknown>, trace: Readonly<Record<string, string>>): HttpAnswer {
  const { data, data_base64: _base64, datacontenttype = 'application/json', ...attributes } = event;
  const values = Object.entries({ ...attributes, ...trace }).flatMap(([name, value]) =>
    typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean'
      ? [[`ce-${name}`, encodeHeaderValue(String(value))]]
      : [],
  );
  return {
    status: 200,
    // A Broker keeps attributes. The headers are for who asks the function itself.
    headers: { 'content-type': datacontenttype, ...trace, ...Object.fromEntries(values) },
    body: data === undefined ? null : JSON.stringify(data),
  };
}
