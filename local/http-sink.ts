import { setTimeout as sleepFor } from 'node:timers/promises';
import type { CloudEvent } from 'cloudevents';
import { toHttpMessage, toWireEvent } from './wire-event.ts';

export interface HttpSinkOptions {
  readonly url: string;
  /** The source's namespace, which Knative's adapters name in a header. */
  readonly namespace: string;
  readonly signal?: AbortSignal;
  readonly timeoutMs?: number;
  readonly sleep?: (milliseconds: number) => Promise<void>;
}

const RETRIED = new Set([404, 413, 425, 429, 502, 503, 504]);
const RETRIES = 5;

/** A sink behind a URL, tried as Knative's source adapters try it; rejects when the event is given up. */
export function createHttpSink(options: HttpSinkOptions): (event: CloudEvent<unknown>) => Promise<void> {
  const sleep =
    options.sleep ??
    (async (ms) => await sleepFor(ms, undefined, options.signal && { signal: options.signal }));
  return async (event) => {
    const message = toHttpMessage(toWireEvent(event)); // one message for all tries: same id, same time
    for (let retry = 0; ; retry += 1) {
      const failure = await tryOnce(message, options);
      if (!failure) return;
      options.signal?.throwIfAborted();
      if (!failure.retriable || retry === RETRIES) {
        throw new Error(`${options.url} ${failure.reason} (try ${retry + 1}); the event is lost`);
      }
      await sleep(100 * 2 ** retry);
    }
  };
}

async function tryOnce(
  { headers, body }: ReturnType<typeof toHttpMessage>,
  { url, namespace, signal, timeoutMs = 60_000 }: HttpSinkOptions,
): Promise<{ reason: string; retriable: boolean } | undefined> {
  const timeout = AbortSignal.timeout(timeoutMs);
  try {
    const response = await fetch(url, {
      method: 'POST',
      headers: { ...headers, 'kn-namespace': namespace },
      body,
      signal: signal ? AbortSignal.any([signal, timeout]) : timeout,
    });
    await response.body?.cancel(); // a source has no use for a reply
    if (response.ok) return undefined;
    return { reason: `answered ${response.status}`, retriable: RETRIED.has(response.status) };
  } catch (error) {
    const cause = error instanceof Error ? (error.cause ?? error) : error;
    return { reason: `could not be reached: ${String(cause)}`, retriable: true };
  }
}
