import { randomUUID } from 'node:crypto';
import { Hono } from 'hono';
import type { Logger } from 'pino';
import { mapBinding } from '../../shared/mappers/map-binding.ts';
import { mapObjective } from '../../functions/map-objective/map-objective.ts';
import { mapOutput } from '../../functions/map-output/map-output.ts';
import { mapPool } from '../../functions/map-pool/map-pool.ts';
import { reconcile } from '../../functions/reconcile/reconcile.ts';
import { acceptNewBindings } from '../../functions/reconcile/accept-new-bindings.ts';
import { sweep } from '../../functions/sweep/sweep.ts';
import { type Handler, functionApp } from '../../shared/events/function-app.ts';
import { type ReadableRequest, askApplication } from '../../shared/runtime/ask-application.ts';
import { listen } from '../../shared/runtime/serve.ts';
import type { Settings } from '../../shared/identity/settings.ts';
import { nodeEventLoop } from '../../shared/concurrency/node-event-loop.ts';
import { createTurns } from '../../shared/concurrency/turns.ts';
import type { Cluster } from '../../shared/kube/cluster.ts';
import { type Send, sendByFetch } from '../eventing/deliver-event.ts';
import type { HttpMessage } from '../eventing/wire-event.ts';

/** All functions behind one port, each under its own name; the console under all others. */
export interface Functions {
  readonly url: string;
  /** Where each of them takes its events. */
  readonly urls: Readonly<Record<string, string>>;
  /** What is for these functions does not leave the process. */
  readonly send: Send;
  close(): Promise<void>;
}

const graceMs = 25_000;

/** Serves all functions in this process. */
export async function startFunctions(options: {
  readonly cluster: Cluster;
  readonly settings: Settings;
  readonly log: Logger;
  readonly port: number;
  /** Answers what is for none of them. */
  readonly consoleApp: Hono;
}): Promise<Functions> {
  const { cluster, settings, log, port, consoleApp } = options;
  const runs = createRuns();
  const handlers: Record<string, Handler> = {
    'map-binding': mapBinding(),
    'map-pool': mapPool(cluster),
    'map-objective': mapObjective(cluster),
    'map-output': mapOutput(cluster),
    reconcile: acceptNewBindings(
      runs.track(
        reconcile({
          cluster,
          settings,
          log,
          nonce: randomUUID,
          ...nodeEventLoop,
          isEnding: runs.areEnding,
        }),
      ),
    ),
    sweep: sweep(cluster, settings, nodeEventLoop),
  };
  const apps = Object.entries(handlers).map(
    ([name, handler]) => [name, functionApp(name, handler, { log })] as const,
  );
  const door = new Hono();
  for (const [name, app] of apps) door.mount(`/${name}`, app.fetch);
  door.mount('/', consoleApp.fetch);

  const listening = await listen(door, { port, host: '127.0.0.1' }, (err) =>
    log.error({ err }, 'answer not sent'),
  );
  const url = `http://127.0.0.1:${listening.port}`;
  const urls = Object.fromEntries(apps.map(([name]) => [name, `${url}/${name}`]));
  const send = createSend(new Map(apps.map(([name, app]) => [`${url}/${name}`, app])));
  return {
    url,
    urls,
    send,
    close: async () => void (await Promise.all([listening.close(graceMs), runs.end(graceMs)])),
  };
}

/**
 * The runs of reconcile under way. If one were cut off between an announcement and its POST, the binding would wait for two
 * minutes after the next start. So each completes what it has announced, whether anybody still waits for its answer or not.
 */
function createRuns() {
  const underWay = new Set<Promise<unknown>>();
  let isEnding = false;
  return {
    areEnding: () => isEnding,
    track:
      (handler: Handler): Handler =>
      (event, context) => {
        const answer = handler(event, context);
        underWay.add(answer);
        const forget = () => underWay.delete(answer);
        void answer.then(forget, forget);
        return answer;
      },
    end: async (withinMs: number): Promise<void> => {
      isEnding = true;
      await Promise.race([Promise.allSettled(underWay), nodeEventLoop.sleep(withinMs)]);
    },
  };
}

/**
 * A request over HTTP and back costs more than most functions do for an event. Whoever posts one by hand comes by HTTP.
 * Without a socket between them, nothing would make thousands of events that are sent at once come one after the other.
 */
function createSend(apps: ReadonlyMap<string, Hono>): Send {
  const turn = createTurns(nodeEventLoop);
  return async (to, message, signal) => {
    const app = apps.get(to);
    if (!app) return await sendByFetch(to, message, signal);
    await turn(namespaceOf(message));
    signal.throwIfAborted();
    const aborted = Promise.withResolvers<never>();
    const abort = () => aborted.reject(signal.reason);
    signal.addEventListener('abort', abort, { once: true });
    try {
      // A function goes on when nobody waits any more.
      const answered = await Promise.race([askApplication(app, toRequest(to, message)), aborted.promise]);
      return { ...answered, body: Buffer.from(answered.body ?? '') };
    } finally {
      signal.removeEventListener('abort', abort);
    }
  };
}

/** The request as a function would get it over HTTP, at its own root. */
function toRequest(to: string, { headers, body }: HttpMessage): ReadableRequest {
  const trimmed = Object.entries(headers).map(([name, value]) => [name, value.trim()] as const);
  return {
    method: 'POST',
    url: new URL('/', to).href,
    headers: new Map([...trimmed, ['content-length', String(body.length)]]),
    body: toChunks(body),
    signal: new AbortController().signal,
    duplex: 'half',
  };
}

async function* toChunks(body: Uint8Array): AsyncGenerator<Uint8Array> {
  yield body;
}

/** The namespace that an event is about, where it is about one. */
function namespaceOf({ headers }: HttpMessage): string {
  return headers['ce-partitionkey'] ?? headers['ce-namespace'] ?? '';
}
