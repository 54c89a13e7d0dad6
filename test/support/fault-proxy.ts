import { once } from 'node:events';
import {
  type IncomingHttpHeaders,
  type IncomingMessage,
  type OutgoingHttpHeaders,
  type RequestOptions,
  type ServerResponse,
  createServer,
  request as requestHttp,
} from 'node:http';
import { request as requestHttps } from 'node:https';
import { KubeConfig } from '@kubernetes/client-node';

/** A request on its way through the proxy to the API server. */
export interface ProxiedRequest {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly body: string;
}

/** Lets a request pass, cuts its connection before or after it took effect, or answers in the API server's place. */
export type Verdict =
  | 'pass'
  | 'cut before'
  | 'cut after'
  | { readonly status: number; readonly message: string };

/** A proxy in front of an API server, embedded or real, at which a test injects faults. It speaks plain HTTP and adds the credentials. */
export interface FaultProxy {
  readonly url: string;
  /** A kubeconfig that goes through the proxy. */
  readonly kubeConfig: KubeConfig;
  /** Decides about each request; undefined lets all of them pass. */
  intercept(hook: ((request: ProxiedRequest) => Verdict | Promise<Verdict>) | undefined): void;
  /** Breaks every connection that is open, watches among them. */
  cut(): void;
  /** Moves the Date header of every answer on by this much. */
  advanceClock(ms: number): void;
  close(): Promise<void>;
}

/** What belongs to one connection, and not to the request. */
const hopByHop = ['connection', 'keep-alive', 'transfer-encoding', 'host', 'content-length', 'authorization'];

/** Starts a proxy in front of the API server of a kubeconfig. */
export async function startFaultProxy(behind: KubeConfig): Promise<FaultProxy> {
  const target = new URL(behind.getCurrentCluster()?.server ?? '');
  const security: RequestOptions = {};
  await behind.applyToHTTPSOptions(security);
  // The client's agent opens a connection for each request, and over TLS that costs more than the request; Node's own
  // keeps them.
  delete security.agent;
  let hook: Parameters<FaultProxy['intercept']>[0];
  let skewMs = 0;

  async function handle(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await readText(incoming);
    const url = new URL(incoming.url ?? '/', target);
    const { method = 'GET' } = incoming;
    const verdict = await (hook?.({ method, path: url.pathname, query: url.searchParams, body }) ?? 'pass');
    if (verdict === 'cut before') return void response.destroy();
    if (typeof verdict === 'object') return refuse(response, verdict);

    const answer = await forward(url, method, incoming.headers, body, response);
    if (verdict === 'cut after') {
      await readText(answer);
      return void response.destroy();
    }
    response.writeHead(answer.statusCode ?? 502, toHeaders(answer, skewMs));
    response.flushHeaders();
    answer.on('error', () => response.destroy());
    answer.pipe(response);
  }

  async function forward(
    url: URL,
    method: string,
    headers: IncomingHttpHeaders,
    body: string,
    response: ServerResponse,
  ): Promise<IncomingMessage> {
    const send = target.protocol === 'https:' ? requestHttps : requestHttp;
    const own = Object.entries(headers).filter(([name]) => !hopByHop.includes(name));
    // Node does not say by itself how long the body of a DELETE is; unsaid, its preconditions are not read.
    if (body !== '') own.push(['content-length', String(Buffer.byteLength(body))]);
    const outgoing = send(url, {
      ...security,
      method,
      headers: { ...Object.fromEntries(own), ...(security.headers as OutgoingHttpHeaders) },
    });
    response.on('close', () => outgoing.destroy());
    outgoing.on('error', () => response.destroy());
    outgoing.end(body);
    const [answer] = (await once(outgoing, 'response')) as [IncomingMessage];
    return answer;
  }

  const server = createServer((incoming, response) => {
    handle(incoming, response).catch(() => response.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const url = `http://127.0.0.1:${typeof address === 'object' && address ? address.port : 0}`;
  return {
    url,
    kubeConfig: toKubeConfig(url),
    intercept: (next) => {
      hook = next;
    },
    cut: () => server.closeAllConnections(),
    advanceClock: (ms) => {
      skewMs += ms;
    },
    close: async () => {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };
}

function toKubeConfig(server: string): KubeConfig {
  const kubeConfig = new KubeConfig();
  kubeConfig.loadFromClusterAndUser({ name: 'proxy', server, skipTLSVerify: true }, { name: 'proxy' });
  return kubeConfig;
}

async function readText(message: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of message as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

function refuse(response: ServerResponse, { status, message }: { status: number; message: string }): void {
  const date = new Date().toUTCString();
  response.writeHead(status, { 'content-type': 'application/json', date });
  response.end(
    JSON.stringify({ kind: 'Status', apiVersion: 'v1', status: 'Failure', code: status, message }),
  );
}

function toHeaders({ headers }: IncomingMessage, skewMs: number): OutgoingHttpHeaders {
  const { connection: _connection, 'transfer-encoding': _encoding, ...others } = headers;
  const now = Date.parse(others.date ?? '') || Date.now();
  return { ...others, date: new Date(now + skewMs).toUTCString() };
}
