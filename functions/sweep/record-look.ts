import type { Logger } from 'pino';
import { type SweepReport, addLook } from '../../shared/api/sweep-report.ts';
import type { Cluster } from '../../shared/kube/cluster.ts';

/**
 * Adds a look to the report that the cluster keeps. It is for people, so nothing depends on it: whatever keeps it from
 * being written is a line of the log.
 */
export async function recordLook(
  cluster: Pick<Cluster, 'readSweepReport' | 'patchSweepReport'>,
  look: Pick<SweepReport, 'namespaces' | 'found'>,
  log: Logger,
): Promise<void> {
  try {
    const { found, at } = await cluster.readSweepReport();
    if (found === 'absent' || found === 'unserved')
      return log.warn({ reason: 'its ConfigMap is not there' }, 'sweep report not written');
    const report = addLook(found.report, { ...look, lookedAt: at });
    const written = await cluster.patchSweepReport(found.aim, report);
    if (written.kind === 'rejected') log.warn({ reason: written.message }, 'sweep report not written');
    else if (written.kind !== 'written') log.warn({ reason: written.kind }, 'sweep report not written');
  } catch (error) {
    log.warn({ err: error }, 'sweep report not written');
  }
}
