import type { Logger } from 'pino';
import type { Announcement } from '../../shared/api/announcement.ts';
import type { Cluster } from '../../shared/kube/cluster.ts';

/** Tells people what happened, beside the work and never in its way. */
export interface Announcer {
  readonly tell: (news: readonly Announcement[]) => void;
  /** Resolves when all is told, or could not be. */
  readonly told: () => Promise<void>;
}

/** An announcer that writes Kubernetes Events. One that is refused is no reason to fail: namespaces that end refuse them all. */
export function createAnnouncer(cluster: Pick<Cluster, 'announce'>, log: Logger): Announcer {
  const running: Promise<void>[] = [];
  async function write(announcement: Announcement): Promise<void> {
    try {
      const written = await cluster.announce(announcement);
      if (written.kind === 'rejected') log.debug({ reason: written.message }, 'event refused');
    } catch (error) {
      log.warn({ err: error }, 'event not written');
    }
  }
  return {
    tell: (news) => {
      running.push(...news.map(write));
    },
    told: async () => {
      await Promise.all(running);
    },
  };
}
