import { readSources } from '../../shared/collect/read-sources.ts';
import type { Snapshot } from '../../shared/decide/world.ts';
import { mapLimited } from '../../shared/concurrency/for-each-limited.ts';
import { throwBindingsUnserved } from '../../shared/kube/read-guards.ts';
import type { Connection } from '../kube/connection.ts';
import type { Lacks } from '../../shared/explain/kube/permissions.ts';
import { readNamespace } from '../../shared/explain/kube/read-namespace.ts';
import { tolerate } from '../../shared/explain/kube/tolerant-cluster.ts';
import { resolveSettings } from '../settings/resolve-settings.ts';
import type { Plan } from './plan.ts';

const namespacesAtOnce = 8;

/** The namespaces that plans are about, as the cluster has them, with all that the plans refer to. */
export async function readSnapshots(
  connection: Connection,
  plans: readonly Plan[],
  lacks: Lacks,
): Promise<ReadonlyMap<string, Snapshot>> {
  const snapshots = await mapLimited(plans, namespacesAtOnce, (plan) =>
    readSnapshot(connection, plan, lacks),
  );
  return new Map(snapshots.map((snapshot) => [snapshot.namespace, snapshot]));
}

async function readSnapshot(connection: Connection, plan: Plan, lacks: Lacks): Promise<Snapshot> {
  const { namespace, bindings } = plan;
  const { cluster } = connection;
  const listed = await cluster.listBindings({ namespace });
  if (listed === 'unserved') return throwBindingsUnserved();
  // How outputs are rendered makes no difference to what is read.
  const { settings } = resolveSettings({}, undefined);
  const reading = { settings, lacks, at: listed.at, known: listed.items };
  const snapshot = await readNamespace({ ...connection, namespace }, reading);
  const referring = [...snapshot.bindings.values(), ...bindings.values()];
  const { sources } = await readSources(tolerate(cluster, lacks, listed.at), namespace, referring);
  return { ...snapshot, sources };
}
