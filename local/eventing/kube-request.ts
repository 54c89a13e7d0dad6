import {
  type KubeConfig,
  HttpMethod,
  IsomorphicFetchHttpLibrary,
  RequestContext,
} from '@kubernetes/client-node';
import { parseJson } from '../../shared/text/parse-json.ts';
import { createCredentials } from '../../shared/kube/credentials.ts';

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

/** The address of the API server, as the kubeconfig spells it. */
export function apiServerUrl(kubeConfig: KubeConfig): string {
  const server = kubeConfig.getCurrentCluster()?.server;
  if (server === undefined) throw new Error('the kubeconfig has no current cluster; set a context');
  return server.replace(/\/+$/, '');
}

/**
 * Asks the API server with the kubeconfig's credentials and TLS, and hands the answer to `use`.
 *
 * The client's own Watch is not used: it gives up after 30 quiet seconds, does not wait for its callback, and leaves a
 * connection pool behind for each call. Here the pool ends with the request, and credentials are asked for anew each time.
 */
export async function withKubeRequest<T>(
  kubeConfig: KubeConfig,
  request: KubeRequest,
  use: (response: KubeResponse) => Promise<T>,
): Promise<T> {
  const query = new URLSearchParams(request.query).toString();
  const context = new RequestContext(
    `${apiServerUrl(kubeConfig)}${request.path}${query && `?${query}`}`,
    HttpMethod.GET,
  );
  const ended = new AbortController();
  const late = setTimeout(
    () => ended.abort(new Error(`no answer from the API server within ${request.answerWithinMs} ms`)),
    request.answerWithinMs,
  );
  context.setSignal(AbortSignal.any([request.signal, ended.signal]));
  try {
    await createCredentials(kubeConfig).apply(context);
    const response = await new IsomorphicFetchHttpLibrary().send(context).toPromise();
    clearTimeout(late);
    return await use({
      status: response.httpStatusCode,
      json: async () => {
        const text = await response.body.text();
        return parseJson(text) ?? text;
      },
      lines: (idleMs) => readLines(response.body.stream(), idleMs),
    });
  } finally {
    clearTimeout(late);
    ended.abort();
    await context.getDispatcher()?.destroy();
  }
}

async function* readLines(body: ReadableStream<Uint8Array> | null, idleMs: number): AsyncGenerator<string> {
  if (!body) return;
  const reader = body.getReader();
  const decoder = new TextDecoder();
  let pieces: string[] = []; // of the line that has not ended yet
  while (true) {
    const { done, value } = await readWithin(reader, idleMs);
    if (done) return; // a line cut off in the middle is no event
    const [head = '', ...lines] = decoder.decode(value, { stream: true }).split('\n');
    pieces.push(head);
    for (const next of lines) {
      const line = pieces.join('');
      pieces = [next];
      if (line !== '') yield line;
    }
  }
}

// A connection whose other end is gone without a word looks like a quiet one, so silence ends both.
async function readWithin(reader: ReadableStreamDefaultReader<Uint8Array>, idleMs: number) {
  let timer: NodeJS.Timeout | undefined;
  const silence = new Promise<{ done: true; value: undefined }>((resolve) => {
    timer = setTimeout(() => resolve({ done: true, value: undefined }), idleMs);
  });
  try {
    return await Promise.race([reader.read(), silence]);
  } finally {
    clearTimeout(timer);
  }
}
