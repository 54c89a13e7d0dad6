import type { Logger } from 'pino';
import type { EventRecord } from '../../shared/api/event-record.ts';
import type { Cluster } from '../../shared/kube/cluster.ts';

/** Writes Kubernetes Events beside the work, and never in its way. */
export interface EventRecorder {
  readonly record: (records: readonly EventRecord[]) => void;
  /** Resolves when every record is written, or could not be. */
  readonly flush: () => Promise<void>;
}

// Many Events must not keep the API server from what matters.
const atOnce = 4;
// The answer to a request waits for them, and with it all that asks for the same namespace meanwhile.
const maxAgeMs = 10_000;

/** A recorder on a cluster. An Event that is refused is no reason to fail: namespaces that end refuse them all. */
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
