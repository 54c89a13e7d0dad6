import { setTimeout as sleep } from 'node:timers/promises';
import type { ApiServer } from '../../shared/kube/api-server.ts';
import type { Cluster } from '../../shared/kube/cluster.ts';
import { createReads } from '../../shared/kube/cluster-reads.ts';
import { createWrites as createClusterWrites } from '../../shared/kube/cluster-writes.ts';
import { createTransport } from '../../shared/kube/transport.ts';
import { type Lookups, createLookups } from '../../shared/kube/lookups.ts';
import { type Writes, createWrites } from './writes.ts';

/** A cluster that a command may ask. */
export interface Connection {
  /** The port of the functions. The commands read through it. */
  readonly cluster: Cluster;
  readonly lookups: Lookups;
  /** Of all commands only a trial writes. */
  readonly writes: Writes;
  /** The namespace that is meant where none is named. */
  readonly namespace: string;
}

/** Connects to an API server; no call is made before the first one that is asked for. */
export function connectTo(apiServer: ApiServer, namespace: string, callTimeoutMs = 30_000): Connection {
  const userAgent = 'kubectl-kleym';
  const transport = createTransport({
    apiServer,
    userAgent,
    callTimeoutMs,
    sleep,
    elapsed: () => performance.now(),
  });
  return {
    cluster: { ...createReads(transport), ...createClusterWrites(transport, userAgent) },
    lookups: createLookups(transport),
    writes: createWrites(transport),
    namespace,
  };
}
