import { hostname } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import project from '../../package.json' with { type: 'json' };
import { answerWithinMs } from '../api/creation-budget.ts';
import type { ApiServer } from './api-server.ts';
import type { Cluster } from './cluster.ts';
import { createReads } from './cluster-reads.ts';
import { createWrites } from './cluster-writes.ts';
import { createTransport } from './transport.ts';

export interface ClusterOptions {
  /** How long an answer is waited for: at most `answerWithinMs`, which is what it is where nothing is said. */
  readonly callTimeoutMs?: number;
  readonly userAgent?: string;
  readonly sleep?: (ms: number) => Promise<void>;
  /** The clock of `sendBy`. */
  readonly elapsed?: () => number;
}

/** The cluster behind an API server. No call is made before the first one that is asked for. */
export function createCluster(apiServer: ApiServer, options: ClusterOptions = {}): Cluster {
  const transport = createTransport({
    apiServer,
    userAgent: options.userAgent ?? `kleym/${project.version}`,
    callTimeoutMs: toCallTimeout(options.callTimeoutMs),
    sleep: options.sleep ?? sleep,
    elapsed: options.elapsed ?? (() => performance.now()),
  });
  return { ...createReads(transport), ...createWrites(transport, hostname() || 'kleym') };
}

function toCallTimeout(ms = answerWithinMs): number {
  if (ms <= answerWithinMs) return ms;
  throw new Error(
    `a call may wait ${answerWithinMs} ms for its answer, not ${ms}: claims are over after that`,
  );
}
