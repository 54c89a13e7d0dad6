import {
  type HttpLibrary,
  type KubeConfig,
  RequestContext,
  type ResponseContext,
} from '@kubernetes/client-node';
import type { ApiRequest, ApiResponse, ApiServer } from './api-server.ts';
import { createCredentials } from './credentials.ts';

/** The API server of the kubeconfig's current context. */
export function openByKubeConfig(kubeConfig: KubeConfig, http: HttpLibrary): ApiServer {
  const server = kubeConfig.getCurrentCluster()?.server;
  if (server === undefined) throw new Error('the kubeconfig has no current cluster; set its current-context');
  const credentials = createCredentials(kubeConfig);

  async function send({ method, path, headers, body, ...limits }: ApiRequest): Promise<ApiResponse> {
    const request = new RequestContext(`${server}${path}`, method);
    for (const [name, value] of Object.entries(headers)) request.setHeaderParam(name, value);
    if (body !== undefined) request.setBody(body);
    request.setSignal(limits.signal);
    await credentials.apply(request);
    // The deadline may have passed while a credential plugin ran.
    limits.checkInTime();
    const response = await http.send(request).toPromise();
    return {
      status: response.httpStatusCode,
      headers: response.headers,
      body: toChunks(response.body),
    };
  }

  return { send, forgetConnections: () => credentials.forgetConnections() };
}

/** The library says that there always is a stream, and does without where an answer is empty. */
function toChunks(body: ResponseContext['body']): AsyncIterable<Uint8Array> {
  const stream: AsyncIterable<Uint8Array> | null = body.stream();
  return stream ?? toOneChunk(body.text());
}

async function* toOneChunk(text: Promise<string>): AsyncGenerator<Uint8Array> {
  yield Buffer.from(await text);
}
