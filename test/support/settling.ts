import { type Tools } from '../../functions/reconcile/perform.ts';
import { type RunResult, reconcileBindings } from '../../functions/reconcile/reconcile-bindings.ts';
import type { Cluster } from '../../shared/kube/cluster.ts';
import { createCluster } from '../../shared/kube/create-cluster.ts';
import { type InMemoryCluster, createInMemoryCluster } from './in-memory-cluster.ts';
import { readyCondition } from './conditions.ts';
import { binding, output } from './manifests.ts';
import type { Manifest, KubeClient, Stored } from './kube-client.ts';
import { readDefinitions } from '../../local/crds/definitions.ts';
import { testSettings } from './test-cluster.ts';

/** How one call is answered in place of the cluster; undefined: the cluster answers. */
export type Override = Partial<{
  [K in keyof Cluster]: (...args: Parameters<Cluster[K]>) => ReturnType<Cluster[K]> | undefined;
}>;

/** A namespace of a cluster of its own, and runs of `settle` in it. */
export interface Settling {
  readonly kube: KubeClient;
  /** What a client needs to ask the same cluster. */
  readonly apiServer: InMemoryCluster['apiServer'];
  readonly cluster: Cluster;
  /** The writes of the last run, by their names. */
  readonly writes: string[];
  /** The calls of the last run, reads and all. */
  readonly calls: string[];
  readonly create: (...manifests: readonly Manifest[]) => Promise<void>;
  readonly edit: (manifest: Manifest, patch: object, subresource?: 'status') => Promise<void>;
  readonly remove: (manifest: Manifest) => Promise<void>;
  readonly settle: (names: readonly string[], tools?: Partial<Tools>) => Promise<RunResult>;
  readonly ready: (name: string) => Promise<string>;
  readonly outputs: () => Promise<Stored[]>;
}

const namespace = 'team-a';
const definitions = await readDefinitions();
const writing = ['patchFinalizers', 'replaceStatus', 'createOutput', 'replaceOutput', 'deleteOutput'];

/** Makes a cluster for one test. */
export async function createSettling(
  override: (real: Cluster) => Override = () => ({}),
  installed: readonly string[] = definitions,
): Promise<Settling> {
  const { kube, apiServer } = createInMemoryCluster(installed);
  await kube.create({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } });
  const writes: string[] = [];
  const calls: string[] = [];
  const real = createCluster(apiServer, { sleep: async () => undefined, elapsed: () => 0 });
  const cluster = watched(real, override(real), writes, calls);
  const at = (manifest: Manifest): Manifest =>
    manifest.kind === 'ClusterSPIFFEID'
      ? manifest
      : { ...manifest, metadata: { ...manifest.metadata, namespace } };
  let nonces = 0;
  return {
    kube,
    apiServer,
    cluster,
    writes,
    calls,
    create: async (...manifests) => {
      for (const manifest of manifests) await kube.create(at(manifest));
    },
    edit: async (manifest, patch, subresource) => void (await kube.edit(at(manifest), patch, subresource)),
    remove: (manifest) => kube.delete(at(manifest)),
    settle: (names, tools = {}) => {
      writes.length = 0;
      calls.length = 0;
      return reconcileBindings({ namespace, names }, testSettings, {
        cluster,
        events: { record: () => undefined, flush: async () => undefined },
        nonce: () => `nonce-${nonces++}`,
        elapsed: () => 0,
        yieldToOthers: async () => undefined,
        ...tools,
      });
    },
    ready: async (name) => {
      const found = await kube.get(at(binding(name)));
      const status = found?.['status'] as { conditions?: { status: string; reason: string }[] } | undefined;
      const ready = status?.conditions?.[0];
      return ready ? `${ready.status} ${ready.reason}` : 'nothing';
    },
    outputs: () => {
      const { apiVersion, kind } = output('any');
      return kube.list({ apiVersion, kind });
    },
  };
}

function watched(cluster: Cluster, override: Override, writes: string[], calls: string[]): Cluster {
  return new Proxy(cluster, {
    get: (target, name: keyof Cluster) => {
      const call = target[name] as (...args: unknown[]) => Promise<unknown>;
      const instead = override[name] as ((...args: unknown[]) => Promise<unknown> | undefined) | undefined;
      return (...args: unknown[]) => {
        const isDryRun =
          name === 'createOutput' && (args[1] as { dryRun?: boolean } | undefined)?.dryRun === true;
        calls.push(isDryRun ? 'dry run' : name);
        if (writing.includes(name) && !isDryRun) writes.push(name);
        return instead?.(...args) ?? call(...args);
      };
    },
  });
}

/** The output of a binding. */
export async function outputOf(here: Settling, name: string): Promise<Stored> {
  const found = (await here.outputs()).find(({ metadata }) => metadata.name.includes(name));
  if (!found) throw new Error(`${name} has no output`);
  return found;
}

/** Leaves a binding as a run does for which the API server refused the output. */
export async function refuseOutputOf(here: Settling, manifest: Manifest): Promise<void> {
  await here.kube.delete(await outputOf(here, manifest.metadata.name));
  const status = { claim: null, conditions: [readyCondition('False', 'OutputRefused')] };
  await here.edit(manifest, { status }, 'status');
}
