import { shorten } from '../../shared/text/shorten.ts';
import { parseHttpMessage, toHttpMessage } from './wire-event.ts';
import type { HttpMessage, WireEvent } from './wire-event.ts';

const longestSaid = 240;

/** Sends a POST to a subscriber; rejects if the signal is aborted first. */
export type Send = (url: string, message: HttpMessage, signal: AbortSignal) => Promise<Sent>;

/** What the subscriber answered. */
export interface Sent {
  readonly status: number;
  /** Their names are in lower case. */
  readonly headers: Iterable<[string, string]>;
  readonly body: Uint8Array;
}

export async function sendByFetch(
  url: string,
  { headers, body }: HttpMessage,
  signal: AbortSignal,
): Promise<Sent> {
  const response = await fetch(url, { method: 'POST', headers, body, signal });
  return {
    status: response.status,
    headers: response.headers,
    body: new Uint8Array(await response.arrayBuffer()),
  };
}

/** What one try of a delivery came to. */
export type Answer =
  | { readonly kind: 'accepted'; readonly status: number }
  | { readonly kind: 'reply'; readonly status: number; readonly event: WireEvent }
  | Failure;

export interface Failure {
  readonly kind: 'failed';
  /** What the subscriber answered; undefined where no answer came. */
  readonly status: number | undefined;
  readonly reason: string;
  readonly retriable: boolean;
  /** What a dead letter says about it. Undefined where Knative's dispatcher cannot tell: time-outs, and bodies that are no event. */
  readonly deadLetter: { readonly code: number; readonly data: Uint8Array } | undefined;
}

export interface DeliveryRequest {
  readonly url: string;
  /** The Trigger's namespace, which Knative names in a header. */
  readonly namespace: string;
  readonly timeoutMs: number | undefined;
  /** Dead letter sinks are not asked for one: no body of theirs is a failure. */
  readonly wantsReply: boolean;
  /** Aborted by whoever ends the request, also by its own time. */
  readonly ending: AbortController;
  readonly send: Send;
}

/** Sends an event to a subscriber once, as Knative's broker does; rejects only when somebody else ends it. */
export async function deliverEvent(event: WireEvent, request: DeliveryRequest): Promise<Answer> {
  const { headers, body } = toHttpMessage(event);
  headers['kn-namespace'] = request.namespace;
  if (request.wantsReply) headers['prefer'] = 'reply';
  const { ending, timeoutMs } = request;
  let isLate = false;
  function endLate(): void {
    isLate = true;
    ending.abort();
  }
  const timer = timeoutMs === undefined ? undefined : setTimeout(endLate, timeoutMs);
  try {
    const sent = await request.send(request.url, { headers, body }, ending.signal);
    const answer = toAnswer(sent, request.wantsReply);
    return answer.kind === 'reply' ? { ...answer, event: inTraceOf(event, answer.event) } : answer;
  } catch (error) {
    if (isLate) return noAnswer(`no answer within ${timeoutMs} ms`, undefined);
    ending.signal.throwIfAborted();
    const reason = toReason(error);
    return noAnswer(reason, { code: 500, data: Buffer.from(`dispatch error: ${reason}`) });
  } finally {
    clearTimeout(timer);
  }
}

/** Knative sends a reply on as part of the delivery that it answers, whatever the headers of the answer say. */
function inTraceOf({ trace }: WireEvent, { trace: _answered, ...reply }: WireEvent): WireEvent {
  return trace ? { ...reply, trace } : reply;
}

function toAnswer({ status, headers, body }: Sent, wantsReply: boolean): Answer {
  if (status < 200 || status > 299) {
    return {
      kind: 'failed',
      status,
      reason: readAnswer(body) || `answered ${status}`,
      retriable: isRetriable(status),
      // The filter hands word of it to the dispatcher as a body, and a 304 can have none.
      deadLetter: status === 304 ? undefined : { code: status, data: body },
    };
  }
  const message = parseHttpMessage(headers, body);
  if (message.kind === 'event') return { kind: 'reply', status, event: message.event };
  if (!wantsReply) return { kind: 'accepted', status };
  if (message.kind === 'malformed')
    return badReply(status, `answered ${status} with a broken CloudEvent: ${message.reason}`);
  if (body.byteLength > 0) return badReply(status, `answered ${status} with a body that is not a CloudEvent`);
  return { kind: 'accepted', status };
}

// The functions say what is wrong in a line. Others may answer with a page, and a terminal is no place for it.
function readAnswer(body: Uint8Array): string {
  const text = new TextDecoder().decode(body.subarray(0, longestSaid));
  return shorten(text.replaceAll(/\p{Cc}+/gu, ' ').trim(), longestSaid);
}

// The filter turns such an answer into a bare 502.
function badReply(status: number, reason: string): Failure {
  return { kind: 'failed', status, reason, retriable: true, deadLetter: undefined };
}

function noAnswer(reason: string, deadLetter: Failure['deadLetter']): Failure {
  return { kind: 'failed', status: undefined, reason, retriable: true, deadLetter };
}

function isRetriable(status: number): boolean {
  return status >= 500 || [404, 408, 409, 429].includes(status);
}

function toReason(error: unknown): string {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  return cause instanceof Error ? cause.message || cause.name : String(cause);
}
