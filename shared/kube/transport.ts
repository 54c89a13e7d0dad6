import type { HttpMethod } from '@kubernetes/client-node';
import type { ApiServer } from './api-server.ts';
import { type LostCall, type Retry, decideReadRetry, decideWriteRetry } from './retry-policy.ts';
import type { Span } from '../telemetry/span.ts';
import { toTraceHeaders } from '../telemetry/trace-context.ts';
import { NotSentError, UncertainError } from '../api/uncertain-error.ts';
import { endAnswered, endUnanswered, startCallSpan } from './call-span.ts';

/** One call to the API server. */
export interface Call {
  readonly method: HttpMethod;
  readonly path: string;
  readonly query?: Readonly<Record<string, string>>;
  readonly body?: { readonly type: string; readonly content: unknown };
}

/** What the API server said. */
export interface ApiAnswer {
  readonly call: Call;
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly text: string;
}

/** Sends calls. A call without an answer is thrown as `UncertainError`. */
export interface Transport {
  /** Sends it again if that can help. Any answer may come back. */
  read(call: Call & { readonly method: 'GET' }): Promise<ApiAnswer>;
  /**
   * Is sent again only if it was certainly not carried out, and never after its answer is waited for or after `sendBy`,
   * which is a reading of `elapsed`. A write that is too late is thrown as `NotSentError`.
   */
  write(call: Call, options?: WriteOptions): Promise<ApiAnswer>;
}

interface WriteOptions {
  readonly sendBy?: number;
}

export interface TransportOptions {
  readonly apiServer: ApiServer;
  readonly userAgent: string;
  readonly callTimeoutMs: number;
  readonly sleep: (ms: number) => Promise<void>;
  /** A monotonic clock, in milliseconds. */
  readonly elapsed: () => number;
}

/** A transport to one API server. */
export function createTransport(options: TransportOptions): Transport {
  const { callTimeoutMs, elapsed, sleep } = options;

  async function read(call: Call): Promise<ApiAnswer> {
    return await ask(call, decideReadRetry, Infinity);
  }

  async function write(call: Call, { sendBy = Infinity }: WriteOptions = {}): Promise<ApiAnswer> {
    return await ask(call, decideWriteRetry, sendBy);
  }

  async function ask(call: Call, decideRetry: typeof decideReadRetry, sendBy: number): Promise<ApiAnswer> {
    const retries: Retry[] = [];
    const latest = Math.min(sendBy, elapsed() + callTimeoutMs);
    const span = startCallSpan(call);
    try {
      const answer = await inTime(call, async (signal) => {
        for (;;) {
          const attempt = await exchange(options, call, { signal, latest, span }).catch(toLostCall);
          const retry = signal.aborted ? undefined : decideRetry(attempt, retries);
          if (retry === undefined) return answerOrThrow(call, attempt);
          retries.push(retry);
          await sleep(retry.ms);
        }
      });
      endAnswered(span, retries.length, answer);
      return answer;
    } catch (error) {
      endUnanswered(span, retries.length, error);
      throw error;
    }
  }

  async function inTime(call: Call, work: (signal: AbortSignal) => Promise<ApiAnswer>): Promise<ApiAnswer> {
    const answer = await withDeadline(callTimeoutMs, work);
    if (answer !== 'late') return answer;
    throw new UncertainError(`${toTitle(call)}: no answer within ${callTimeoutMs} ms${toAftermath(call)}`);
  }

  return { read, write };
}

/** How a call is named in messages. */
export function toTitle({ method, path }: Call): string {
  return `${method} ${path}`;
}

/** What the error about a write adds. */
export function toAftermath({ method }: Call): string {
  return method === 'GET' ? '' : '; whether the write took effect is not known';
}

interface Limits {
  readonly signal: AbortSignal;
  /** Nothing leaves later than this. */
  readonly latest: number;
  readonly span: Span | undefined;
}

async function exchange(
  options: TransportOptions,
  call: Call,
  { signal, latest, span }: Limits,
): Promise<ApiAnswer> {
  const query = new URLSearchParams(call.query).toString();
  const { status, headers, body } = await options.apiServer.send({
    method: call.method,
    path: `${call.path}${query === '' ? '' : `?${query}`}`,
    headers: {
      Accept: 'application/json',
      // To compress an answer takes the API server longer than to send it, and us longer to read it.
      'Accept-Encoding': 'identity',
      'User-Agent': options.userAgent,
      ...(call.body && { 'Content-Type': call.body.type }),
      // An API server that traces links its own spans to ours.
      ...(span && toTraceHeaders(span.context)),
    },
    ...(call.body && { body: JSON.stringify(call.body.content) }),
    signal,
    // A timer does not fire while the thread is blocked, so the clock is read.
    checkInTime: () => {
      if (signal.aborted || options.elapsed() >= latest) throw toNotSent(call);
    },
  });
  return { call, status, headers, text: await readText(call, body) };
}

/**
 * The most bytes of an answer. A page of a list that is longer is asked for again with fewer objects. etcd takes 1.5
 * MiB for an object, so an answer with one object is never longer. To parse this much takes 40 ms.
 */
export const longestAnswer = 4 * 1024 * 1024;

/** The answer is too long to be read. */
export class TooLongError extends UncertainError {
  override name = 'TooLongError';
}

/** Reads the text of a body, and keeps no more than the limit and one chunk. */
async function readText(call: Call, body: AsyncIterable<Uint8Array>): Promise<string> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  // To leave the loop closes the body, and with it the connection.
  for await (const chunk of body) {
    length += chunk.length;
    if (length > longestAnswer) {
      throw new TooLongError(
        `${toTitle(call)}: the answer is longer than ${longestAnswer} bytes${toAftermath(call)}`,
      );
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}

/** The signal also ends the reading of a body. A transport that ignores it does not delay us. */
async function withDeadline<T>(ms: number, work: (signal: AbortSignal) => Promise<T>): Promise<T | 'late'> {
  const controller = new AbortController();
  const late = Promise.withResolvers<'late'>();
  const timer = setTimeout(() => {
    late.resolve('late');
    controller.abort();
  }, ms);
  try {
    return await Promise.race([work(controller.signal), late.promise]);
  } finally {
    clearTimeout(timer);
  }
}

/** Earlier attempts were answered "not carried out", so this holds for the whole call. */
function toNotSent(call: Call): UncertainError {
  return new NotSentError(`${toTitle(call)}: it was not sent, because its time was over`);
}

function toLostCall(error: unknown): LostCall {
  return { status: 'lost', error };
}

function answerOrThrow(call: Call, attempt: ApiAnswer | LostCall): ApiAnswer {
  if (attempt.status !== 'lost') return attempt;
  const { error } = attempt;
  if (error instanceof UncertainError) throw error;
  throw new UncertainError(`${toTitle(call)}: ${describe(error)}${toAftermath(call)}`, { cause: error });
}

const certificateFaults = new Set([
  'CERT_HAS_EXPIRED',
  'CERT_NOT_YET_VALID',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'ERR_TLS_CERT_ALTNAME_INVALID',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'CERT_SIGNATURE_FAILURE',
]);

/** The root of the causes says what happened. */
function describe(error: unknown): string {
  if (!(error instanceof Error)) return `the call failed: ${String(error)}`;
  if (error.cause instanceof Error) return describe(error.cause);
  const code = 'code' in error ? String(error.code) : error.name;
  if (certificateFaults.has(code)) {
    return `the API server's certificate is not trusted (${code}: ${error.message}); check the certificate-authority of the kubeconfig`;
  }
  return `the connection failed (${code}${error.message === '' ? '' : `: ${error.message}`})`;
}
