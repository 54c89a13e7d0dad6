import { setTimeout as sleep } from 'node:timers/promises';
import type { ApiServer } from './api-server.ts';
import type { ClusterReads } from './cluster.ts';
import { createReads } from './cluster-reads.ts';
import { type Lookups, createLookups } from './lookups.ts';
import { createTransport } from './transport.ts';

/** All that can be read of a cluster, and nothing to write with. */
export interface Reads {
  readonly cluster: ClusterReads;
  readonly lookups: Lookups;
}

/** Whom the API server sees, and how long an answer is waited for. */
interface Asking {
  readonly userAgent: string;
  readonly callTimeoutMs: number;
}

/** Reads at an API server; no call is made before the first one that is asked for. */
export function openReads(apiServer: ApiServer, asking: Asking): Reads {
  const transport = createTransport({ apiServer, ...asking, sleep, elapsed: () => performance.now() });
  return { cluster: createReads(transport), lookups: createLookups(transport) };
}
