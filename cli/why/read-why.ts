import { z } from 'zod';
import { outputResource } from '../../shared/api/cluster-spiffe-id.ts';
import { StringMap } from '../../shared/api/strings.ts';
import { collectCluster } from '../../shared/collect/collect-cluster.ts';
import type { FlagValues } from '../command-line/flags.ts';
import type { Connection } from '../kube/connection.ts';
import { namespaceResource, podResource } from '../kube/core-resources.ts';
import { type Lacks, createLacks } from '../kube/permissions.ts';
import { tolerate } from '../kube/tolerant-cluster.ts';
import { findObservedSettings } from '../settings/find-observed-settings.ts';
import { readWithSettings } from '../settings/read-with-settings.ts';
import { type SettingsFlags, resolveSettings } from '../settings/resolve-settings.ts';
import { readControllerManager } from '../spire/read-controller-manager.ts';
import { Pod } from '../workloads/pod.ts';
import type { BindingFacts } from './binding-report.ts';
import { type BindingView, toBindingViews } from './binding-view.ts';
import type { PodFacts } from './pod-report.ts';

type WhyFlags = SettingsFlags & Pick<FlagValues, 'spire-namespace' | 'container'>;

const Namespace = z.object({ metadata: z.object({ labels: StringMap.optional() }) });

/** Reads a pod and all that may concern it; undefined: there is no such pod. */
export async function readPodFacts(
  connection: Connection,
  name: string,
  flags: WhyFlags,
): Promise<PodFacts | undefined> {
  const { lookups, cluster, namespace } = connection;
  const pod = await lookups.get(podResource, { namespace, name }, Pod);
  if (pod === 'absent') return undefined;
  const lacks = createLacks();
  const [views, controllerManager, labels, outputs] = await Promise.all([
    readViews(connection, lacks, flags),
    readSpire(connection, lacks, flags),
    lacks.attempt(() => lookups.get(namespaceResource, { name: namespace }, Namespace)),
    lacks.attempt(() => cluster.listOutputs({})),
  ]);
  return {
    pod,
    container: flags.container,
    bindings: views,
    outputs: outputs === 'unserved' ? [] : outputs?.items,
    namespaceLabels: labels === 'absent' ? {} : (labels?.metadata.labels ?? {}),
    controllerManager,
    lacks: lacks.all(),
  };
}

/** Reads a binding and the pods of its namespace; undefined: there is no such binding. */
export async function readBindingFacts(
  connection: Connection,
  name: string,
  flags: WhyFlags,
): Promise<BindingFacts | undefined> {
  const { lookups, namespace } = connection;
  const lacks = createLacks();
  const [views, controllerManager, pods] = await Promise.all([
    readViews(connection, lacks, flags),
    readSpire(connection, lacks, flags),
    lacks.attempt(() => lookups.list(podResource, { namespace }, Pod)),
  ]);
  const view = views.find((one) => one.name === name);
  if (!view) return undefined;
  return { view, pods: pods === 'unserved' ? undefined : pods, controllerManager, lacks: lacks.all() };
}

async function readSpire({ lookups }: Connection, lacks: Lacks, flags: WhyFlags) {
  const named = flags['spire-namespace'];
  return await readControllerManager(lookups, lacks, named === undefined ? undefined : [named]);
}

async function readViews(
  connection: Connection,
  lacks: Lacks,
  flags: SettingsFlags,
): Promise<readonly BindingView[]> {
  const { snapshot, settings } = await readWithSettings(connection, lacks, flags);
  const seesOutputs = !lacks.all().some(({ resource }) => resource === outputResource.plural);
  return toBindingViews(snapshot, settings, seesOutputs);
}

/** The bindings of all other namespaces; none for who may not look there. */
export async function readElsewhere(
  { cluster, namespace }: Connection,
  flags: SettingsFlags,
): Promise<readonly BindingView[]> {
  const lacks = createLacks();
  const at = new Date(0).toISOString();
  const snapshots = (await lacks.attempt(() => collectCluster(tolerate(cluster, createLacks(), at)))) ?? [];
  const bindings = snapshots.flatMap((snapshot) => [...snapshot.bindings.values()]);
  const { settings } = resolveSettings(flags, findObservedSettings(bindings));
  return snapshots
    .filter((snapshot) => snapshot.namespace !== namespace)
    .flatMap((snapshot) => toBindingViews(snapshot, settings, true));
}

/** The names that somebody may have meant who named what is not there. */
export async function readNames(
  { cluster, lookups, namespace }: Connection,
  kind: 'pod' | 'binding',
): Promise<readonly string[]> {
  const lacks = createLacks();
  if (kind === 'pod') {
    const pods = await lacks.attempt(() => lookups.list(podResource, { namespace }, Pod));
    return pods === undefined || pods === 'unserved' ? [] : pods.map(({ metadata }) => metadata.name);
  }
  const listed = await lacks.attempt(() => cluster.listBindings({ namespace }));
  return listed === undefined || listed === 'unserved'
    ? []
    : listed.items.map(({ metadata }) => metadata.name);
}
