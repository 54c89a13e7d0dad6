import type { Logger } from 'pino';
import type { EventRecord } from '../../shared/api/event-record.ts';
import type { Cluster } from '../../shared/kube/cluster.ts';

/** Writes Kubernetes Events while the run goes on. */
export interface EventRecorder {
  readonly record: (records: readonly EventRecord[]) => void;
  /** Resolves when every record is written or given up. */
  readonly flush: () => Promise<void>;
}

// The API server has more important writes to do.
const atOnce = 4;
// The answer to a request waits for its Events, and so do later requests for the same namespace.
const maxAgeMs = 10_000;

/** A recorder on a cluster. A refused Event is no failure: a namespace that is being deleted refuses all of them. */
export function createEventRecorder(
  cluster: Pick<Cluster, 'createEvent'>,
  log: Logger,
  elapsed: () => number,
): EventRecorder {
  const lanes = Array.from({ length: atOnce }, () => Promise.resolve());
  let recorded = 0;
  async function write(record: EventRecord, since: number): Promise<void> {
    if (elapsed() - since >= maxAgeMs)
      return log.warn({ reason: record.reason }, 'event not written in time');
    try {
      const written = await cluster.createEvent(record);
      if (written.kind === 'rejected') log.debug({ reason: written.message }, 'event refused');
    } catch (error) {
      log.warn({ err: error }, 'event not written');
    }
  }
  return {
    record: (records) => {
      const since = elapsed();
      for (const record of records) {
        const lane = recorded++ % atOnce;
        lanes[lane] = (lanes[lane] ?? Promise.resolve()).then(() => write(record, since));
      }
    },
    flush: async () => {
      await Promise.all(lanes);
    },
  };
}
