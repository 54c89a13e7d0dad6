import { type Limit, createLimit } from '../../shared/concurrency/limit.ts';
import type { Cluster } from '../../shared/kube/cluster.ts';

/** What one run of several writes through. */
export interface WriteShare {
  readonly cluster: Cluster;
  /** The run is over: what it had is for the others. */
  readonly leave: () => void;
}

/** How many writes a run sends at once: while it is the only one, and beside others. */
export interface WriteLimits {
  readonly alone: number;
  readonly beside: number;
}

/**
 * Shares the writes among the runs under way. A run with a thousand bindings may use all that the API server can take, but
 * only while no other one waits for its calls.
 */
export function createWriteShares(cluster: Cluster, { alone, beside }: WriteLimits): () => WriteShare {
  const limits = new Set<Limit>();
  const setAll = () => {
    for (const limit of limits) limit.set(limits.size > 1 ? beside : alone);
  };
  return () => {
    const limit = createLimit(alone);
    limits.add(limit);
    setAll();
    return {
      cluster: limitWrites(cluster, limit),
      leave: () => {
        limits.delete(limit);
        setAll();
      },
    };
  };
}

function limitWrites(cluster: Cluster, limit: Limit): Cluster {
  return {
    ...cluster,
    patchFinalizers: (...args) => limit(() => cluster.patchFinalizers(...args)),
    replaceStatus: (...args) => limit(() => cluster.replaceStatus(...args)),
    createOutput: (...args) => limit(() => cluster.createOutput(...args)),
    replaceOutput: (...args) => limit(() => cluster.replaceOutput(...args)),
    deleteOutput: (...args) => limit(() => cluster.deleteOutput(...args)),
  };
}
