import { writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type EmbeddedCluster, startCluster } from '@kleym/kube-api';
import { readDefinitions } from '../crds/definitions.ts';
import { prepareFolder } from './prepare-folder.ts';
import { applyManifests, readManifests } from './apply-files.ts';
import { defaultPort } from './options.ts';

const root = join(import.meta.dirname, '..', '..');

/** Where what belongs to one running instance is kept; the usual one has the shortest path. */
export function stateFolder(port: number): string {
  return port === defaultPort ? join(root, '.kleym') : join(root, '.kleym', `port-${port}`);
}

/** Where the kubeconfig of a cluster in this process is written. */
export function kubeconfigFileOf({ url }: EmbeddedCluster): string {
  return join(stateFolder(Number(new URL(url).port)), 'kubeconfig');
}

/**
 * Starts a cluster that knows our kind and those of the inference extension and SPIRE, and has the object in which the
 * sweep reports; and leads kubectl to it.
 */
export async function startEmbedded(port: number, dataFolder: string | undefined): Promise<EmbeddedCluster> {
  if (dataFolder !== undefined) await prepareFolder(dataFolder);
  const cluster = await startCluster({
    port,
    crds: await readDefinitions(),
    ...(dataFolder !== undefined && { dataFolder }),
  });
  for (const file of ['namespace.yaml', 'sweep-report.yaml'])
    await applyManifests(cluster, await readManifests(join(root, 'knative', 'base', file)));
  const file = kubeconfigFileOf(cluster);
  await prepareFolder(dirname(file));
  await writeFile(file, cluster.kubeconfig(), { mode: 0o600 });
  return cluster;
}

/** Applies the manifests of examples/. */
export async function applyExamples(cluster: EmbeddedCluster): Promise<void> {
  const examples = join(root, 'examples');
  for (const folder of [join(examples, 'namespace'), examples])
    await applyManifests(cluster, await readManifests(folder));
}
