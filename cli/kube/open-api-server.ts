import { once } from 'node:events';
import {
  type IncomingMessage,
  type OutgoingHttpHeaders,
  Agent as HttpAgent,
  request as sendHttp,
} from 'node:http';
import { Agent as HttpsAgent, type RequestOptions, request as sendHttps } from 'node:https';
import type { KubeConfig } from '@kubernetes/client-node';
import { UncertainError } from '../../shared/api/uncertain-error.ts';
import type { ApiRequest, ApiResponse, ApiServer } from '../../shared/kube/api-server.ts';

/** Whom the API server shall take us for. */
export interface Impersonation {
  readonly as?: string | undefined;
  readonly groups?: readonly string[] | undefined;
  readonly uid?: string | undefined;
}

/** The headers of an impersonation. Groups are one header each, which fetch would fold into one. */
function toImpersonationHeaders({ as, groups = [], uid }: Impersonation): Record<string, string | string[]> {
  return {
    ...(as !== undefined && { 'impersonate-user': as }),
    ...(groups.length > 0 && { 'impersonate-group': [...groups] }),
    ...(uid !== undefined && { 'impersonate-uid': uid }),
  };
}

/** The API server of a kubeconfig's current context, for a program that asks a few things and ends. */
export function openApiServer(kubeConfig: KubeConfig, impersonation: Impersonation): ApiServer {
  const server = new URL(kubeConfig.getCurrentCluster()?.server ?? '');
  const headers = toImpersonationHeaders(impersonation);
  let login: Promise<RequestOptions> | undefined;

  async function send({ method, path, body, ...request }: ApiRequest): Promise<ApiResponse> {
    login ??= logIn(kubeConfig);
    const options = await login;
    request.checkInTime();
    const outgoing = (server.protocol === 'http:' ? sendHttp : sendHttps)({
      ...options,
      host: server.hostname.replace(/^\[|\]$/g, ''),
      port: server.port,
      path: `${server.pathname.replace(/\/+$/, '')}${path}`,
      method,
      headers: { ...request.headers, ...(options.headers as OutgoingHttpHeaders), ...headers },
      signal: request.signal,
    });
    // Once the answer has begun, what ends it early is told by its body.
    outgoing.on('error', () => undefined);
    outgoing.end(body);
    const [incoming] = (await once(outgoing, 'response')) as [IncomingMessage];
    const said = Object.entries(incoming.headers).map(([name, value]) => [name, String(value)]);
    return { status: incoming.statusCode ?? 0, headers: Object.fromEntries(said), body: incoming };
  }

  return { send, forgetConnections: () => undefined };
}

async function logIn(kubeConfig: KubeConfig): Promise<RequestOptions> {
  const options: RequestOptions = {};
  try {
    await kubeConfig.applyToHTTPSOptions(options);
  } catch (cause) {
    throw new UncertainError(`the credentials of the kubeconfig cannot be used: ${String(cause)}`, { cause });
  }
  // The library's agent opens a connection for each request; that of a proxy is left alone.
  const { ca, cert, key, servername, rejectUnauthorized, agent } = options;
  if (agent instanceof HttpsAgent && agent.constructor === HttpsAgent)
    options.agent = new HttpsAgent({ ca, cert, key, servername, rejectUnauthorized, keepAlive: true });
  if (agent instanceof HttpAgent && agent.constructor === HttpAgent)
    options.agent = new HttpAgent({ keepAlive: true });
  return options;
}
