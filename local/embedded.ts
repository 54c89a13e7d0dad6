import { mkdir, readFile, readdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type EmbeddedCluster, startCluster } from './cluster/cluster.ts';

const root = join(import.meta.dirname, '..');

/** Where the kubeconfig of the cluster in this process is written. */
export const kubeconfigFile = join(root, '.kleym', 'kubeconfig');

/** Starts a cluster that knows our kind and those of the inference extension and SPIRE, and leads kubectl to it. */
export async function startEmbedded(port: number, dataFolder: string | undefined): Promise<EmbeddedCluster> {
  const crds = [join(root, 'knative', 'base', 'crd.yaml'), ...(await listYaml(join(root, 'local', 'crds')))];
  const cluster = await startCluster({
    port,
    crds: await Promise.all(crds.map((file) => readFile(file, 'utf8'))),
    ...(dataFolder !== undefined && { dataFolder }),
  });
  await mkdir(dirname(kubeconfigFile), { recursive: true });
  await writeFile(kubeconfigFile, cluster.kubeconfig(), { mode: 0o600 });
  return cluster;
}

/** Applies the manifests of examples/. */
export async function applyExamples(cluster: EmbeddedCluster): Promise<void> {
  for (const file of await listYaml(join(root, 'examples')))
    await cluster.apply(await readFile(file, 'utf8'));
}

async function listYaml(folder: string): Promise<string[]> {
  const names = await readdir(folder);
  return names
    .filter((name) => name.endsWith('.yaml'))
    .toSorted()
    .map((name) => join(folder, name));
}
