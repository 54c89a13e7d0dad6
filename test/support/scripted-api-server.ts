import { HttpResponse, type JsonBodyType, type RequestHandler, getResponse, http } from 'msw';
import { expect, onTestFinished } from 'vitest';
import type { Cluster } from '../../shared/kube/cluster.ts';
import { createCluster } from '../../shared/kube/create-cluster.ts';
import { openAnswering } from './answering-api-server.ts';

const server = 'https://api.test';

/** One request as it left: its query is part of the path, decoded, in the order in which it was sent. */
interface SentRequest {
  readonly request: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: unknown;
}

/** An API server that gives each scripted answer once, and fails the test that asks for anything else. */
export interface ScriptedApiServer {
  readonly cluster: Cluster;
  readonly sent: SentRequest[];
  /** How long the cluster waited between two tries, in milliseconds. */
  readonly pauses: number[];
  /** How many of the scripted answers nobody asked for. */
  readonly unasked: () => number;
}

/** The answer to the next request of this method and path; without a Date header it is no API server's. */
export function answer(
  method: 'get' | 'post' | 'put' | 'patch' | 'delete',
  path: string,
  status: number,
  body: JsonBodyType,
  headers: Readonly<Record<string, string>> = {},
): RequestHandler {
  const date = 'Tue, 06 Jan 2026 10:00:00 GMT';
  const init = { status, headers: { date, ...headers } };
  const respond = () =>
    typeof body === 'string' ? new HttpResponse(body, init) : HttpResponse.json(body, init);
  return http[method](`${server}${path}`, respond, { once: true });
}

/** How the API server says no. */
export function status(
  code: number,
  reason: string,
  message: string,
  details: Record<string, JsonBodyType> = {},
) {
  return { kind: 'Status', apiVersion: 'v1', status: 'Failure', code, reason, message, details };
}

/** The client on a transport of its own, so that the real network is never reached. */
export function scriptedApiServer(...handlers: RequestHandler[]): ScriptedApiServer {
  const sent: SentRequest[] = [];
  const pauses: number[] = [];
  const unexpected: string[] = [];
  onTestFinished(() => expect(unexpected, 'requests that no handler expects').toEqual([]));

  const apiServer = openAnswering(server, async (address, init) => {
    const url = new URL(address);
    const request = `${init.method} ${url.pathname}${decodeURIComponent(url.search)}`;
    const body: unknown = typeof init.body === 'string' ? JSON.parse(init.body) : undefined;
    sent.push({ request, headers: init.headers as Record<string, string>, body });
    const response = await getResponse(handlers, new Request(url, init));
    if (response !== undefined) return response;
    unexpected.push(request);
    throw new Error(`no handler expects ${request}`);
  });
  const cluster = createCluster(apiServer, {
    userAgent: 'kleym/test',
    sleep: async (ms) => {
      pauses.push(ms);
    },
  });
  return { cluster, sent, pauses, unasked: () => handlers.filter(({ isUsed }) => !isUsed).length };
}
