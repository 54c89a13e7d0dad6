import { z } from 'zod';
import { outputResource } from '../../api/cluster-spiffe-id.ts';
import { StringMap } from '../../api/strings.ts';
import { collectCluster } from '../../collect/collect-cluster.ts';
import { namespaceResource, podResource } from '../../kube/core-resources.ts';
import { type Lacks, createLacks } from '../kube/permissions.ts';
import type { Reader } from '../kube/reader.ts';
import { tolerate } from '../kube/tolerant-cluster.ts';
import { findObservedSettings } from '../settings/find-observed-settings.ts';
import { readWithSettings } from '../settings/read-with-settings.ts';
import type { ResolveSettings } from '../settings/resolved-settings.ts';
import { readControllerManager } from '../spire/read-controller-manager.ts';
import { Pod } from '../workloads/pod.ts';
import type { BindingFacts } from './binding-report.ts';
import { type BindingView, toBindingViews } from './binding-view.ts';
import type { PodFacts } from './pod-report.ts';

/** How to look. */
export interface Look {
  readonly resolve: ResolveSettings;
  /** Where SPIRE Controller Manager may be configured; undefined: where it usually is. */
  readonly spireNamespaces?: readonly string[] | undefined;
  /** Of a pod only this container. */
  readonly container?: string | undefined;
}

const Namespace = z.object({ metadata: z.object({ labels: StringMap.optional() }) });

/** Reads a pod and all that may concern it; undefined: there is no such pod. */
export async function readPodFacts(reader: Reader, name: string, look: Look): Promise<PodFacts | undefined> {
  const { lookups, namespace } = reader;
  const pod = await lookups.get(podResource, { namespace, name }, Pod);
  return pod === 'absent' ? undefined : await readFactsOfPod(reader, pod, look);
}

/** Reads all that may concern a pod, which may be one that somebody describes. */
export async function readFactsOfPod(reader: Reader, pod: Pod, look: Look): Promise<PodFacts> {
  const { lookups, cluster, namespace } = reader;
  const lacks = createLacks();
  const [views, controllerManager, labels, outputs] = await Promise.all([
    readViews(reader, lacks, look.resolve),
    readSpire(reader, lacks, look),
    lacks.attempt(() => lookups.get(namespaceResource, { name: namespace }, Namespace)),
    lacks.attempt(() => cluster.listOutputs({})),
  ]);
  return {
    pod,
    container: look.container,
    bindings: views,
    outputs: outputs === 'unserved' ? [] : outputs?.items,
    namespaceLabels: labels === 'absent' ? {} : (labels?.metadata.labels ?? {}),
    controllerManager,
    lacks: lacks.all(),
  };
}

/** Reads a binding and the pods of its namespace; undefined: there is no such binding. */
export async function readBindingFacts(
  reader: Reader,
  name: string,
  look: Look,
): Promise<BindingFacts | undefined> {
  const { lookups, namespace } = reader;
  const lacks = createLacks();
  const [views, controllerManager, pods] = await Promise.all([
    readViews(reader, lacks, look.resolve),
    readSpire(reader, lacks, look),
    lacks.attempt(() => lookups.list(podResource, { namespace }, Pod)),
  ]);
  const view = views.find((one) => one.name === name);
  if (!view) return undefined;
  return { view, pods: pods === 'unserved' ? undefined : pods, controllerManager, lacks: lacks.all() };
}

async function readSpire({ lookups }: Reader, lacks: Lacks, { spireNamespaces }: Look) {
  return await readControllerManager(lookups, lacks, spireNamespaces);
}

async function readViews(
  reader: Reader,
  lacks: Lacks,
  resolve: ResolveSettings,
): Promise<readonly BindingView[]> {
  const { snapshot, settings } = await readWithSettings(reader, lacks, resolve);
  const seesOutputs = !lacks.all().some(({ resource }) => resource === outputResource.plural);
  return toBindingViews(snapshot, settings, seesOutputs);
}

/** The bindings of all other namespaces; none for who may not look there. */
export async function readElsewhere(
  { cluster, namespace }: Reader,
  resolve: ResolveSettings,
): Promise<readonly BindingView[]> {
  const lacks = createLacks();
  const at = new Date(0).toISOString();
  const snapshots = (await lacks.attempt(() => collectCluster(tolerate(cluster, createLacks(), at)))) ?? [];
  const bindings = snapshots.flatMap((snapshot) => [...snapshot.bindings.values()]);
  const { settings } = resolve(findObservedSettings(bindings));
  return snapshots
    .filter((snapshot) => snapshot.namespace !== namespace)
    .flatMap((snapshot) => toBindingViews(snapshot, settings, true));
}

/** The names that somebody may have meant who named what is not there. */
export async function readNames(
  { cluster, lookups, namespace }: Reader,
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
