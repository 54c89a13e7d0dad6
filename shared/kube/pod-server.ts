import { readFile } from 'node:fs/promises';
import { once } from 'node:events';
import type { ClientRequest, IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { Agent, request as sendRequest } from 'node:https';
import { join } from 'node:path';
import type { TLSSocket } from 'node:tls';
import { UncertainError } from '../api/uncertain-error.ts';
import type { ApiRequest, ApiResponse, ApiServer } from './api-server.ts';

/** Where a pod finds the API server, and who it is. */
export interface Pod {
  readonly host: string;
  readonly port: string;
  /** Of the service account: `token` and `ca.crt`. */
  readonly folder: string;
}

const accountFolder = '/var/run/secrets/kubernetes.io/serviceaccount';

/** The pod around this process, if there is one that may ask the API server. */
export function findPod(environment: NodeJS.ProcessEnv): Pod | undefined {
  const { KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT: port = '443' } = environment;
  return host ? { host, port, folder: accountFolder } : undefined;
}

/**
 * The API server as a pod sees it, over node:https. The client for kubeconfigs does the same, but brings a second HTTP
 * stack and all ways to log in that there are: most of what a start from zero would have to load.
 */
export function openFromPod({ host, port, folder }: Pod): ApiServer {
  // We close connections before the API server does (after 90 s), because a write must not meet a connection that is
  // being closed. Each costs a TLS handshake, so many calls share some: as many as four namespaces have reads on their
  // way.
  const agent = new Agent({ keepAlive: true, maxSockets: 4 * 16, scheduling: 'lifo', timeout: 60_000 });

  async function send({ method, path, headers, body, ...limits }: ApiRequest): Promise<ApiResponse> {
    // Both rotate. With another CA the agent takes another connection.
    const [token, ca] = await Promise.all([read(folder, 'token'), read(folder, 'ca.crt')]);
    const length = body === undefined ? {} : { 'content-length': String(Buffer.byteLength(body)) };
    const outgoing = sendRequest({
      agent,
      ca,
      host,
      port,
      method,
      path,
      signal: limits.signal,
      headers: { ...headers, ...length, authorization: `Bearer ${toToken(token)}` },
    });
    // Once the answer has begun, its body reports the error.
    outgoing.on('error', () => undefined);
    await untilConnected(outgoing);
    leave(outgoing, body, limits.checkInTime);
    const [incoming] = (await once(outgoing, 'response')) as [IncomingMessage];
    return { status: incoming.statusCode ?? 0, headers: toHeaders(incoming.headers), body: incoming };
  }

  // A call that is given up closes its connection.
  return { send, forgetConnections: () => undefined };
}

/**
 * Nothing of a request leaves before it is ended. So it can be kept back until it has a connection, which may take a
 * while.
 */
function untilConnected(outgoing: ClientRequest): Promise<void> {
  return new Promise((resolve, reject) => {
    outgoing.once('error', reject);
    outgoing.once('socket', (socket: TLSSocket) => {
      if (socket.authorized) resolve();
      else socket.once('secureConnect', resolve);
    });
  });
}

function leave(outgoing: ClientRequest, body: string | undefined, checkInTime: () => void): void {
  try {
    checkInTime();
  } catch (error) {
    outgoing.destroy();
    throw error;
  }
  outgoing.end(body);
}

async function read(folder: string, name: string): Promise<string> {
  try {
    return await readFile(join(folder, name), 'utf8');
  } catch (cause) {
    throw new UncertainError(`the pod's service account cannot be used: ${String(cause)}`, { cause });
  }
}

/** Node would refuse such a token too, but print it. */
function toToken(text: string): string {
  const token = text.trim();
  if (/^[\x21-\x7e]+$/.test(token)) return token;
  throw new UncertainError(
    "the token of the pod's service account is empty or has a character that no header may have",
  );
}

function toHeaders(headers: IncomingHttpHeaders): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, String(value)]));
}
