import { setTimeout as sleepFor } from 'node:timers/promises';
import type { KubeConfig } from '@kubernetes/client-node';
import type { CloudEvent } from 'cloudevents';
import type { ApiServer } from '../../shared/kube/api-server.ts';
import { openByKubeConfig } from '../../shared/kube/kube-config-server.ts';
import { type KubeObject, guessPlural, toApiServerEvent } from './api-server-event.ts';
import { parseCronSchedule } from './cron-schedule.ts';
import { toPingEvent } from './ping-event.ts';
import { type WatchNews, watchResource } from './watch-resource.ts';
import type { PingWiring, SourceWiring, Wiring } from './wiring.ts';

/** What became of a source: of its watch, or of an event that its sink did not take. */
export type SourceNews = { readonly source: string } & (
  | WatchNews
  | { readonly kind: 'lost'; readonly event: CloudEvent<unknown>; readonly reason: string }
);

export interface Sources {
  /** Resolves when each resource is watched, or known to be missing or refused. */
  readonly ready: () => Promise<void>;
  /** Ends every watch and timer. */
  readonly stop: () => Promise<void>;
}

export interface SourcesOptions {
  readonly kubeConfig: KubeConfig;
  readonly wiring: Pick<Wiring, 'sources' | 'pings'>;
  /** Takes the events; the next of the same resource is sent when it has resolved. */
  readonly sink: (event: CloudEvent<unknown>) => Promise<void> | void;
  /** What of an object is put into its event; by default all of it, as Knative's adapters do. */
  readonly prune?: (object: KubeObject) => KubeObject;
  readonly onNews?: (news: SourceNews) => void;
  /** Something may have changed unseen, so a sweep is due. Knative's adapters are silent here, and lose what happened. */
  readonly onGap?: () => void;
  /** Ticks in this rhythm instead of the PingSources' schedules. */
  readonly pingEverySeconds?: number;
  readonly sleep?: (milliseconds: number, signal: AbortSignal) => Promise<void>;
  readonly now?: () => Date;
  readonly random?: () => number;
}

interface Running {
  readonly options: SourcesOptions;
  readonly apiServer: ApiServer;
  /** Its address, as the kubeconfig spells it. */
  readonly server: string;
  readonly signal: AbortSignal;
  readonly sleep: (milliseconds: number) => Promise<void>;
  readonly now: () => Date;
  readonly gap: () => void;
}

// At the start, and after a restart of the API server, every watch has its gap within a moment: the first is told at
// once, the others together.
const gapWindowMs = 2000;
// Timers count neither sleep of the machine nor changes of its clock, so a long wait is taken in pieces.
const longestWaitMs = 60_000;

/** Starts the wiring's ApiServerSources and PingSources in this process, on any API server that the kubeconfig names. */
export function startSources(options: SourcesOptions): Sources {
  const stopping = new AbortController();
  const { signal } = stopping;
  const sleepOrReject = options.sleep ?? (async (ms) => await sleepFor(ms, undefined, { signal }));
  const sleep = async (milliseconds: number): Promise<void> => {
    try {
      await sleepOrReject(milliseconds, signal);
    } catch (error) {
      if (!signal.aborted) throw error;
    }
  };
  const apiServer = openByKubeConfig(options.kubeConfig);
  const server = options.kubeConfig.getCurrentCluster()?.server.replace(/\/+$/, '') ?? '';
  const gap = createGapSignal(options.onGap ?? (() => {}), sleep, signal);
  const running: Running = {
    options,
    apiServer,
    server,
    signal,
    sleep,
    gap,
    now: options.now ?? (() => new Date()),
  };

  const settled = options.wiring.sources.map(() => Promise.withResolvers<void>());
  const loops = options.wiring.sources.map(async (source, index) => {
    await runSource(running, source, () => settled[index]?.resolve());
  });
  const pings = options.wiring.pings.map(
    async (ping) => await runPing(running, ping, toRhythm(options, ping)),
  );
  return {
    ready: async () => void (await Promise.all(settled.map(({ promise }) => promise))),
    stop: async () => {
      stopping.abort(new Error('the sources are stopping'));
      for (const { resolve } of settled) resolve();
      await Promise.allSettled([...loops, ...pings]);
    },
  };
}

function createGapSignal(
  onGap: () => void,
  sleep: (milliseconds: number) => Promise<void>,
  signal: AbortSignal,
): () => void {
  let telling = false;
  let untold = 0;
  const tell = async () => {
    telling = true;
    do {
      untold = 0;
      onGap();
      await sleep(gapWindowMs);
    } while (untold > 0 && !signal.aborted);
    telling = false;
  };
  return () => {
    untold += 1;
    if (!telling) void tell();
  };
}

async function runSource(running: Running, source: SourceWiring, onSettled: () => void): Promise<void> {
  const { options, apiServer, server, signal, sleep, gap } = running;
  const origin = {
    server,
    mode: source.mode,
    plural: guessPlural(source.resourceKind),
    extensions: source.extensions,
  };
  await watchResource({
    apiServer,
    resource: {
      apiVersion: source.apiVersion,
      kind: source.resourceKind,
      namespace: source.allNamespaces ? undefined : source.namespace,
      labelSelector: source.labelSelector,
    },
    signal,
    sleep,
    random: options.random ?? Math.random,
    onChange: async (change, object) => {
      await emit(running, source.name, toApiServerEvent(change, options.prune?.(object) ?? object, origin));
    },
    onGap: gap,
    onNews: (news) => {
      options.onNews?.({ source: source.name, ...news });
      if (news.kind !== 'interrupted') onSettled();
    },
  });
}

async function emit(running: Running, source: string, event: CloudEvent<unknown>): Promise<void> {
  try {
    await running.options.sink(event);
  } catch (error) {
    if (running.signal.aborted) return;
    const reason = error instanceof Error ? error.message : String(error);
    running.options.onNews?.({ source, kind: 'lost', event, reason });
    running.gap();
  }
}

type Rhythm = (after: Date) => Date;

function toRhythm({ pingEverySeconds }: SourcesOptions, ping: PingWiring): Rhythm {
  if (pingEverySeconds === undefined) return parseCronSchedule(ping.schedule).next;
  return (after) => new Date(after.getTime() + pingEverySeconds * 1000);
}

async function runPing(running: Running, ping: PingWiring, next: Rhythm): Promise<void> {
  while (!running.signal.aborted) {
    await sleepUntil(running, next(running.now()));
    if (running.signal.aborted) return;
    await emit(running, ping.name, toPingEvent(ping));
  }
}

async function sleepUntil({ now, sleep, signal }: Running, time: Date): Promise<void> {
  while (!signal.aborted && now() < time) {
    await sleep(Math.min(time.getTime() - now().getTime(), longestWaitMs));
  }
}
