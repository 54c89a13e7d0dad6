import { once } from 'node:events';
import { type Server, type ServerResponse, createServer } from 'node:http';
import type { Socket } from 'node:net';
import { setImmediate } from 'node:timers/promises';
import type { Hono } from 'hono';
import type { Logger } from 'pino';
import { toRequestListener } from './request-listener.ts';

/** A server that listens. */
export interface Listening {
  readonly port: number;
  /** Takes no further requests, and lets running ones finish for as long as the grace lasts. */
  close(graceMs: number): Promise<'finished' | 'cut off'>;
}

/** Opens the port of an application; port 0 takes a free one. Rejects with one line if the port cannot be opened. */
export async function listen(
  app: Hono,
  at: { readonly port: number; readonly host: string },
  /** Hears of answers that cannot be sent. */
  onError: (error: unknown) => void,
): Promise<Listening> {
  const sockets = new Set<Socket>();
  const running = new Set<ServerResponse>();
  const answer = toRequestListener(app, onError);
  const server = createServer((request, response) => {
    running.add(response);
    response.once('close', () => running.delete(response));
    if (!server.listening) response.shouldKeepAlive = false;
    answer(request, response);
  });
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });

  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause) => reject(new Error(toRefusal(cause, at), { cause })));
    server.listen(at.port, at.host, resolve);
  });
  const address = server.address();
  return {
    port: typeof address === 'object' && address ? address.port : at.port,
    close: (graceMs) => close({ server, sockets, running }, graceMs),
  };
}

interface Open {
  readonly server: Server;
  readonly sockets: ReadonlySet<Socket>;
  readonly running: ReadonlySet<ServerResponse>;
}

async function close({ server, sockets, running }: Open, graceMs: number): Promise<'finished' | 'cut off'> {
  let outcome: 'finished' | 'cut off' = 'finished';
  const closed = once(server, 'close');
  server.close();
  for (const response of running) response.shouldKeepAlive = false;
  // Requests that arrived before are still to be read.
  await setImmediate();
  await setImmediate();
  // Node counts a connection that has sent nothing yet as busy, and would wait for it.
  const busy = new Set([...running].map(({ socket }) => socket));
  for (const socket of sockets) if (!busy.has(socket)) socket.destroy();

  const cut = setTimeout(() => {
    if (running.size > 0) outcome = 'cut off';
    server.closeAllConnections();
  }, graceMs);
  await closed;
  clearTimeout(cut);
  return outcome;
}

/** Serves until the process is told to end. */
export async function serve(
  app: Hono,
  options: {
    readonly port: number;
    readonly host: string;
    readonly graceMs: number;
    readonly log: Logger;
    /** What is left to do when all requests are answered. It ends by itself. */
    readonly beforeEnd?: () => Promise<void>;
  },
): Promise<Listening> {
  const { port, host, graceMs, log, beforeEnd } = options;
  const listening = await listen(app, { port, host }, (err) => log.error({ err }, 'answer not sent'));
  endOnSignal(listening, { graceMs, log, beforeEnd });
  // Whoever reads this line may send a signal at once.
  log.info({ port: listening.port, host }, 'listening');
  return listening;
}

function endOnSignal(
  listening: Listening,
  {
    graceMs,
    log,
    beforeEnd,
  }: {
    readonly graceMs: number;
    readonly log: Logger;
    readonly beforeEnd: (() => Promise<void>) | undefined;
  },
): void {
  let ending = false;
  const end = async (signal: NodeJS.Signals): Promise<void> => {
    if (ending) {
      log.warn({ signal }, 'second signal, ending at once');
      process.exit(1);
    }
    ending = true;
    log.info({ signal, graceMs }, 'ending');
    const outcome = await listening.close(graceMs);
    if (outcome === 'cut off') log.error({ graceMs }, 'requests were cut off');
    await beforeEnd?.();
    process.exit(outcome === 'finished' ? 0 : 1);
  };
  process.on('SIGTERM', (signal) => void end(signal));
  process.on('SIGINT', (signal) => void end(signal));
}

function toRefusal(
  error: NodeJS.ErrnoException,
  { port, host }: { readonly port: number; readonly host: string },
): string {
  if (error.code === 'EADDRINUSE')
    return `port ${port} on ${host} is taken: end what listens there or set PORT`;
  if (error.code === 'EACCES')
    return `port ${port} on ${host} is not allowed for this user: set PORT to 1024 or more`;
  return `cannot listen on port ${port} of ${host} (${error.message}): check PORT and HOST`;
}
