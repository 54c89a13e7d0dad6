import type { CloudEvent } from 'cloudevents';
import { redact } from '../text/redact.ts';
import type { Attributes, EventWork } from '../telemetry/span.ts';
import { type TraceContext, parseTraceContext } from '../telemetry/trace-context.ts';
import type { Answer, Failed, TooLarge } from './answers.ts';
import type { RequestHeaders } from './http-answer.ts';
import type { receiveEvent } from './receive-event.ts';

/** What came of reading a request. */
export type Received = Awaited<ReturnType<typeof receiveEvent>>;

/** The work on an event, as a span is begun for it. Names follow OpenTelemetry's conventions for HTTP and CloudEvents. */
export function toEventWork(received: Received, headers: RequestHeaders, since: number): EventWork {
  const event = received.kind === 'done' ? received.value : undefined;
  return {
    // A name is what spans are grouped by, and the type is the sender's word: only ours and Knative's are few.
    name: event && isKnownType(event.type) ? `process ${event.type}` : 'process',
    parent: readTraceContext(headers, event),
    since,
    // Only who records an event reads them.
    get attributes() {
      return { 'http.request.method': 'POST', ...(event && toEventAttributes(event)) };
    },
  };
}

/** HTTP says where the request comes from, the event where it was made. The request is nearer. */
function readTraceContext(
  headers: RequestHeaders,
  event: CloudEvent<unknown> | undefined,
): TraceContext | undefined {
  return (
    parseTraceContext(headers.get('traceparent'), headers.get('tracestate')) ??
    parseTraceContext(event?.['traceparent'], event?.['tracestate'])
  );
}

function isKnownType(type: string): boolean {
  return /^(dev\.knative\.|red\.sonda\.kleym\.)[a-z.]{1,60}$/.test(type);
}

function toEventAttributes(event: CloudEvent<unknown>): Attributes {
  const { id, type, source, subject, specversion, kind, namespace, name } = event;
  const texts = {
    'cloudevents.event_id': id,
    'cloudevents.event_type': type,
    'cloudevents.event_source': source,
    'cloudevents.event_subject': subject,
    'cloudevents.event_spec_version': specversion,
    // What an ApiServerSource says of the object.
    'kleym.object.kind': kind,
    'kleym.object.namespace': namespace,
    'kleym.object.name': name,
  };
  return Object.fromEntries(
    Object.entries(texts).flatMap(([key, text]) =>
      typeof text === 'string' && text !== '' ? [[key, redact(text)]] : [],
    ),
  );
}

/** How the work ended: what its log line says, too. `error`: it was not done. */
export function toOutcomeAttributes(
  answer: Answer | TooLarge | Failed,
  status: number,
): { readonly attributes: Attributes; readonly error?: string } {
  const attributes = { 'http.response.status_code': status, 'kleym.outcome': answer.kind };
  switch (answer.kind) {
    case 'nothing':
    case 'reply':
      return { attributes: { ...attributes, ...toFactAttributes(answer.facts) } };
    case 'waiting': {
      const reason = redact(answer.message);
      return {
        attributes: { ...attributes, 'kleym.reason': reason, 'error.type': String(status) },
        error: reason,
      };
    }
    case 'refused-event': {
      const reason = redact([answer.error, answer.found].filter((text) => text !== undefined).join(': '));
      return { attributes: { ...attributes, 'kleym.reason': reason, 'error.type': String(status) } };
    }
    case 'too-large':
      return { attributes: { ...attributes, 'error.type': String(status) } };
    case 'failed': {
      const { error } = answer;
      const type = error instanceof Error ? redact(error.name) : typeof error;
      return { attributes: { ...attributes, 'error.type': type }, error: type };
    }
  }
}

function toFactAttributes(facts: Readonly<Record<string, string | number | boolean>>): Attributes {
  return Object.fromEntries(
    Object.entries(facts).map(([name, fact]) => [
      `kleym.${name}`,
      typeof fact === 'string' ? redact(fact) : fact,
    ]),
  );
}
