import { parseJson } from '../../shared/text/parse-json.ts';
import type { ApiServer } from '../../shared/kube/api-server.ts';

export interface KubeResponse {
  readonly status: number;
  /** The whole body as JSON, or its text where it is none. */
  json(): Promise<unknown>;
  /** The body line by line, as it arrives; ends when nothing arrives for `idleMs`. */
  lines(idleMs: number): AsyncGenerator<string>;
}

export interface KubeRequest {
  readonly path: string;
  readonly query?: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
  /** How long the API server may take until its answer begins. */
  readonly answerWithinMs: number;
}

/**
 * Asks the API server, and hands the answer to `use`. However that ends, what is left of the answer is not waited for.
 * The client's own Watch is not used: it gives up after 30 quiet seconds, and does not wait for its callback.
 */
export async function withKubeRequest<T>(
  apiServer: ApiServer,
  request: KubeRequest,
  use: (response: KubeResponse) => Promise<T>,
): Promise<T> {
  const query = new URLSearchParams(request.query).toString();
  const ended = new AbortController();
  const late = setTimeout(
    () => ended.abort(new Error(`no answer from the API server within ${request.answerWithinMs} ms`)),
    request.answerWithinMs,
  );
  const signal = AbortSignal.any([request.signal, ended.signal]);
  try {
    const { status, body } = await apiServer.send({
      method: 'GET',
      path: `${request.path}${query && `?${query}`}`,
      headers: { Accept: 'application/json', 'Accept-Encoding': 'identity' },
      signal,
      checkInTime: () => signal.throwIfAborted(),
    });
    clearTimeout(late);
    return await use({
      status,
      json: async () => {
        const text = await readText(body);
        return parseJson(text) ?? text;
      },
      lines: (idleMs) => readLines(body, idleMs),
    });
  } catch (error) {
    // Node says of each signal only that the operation was aborted.
    throw signal.aborted ? signal.reason : error;
  } finally {
    clearTimeout(late);
    ended.abort();
  }
}

async function readText(body: AsyncIterable<Uint8Array>): Promise<string> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of body) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

async function* readLines(body: AsyncIterable<Uint8Array>, idleMs: number): AsyncGenerator<string> {
  const chunks = body[Symbol.asyncIterator]();
  const decoder = new TextDecoder();
  let pieces: string[] = []; // of the line that has not ended yet
  while (true) {
    const next = await readWithin(chunks, idleMs);
    if (next.done) return; // a line cut off in the middle is no event
    const [head = '', ...lines] = decoder.decode(next.value, { stream: true }).split('\n');
    pieces.push(head);
    for (const piece of lines) {
      const line = pieces.join('');
      pieces = [piece];
      if (line !== '') yield line;
    }
  }
}

// A connection whose other end is gone without a word looks like a quiet one, so silence ends both.
async function readWithin(
  chunks: AsyncIterator<Uint8Array>,
  idleMs: number,
): Promise<IteratorResult<Uint8Array, unknown>> {
  let timer: NodeJS.Timeout | undefined;
  const silence = new Promise<{ done: true; value: undefined }>((resolve) => {
    timer = setTimeout(() => resolve({ done: true, value: undefined }), idleMs);
  });
  try {
    return await Promise.race([chunks.next(), silence]);
  } finally {
    clearTimeout(timer);
  }
}
