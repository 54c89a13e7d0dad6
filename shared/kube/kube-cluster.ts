import { hostname } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { type HttpLibrary, IsomorphicFetchHttpLibrary, type KubeConfig } from '@kubernetes/client-node';
import project from '../../package.json' with { type: 'json' };
import type { Cluster } from './cluster.ts';
import { createReads } from './cluster-reads.ts';
import { createWrites } from './cluster-writes.ts';
import { createCredentials } from './credentials.ts';
import { createTransport } from './transport.ts';

// One import loads the client, which takes longer than all the rest.
export { loadKubeConfig } from './kube-config.ts';

export interface ConnectOptions {
  readonly kubeConfig: KubeConfig;
  readonly http?: HttpLibrary;
  readonly callTimeoutMs?: number;
  readonly userAgent?: string;
  readonly sleep?: (ms: number) => Promise<void>;
  /** The clock of `sendBy`. */
  readonly elapsed?: () => number;
}

/** The cluster of the kubeconfig's current context. No call is made before the first one that is asked for. */
export function connect(options: ConnectOptions): Cluster {
  const server = options.kubeConfig.getCurrentCluster()?.server;
  if (server === undefined) throw new Error('the kubeconfig has no current cluster; set its current-context');
  const transport = createTransport({
    server,
    credentials: createCredentials(options.kubeConfig),
    http: options.http ?? new IsomorphicFetchHttpLibrary(),
    userAgent: options.userAgent ?? `kleym/${project.version}`,
    callTimeoutMs: options.callTimeoutMs ?? 10_000,
    sleep: options.sleep ?? sleep,
    elapsed: options.elapsed ?? (() => performance.now()),
  });
  return { ...createReads(transport), ...createWrites(transport, hostname() || 'kleym') };
}
