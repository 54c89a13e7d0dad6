import { UncertainError } from '../../shared/api/uncertain-error.ts';
import type { Connection } from '../kube/connection.ts';
import { podResource } from '../../shared/kube/core-resources.ts';
import { type Lacks, createLacks, toPermissionWords } from '../../shared/explain/kube/permissions.ts';
import type { Plan } from '../manifests/plan.ts';
import { readManifests } from '../manifests/read-manifests.ts';
import { readSnapshots } from '../manifests/read-snapshots.ts';
import { findObservedSettings } from '../../shared/explain/settings/find-observed-settings.ts';
import { resolveSettings } from '../settings/resolve-settings.ts';
import { type Ending, type Given, type Tools, toEnding } from '../tools.ts';
import { Pod } from '../../shared/explain/workloads/pod.ts';
import { toDiffReport } from './diff-report.ts';
import { toDiffText } from './diff-text.ts';

/** kubectl kleym diff */
export async function runDiff({ flags }: Given, tools: Tools): Promise<Ending> {
  const connection = tools.connect(flags);
  const judged = await readManifests(flags, tools, connection.namespace);
  const lacks = createLacks();
  const [snapshots, pods] = await Promise.all([
    readSnapshots(connection, judged.plans, lacks),
    readPods(connection, judged.plans, lacks),
  ]);
  const vital = lacks.all().find(({ resource }) => resource !== 'pods' && resource !== 'clusterspiffeids');
  // A pool that seems not to be there may only be out of sight: all that follows would be wrong.
  if (vital) throw new UncertainError(`no permission to ${toPermissionWords(vital)}`);
  const bindings = [...snapshots.values()].flatMap((snapshot) => [...snapshot.bindings.values()]);
  const { settings } = resolveSettings(flags, findObservedSettings(bindings));
  const report = toDiffReport({ judged, settings, snapshots, pods, lacks: lacks.all() });
  const isChange = report.changes.length > 0 || report.refused.length > 0;
  return toEnding(report, isChange ? 2 : 0, flags, () => toDiffText(report, tools.terminal));
}

async function readPods(
  { lookups }: Connection,
  plans: readonly Plan[],
  lacks: Lacks,
): Promise<ReadonlyMap<string, readonly Pod[]>> {
  const pods = new Map<string, readonly Pod[]>();
  for (const { namespace } of plans) {
    const found = await lacks.attempt(() => lookups.list(podResource, { namespace }, Pod));
    if (found !== undefined && found !== 'unserved') pods.set(namespace, found);
  }
  return pods;
}
