import type { Hono } from 'hono';
import { pino } from 'pino';
import { createConsole } from '../../functions/console/console.tsx';
import { readDefinitions } from '../../local/crds/definitions.ts';
import { openByKubeConfig } from '../../shared/kube/kube-config-server.ts';
import { openReads } from '../../shared/kube/open-reads.ts';
import { createInMemoryCluster } from './in-memory-cluster.ts';
import { exampleSettings } from './inference.ts';
import type { KubeClient, Manifest } from './kube-client.ts';

/** The console in this process, on a cluster in this process. */
export interface TestConsole {
  readonly app: Hono;
  readonly kube: KubeClient;
  /** Creates what is not there yet; an object without a namespace is in `team-a`. */
  readonly create: (...objects: readonly Manifest[]) => Promise<void>;
  /** What a browser shows of a page: its HTML. */
  readonly see: (path: string) => Promise<string>;
  /** Answers a request as the browser of somebody who came by port-forward sends it. */
  readonly ask: (path: string, init?: Asking) => Promise<Response>;
}

interface Asking {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** A console and its cluster, which is empty. */
export async function useConsole(definitions?: readonly string[]): Promise<TestConsole> {
  const { connection, kube } = createInMemoryCluster(definitions ?? (await readDefinitions()));
  const apiServer = openByKubeConfig(connection.kubeConfig, connection.http);
  const app = createConsole({
    kube: openReads(apiServer, { userAgent: 'test', callTimeoutMs: 10_000 }),
    settings: exampleSettings,
    hosts: ['localhost'],
    log: pino({ level: 'silent' }),
  });
  const ask = async (path: string, init: Asking = {}) =>
    await app.request(path, { ...init, headers: { host: 'localhost:8080', ...init.headers } });
  return {
    app,
    kube,
    ask,
    see: async (path) => await (await ask(path)).text(),
    create: async (...objects) => {
      for (const object of objects)
        await kube.create({ ...object, metadata: { namespace: 'team-a', ...object.metadata } });
    },
  };
}
