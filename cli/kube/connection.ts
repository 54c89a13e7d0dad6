import { setTimeout as sleep } from 'node:timers/promises';
import type { ApiServer } from '../../shared/kube/api-server.ts';
import type { Cluster } from '../../shared/kube/cluster.ts';
import { createCluster } from '../../shared/kube/create-cluster.ts';
import { createTransport } from '../../shared/kube/transport.ts';
import { type Lookups, createLookups } from './lookups.ts';

/** A cluster that a command may ask. */
export interface Connection {
  /** The port of the functions. The commands read through it, and never write. */
  readonly cluster: Cluster;
  readonly lookups: Lookups;
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
    cluster: createCluster(apiServer, { callTimeoutMs, userAgent }),
    lookups: createLookups(transport),
    namespace,
  };
}
