import type { Logger } from 'pino';
import type { Announcement } from '../../shared/api/announcement.ts';
import type { Cluster } from '../../shared/kube/cluster.ts';

/** Tells people what happened, beside the work and never in its way. */
export interface Announcer {
  readonly tell: (news: readonly Announcement[]) => void;
  /** Resolves when all is told, or could not be. */
  readonly told: () => Promise<void>;
}

// Beside the work: a crowd of Events must not keep the API server from what matters.
const atOnce = 4;
// The answer to a request waits for them, and with it all that asks for the same namespace meanwhile.
const patienceMs = 10_000;

/** An announcer that writes Kubernetes Events. One that is refused is no reason to fail: namespaces that end refuse them all. */
export function createAnnouncer(
  cluster: Pick<Cluster, 'announce'>,
  log: Logger,
  elapsed: () => number,
): Announcer {
  const lanes = Array.from({ length: atOnce }, () => Promise.resolve());
  let told = 0;
  async function write(announcement: Announcement, since: number): Promise<void> {
    if (elapsed() - since >= patienceMs)
      return log.warn({ reason: announcement.reason }, 'event not written in time');
    try {
      const written = await cluster.announce(announcement);
      if (written.kind === 'rejected') log.debug({ reason: written.message }, 'event refused');
    } catch (error) {
      log.warn({ err: error }, 'event not written');
    }
  }
  return {
    tell: (news) => {
      const since = elapsed();
      for (const announcement of news) {
        const lane = told++ % atOnce;
        lanes[lane] = (lanes[lane] ?? Promise.resolve()).then(() => write(announcement, since));
      }
    },
    told: async () => {
      await Promise.all(lanes);
    },
  };
}
