import { once } from 'node:events';
import {
  type AgentOptions,
  type ClientRequest,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type OutgoingHttpHeaders,
  request,
} from 'node:http';
import type { RequestOptions, Agent as SecureAgent } from 'node:https';
import type { Socket } from 'node:net';
import type { SecureContextOptions, TLSSocket } from 'node:tls';
import { isDeepStrictEqual } from 'node:util';
import type { ApiRequest, ApiResponse } from './api-server.ts';

/** Where a request goes to, and how it proves who sends it. */
export interface Destination extends Pick<
  RequestOptions,
  'agent' | 'ca' | 'cert' | 'key' | 'servername' | 'rejectUnauthorized'
> {
  readonly protocol: string;
  readonly host: string;
  readonly port: string;
  readonly headers: OutgoingHttpHeaders;
}

/**
 * The connections to one API server. We close them before the API server does (after 90 s), because a write must not
 * meet a connection that is being closed. Each costs a TLS handshake, so many calls share some: as many as four
 * namespaces have reads on their way.
 */
export const sharedConnections: AgentOptions = {
  keepAlive: true,
  maxSockets: 4 * 16,
  timeout: 60_000,
};

/** Whom we trust, and who we are. */
type Certificates = Pick<SecureContextOptions, 'ca' | 'cert' | 'key'>;

/**
 * Agents for the certificates of the day: others get another agent, and with it other connections. If an agent heard of
 * them with each request, Node would name each connection after all their bytes, and to compare these names takes a
 * sixth of what a request costs.
 */
export function createSecureAgents(): (certificates: Certificates) => SecureAgent {
  // Not imported: Node takes 10 ms to load TLS, and a function opens its port before.
  const { Agent } = process.getBuiltinModule('node:https');
  const { createSecureContext } = process.getBuiltinModule('node:tls');
  let kept: { readonly certificates: Certificates; readonly agent: SecureAgent } | undefined;
  return (certificates) => {
    if (!kept || !isDeepStrictEqual(kept.certificates, certificates)) {
      const secureContext = createSecureContext(certificates);
      kept = { certificates, agent: new Agent({ ...sharedConnections, secureContext }) };
    }
    return kept.agent;
  };
}

/**
 * Sends a request over node:http, and over TLS if its agent does. `fetch` takes twice the time of the processor for it,
 * and shares one HTTP/2 connection, on which a small answer waits behind a large one.
 */
export async function sendOverHttp(
  { method, path, headers, body, signal, checkInTime }: ApiRequest,
  { headers: credentials, ...destination }: Destination,
): Promise<ApiResponse> {
  const length = body === undefined ? {} : { 'content-length': String(Buffer.byteLength(body)) };
  const outgoing = request({
    ...destination,
    method,
    path,
    headers: { ...headers, ...length, ...credentials },
  });
  // Once the answer has begun, its body reports the error.
  outgoing.on('error', () => undefined);
  // From now on, because the connection may be lost as soon as it is there.
  const answered = once(outgoing, 'response');
  answered.catch(() => undefined);
  giveUpOn(signal, outgoing);
  await untilConnected(outgoing);
  leave(outgoing, body, checkInTime);
  const [incoming] = (await answered) as [IncomingMessage];
  return { status: incoming.statusCode ?? 0, headers: toHeaders(incoming.headers), body: incoming };
}

/**
 * Gives a request up, or the answer if it has begun. Node's own option for a signal always ends the request. If its
 * answer is complete by then but not read, Node takes all listeners off the socket before the socket reports its error,
 * and that ends the process.
 */
function giveUpOn(signal: AbortSignal, outgoing: ClientRequest): void {
  let underWay: ClientRequest | IncomingMessage = outgoing;
  const giveUp = () => void underWay.destroy(new Error('the request was given up', { cause: signal.reason }));
  outgoing.once('response', (incoming) => {
    // Perhaps nobody reads it any more.
    underWay = incoming.on('error', () => undefined);
  });
  outgoing.once('close', () => signal.removeEventListener('abort', giveUp));
  if (signal.aborted) giveUp();
  else signal.addEventListener('abort', giveUp, { once: true });
}

/**
 * Nothing of a request leaves before it is ended. So it can be kept back until it has a connection, which may take a
 * while.
 */
function untilConnected(outgoing: ClientRequest): Promise<void> {
  return new Promise((resolve, reject) => {
    outgoing.once('error', reject);
    outgoing.once('socket', (socket: Socket) => {
      if (isConnected(socket)) resolve();
      else socket.once(isSecure(socket) ? 'secureConnect' : 'connect', resolve);
    });
  });
}

/** A server that is not verified has an `authorizationError` instead, once it is connected. */
function isConnected(socket: Socket): boolean {
  if (!isSecure(socket)) return !socket.connecting;
  return socket.authorized || Boolean(socket.authorizationError);
}

function isSecure(socket: Socket): socket is TLSSocket {
  return 'encrypted' in socket;
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

function toHeaders(headers: IncomingHttpHeaders): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, String(value)]));
}
