import { createApiWithoutPort } from '@kleym/kube-api/without-port';
import { type KubeClient, createKubeClient } from './kube-client.ts';
import type { ApiServer } from '../../shared/kube/api-server.ts';
import { type AnswerRequest, openAnswering } from './answering-api-server.ts';

const server = 'http://cluster.test';

/** The embedded cluster without a port. A request is a function call, so that thousands of them take a moment. */
export interface InMemoryCluster {
  readonly kube: KubeClient;
  readonly apiServer: ApiServer;
}

/** Makes a cluster in memory with these definitions installed. */
export function createInMemoryCluster(definitions: readonly string[]): InMemoryCluster {
  const api = createApiWithoutPort(definitions);
  const answer: AnswerRequest = async (url, { method = 'GET', headers, body }) => {
    const { status, contentType, text } = api({
      method,
      url: new URL(url),
      contentType: new Headers(headers).get('content-type') ?? '',
      body: typeof body === 'string' ? body : '',
    });
    return new Response(text, {
      status,
      headers: { date: new Date().toUTCString(), 'content-type': contentType },
    });
  };
  return { kube: createKubeClient(server, answer), apiServer: openAnswering(server, answer) };
}
