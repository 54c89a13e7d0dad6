import { mkdir, readFile, readdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type EmbeddedCluster, startCluster } from '@kleym/kube-api';
import { parseAllDocuments, stringify } from 'yaml';
import { z } from 'zod';
import { readDefinitions } from '../crds/definitions.ts';
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

/** Starts a cluster that knows our kind and those of the inference extension and SPIRE, and leads kubectl to it. */
export async function startEmbedded(port: number, dataFolder: string | undefined): Promise<EmbeddedCluster> {
  const cluster = await startCluster({
    port,
    crds: await readDefinitions(),
    ...(dataFolder !== undefined && { dataFolder }),
  });
  const file = kubeconfigFileOf(cluster);
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, cluster.kubeconfig(), { mode: 0o600 });
  return cluster;
}

/** Applies the manifests of examples/, as kubectl would: so that a later `kubectl apply` of them has nothing to complain about. */
export async function applyExamples(cluster: EmbeddedCluster): Promise<void> {
  for (const file of await listYaml(join(root, 'examples'))) {
    const documents = parseAllDocuments(await readFile(file, 'utf8')).map((document) =>
      Manifest.parse(document.toJS()),
    );
    await cluster.apply(documents.map((manifest) => stringify(withLastApplied(manifest))).join('---\n'));
  }
}

const Manifest = z.looseObject({ metadata: z.looseObject({ name: z.string() }) });

function withLastApplied(manifest: z.infer<typeof Manifest>): unknown {
  const annotations = { 'kubectl.kubernetes.io/last-applied-configuration': `${JSON.stringify(manifest)}\n` };
  return { ...manifest, metadata: { ...manifest.metadata, annotations } };
}

async function listYaml(folder: string): Promise<string[]> {
  const names = await readdir(folder);
  return names
    .filter((name) => name.endsWith('.yaml'))
    .toSorted()
    .map((name) => join(folder, name));
}
