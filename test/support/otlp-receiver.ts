import { once } from 'node:events';
import { type IncomingMessage, type ServerResponse, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gunzipSync } from 'node:zlib';
import {
  type ReceivedCount,
  type ReceivedSpan,
  parseJsonCounts,
  parseJsonSpans,
  parseProtobufSpans,
} from './otlp.ts';

/** A receiver of OTLP over HTTP that keeps what it gets. */
export interface OtlpReceiver {
  readonly url: string;
  readonly spans: readonly ReceivedSpan[];
  readonly counts: readonly ReceivedCount[];
  readonly requests: readonly string[];
  readonly close: () => Promise<void>;
}

/** How the receiver treats a request: as it should, with this status, or never. */
export type Behaviour = 'well' | number | 'silent';

/** Starts a receiver on a free port of this machine. */
export async function startOtlpReceiver(
  behaviour: Behaviour = 'well',
  { host = '127.0.0.1', port = 0 } = {},
): Promise<OtlpReceiver> {
  const spans: ReceivedSpan[] = [];
  const counts: ReceivedCount[] = [];
  const requests: string[] = [];

  async function receive(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Uint8Array[] = [];
    for await (const chunk of request) chunks.push(chunk as Uint8Array);
    const { url = '', headers } = request;
    requests.push(`${request.method} ${url}`);
    if (behaviour === 'silent') return;
    if (behaviour !== 'well') return void response.writeHead(behaviour).end();
    const raw = Buffer.concat(chunks);
    const body = headers['content-encoding'] === 'gzip' ? gunzipSync(raw) : raw;
    const isJson = headers['content-type'] === 'application/json';
    if (url.endsWith('/v1/traces'))
      spans.push(...(isJson ? parseJsonSpans(body.toString()) : parseProtobufSpans(body)));
    if (url.endsWith('/v1/metrics') && isJson) counts.push(...parseJsonCounts(body.toString()));
    response
      .writeHead(200, { 'content-type': isJson ? 'application/json' : 'application/x-protobuf' })
      .end(isJson ? '{}' : '');
  }

  const server = createServer((request, response) => {
    receive(request, response).catch((error: unknown) => {
      requests.push(`broken: ${String(error)}`);
      response.writeHead(400).end();
    });
  });
  server.listen(port, host);
  await once(server, 'listening');
  return {
    url: `http://${host}:${(server.address() as AddressInfo).port}`,
    spans,
    counts,
    requests,
    close: async () => {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}
