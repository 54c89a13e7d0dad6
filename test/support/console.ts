import type { Hono } from 'hono';
import { pino } from 'pino';
import { createConsole } from '../../functions/console/console.tsx';
import { readDefinitions } from '../../local/crds/definitions.ts';
import { openReads } from '../../shared/kube/open-reads.ts';
import { createInMemoryCluster } from './in-memory-cluster.ts';
import { exampleSettings } from './inference.ts';
import type { KubeClient, Manifest } from './kube-client.ts';

/** The console in this process, on a cluster in this process. */
export interface TestConsole {
  readonly app: Hono;
  readonly kube: KubeClient;
  /** Creates objects with their status and their namespace, which is `team-a` where they say nothing. */
  readonly create: (...objects: readonly Manifest[]) => Promise<void>;
  /** The words of a page below its head, as who cannot see it hears them. */
  readonly read: (path: string) => Promise<string>;
  /** The HTML of a page. */
  readonly see: (path: string) => Promise<string>;
  /** Answers a request as the browser of somebody who came by port-forward sends it. */
  readonly ask: (path: string, init?: Asking) => Promise<Response>;
}

interface Asking {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** What stands in the main part of a page, a line for each part of it. */
function toWords(html: string): string {
  const main = /<main[^>]*>([^]*)<\/main>/.exec(html)?.[1] ?? '';
  return main
    .replaceAll(/<title>[^<]*<\/title>/g, '')
    .replaceAll(/<\/(?:h\d|p|li|tr|dt|dd|div|text|a|td|th|option|legend)>/g, '\n')
    .replaceAll(/<[^>]*>/g, '')
    .replaceAll('&quot;', '"')
    .replaceAll('&#39;', "'")
    .replaceAll('&gt;', '>')
    .replaceAll('&lt;', '<')
    .replaceAll('&amp;', '&')
    .split('\n')
    .map((line) => line.trim())
    .filter(Boolean)
    .join('\n');
}

/** The status of a binding that has its identity. */
export function readyStatus(spiffeID: string, more: object = {}): object {
  return toStatus('True', 'Reconciled', 'Binding reconciled', {
    computedSpiffeIDs: [{ mode: 'PerObjective', spiffeID }],
    ...more,
  });
}

/** The status of a binding that has none. */
export function refusedStatus(reason: string, message: string, more: object = {}): object {
  return toStatus('False', reason, message, more);
}

function toStatus(status: string, reason: string, message: string, more: object): object {
  const condition = { type: 'Ready', status, reason, message, observedGeneration: 1 };
  return {
    conditions: [{ ...condition, lastTransitionTime: '2026-01-02T03:04:05Z' }],
    trustDomain: 'example.org',
    ...more,
  };
}

/** A console and its cluster, which is empty. */
export async function useConsole(definitions?: readonly string[]): Promise<TestConsole> {
  const { apiServer, kube } = createInMemoryCluster(definitions ?? (await readDefinitions()));
  const app = createConsole({
    kube: openReads(apiServer, { userAgent: 'test', callTimeoutMs: 10_000 }),
    settings: exampleSettings,
    hosts: ['localhost'],
    log: pino({ level: 'silent' }),
  });
  const places = new Set(['default']);
  const ask = async (path: string, init: Asking = {}) =>
    await app.request(path, { ...init, headers: { host: 'localhost:8080', ...init.headers } });
  const see = async (path: string) => await (await ask(path)).text();
  return {
    app,
    kube,
    ask,
    see,
    read: async (path) => toWords(await see(path)),
    create: async (...objects) => {
      for (const { status, ...object } of objects) {
        const namespace = object.metadata.namespace ?? 'team-a';
        const isPlaced = object.kind !== 'ClusterSPIFFEID';
        const placed = isPlaced ? { ...object, metadata: { ...object.metadata, namespace } } : object;
        if (isPlaced && !places.has(namespace))
          await kube.create({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } });
        places.add(namespace);
        await kube.create(placed);
        if (status !== undefined) await kube.edit(placed, { status }, 'status');
      }
    },
  };
}
