import { readFile, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { EmbeddedCluster } from '@kleym/kube-api';
import { stringify } from 'yaml';
import { type Manifest, type Source, locate, parseManifests } from '../../cli/manifests/parse-manifests.ts';

/** The manifests of a file or a folder; what cannot be read is thrown as one line with its file and line. */
export async function readManifests(path: string): Promise<readonly Manifest[]> {
  const { manifests, problems } = parseManifests(await readSources(path));
  const [problem] = problems;
  if (problem) throw new Error(`${problem.file}:${problem.line}: ${problem.message}`);
  return manifests.filter(({ apiVersion }) => !isForKustomize(apiVersion));
}

/**
 * Applies manifests as kubectl would: so that a later `kubectl apply` of them has nothing to complain about. What cannot
 * be applied is thrown as one line with its file and line.
 */
export async function applyManifests(
  cluster: Pick<EmbeddedCluster, 'apply'>,
  manifests: readonly Manifest[],
): Promise<void> {
  for (const manifest of manifests) await apply(cluster, manifest);
}

function isForKustomize(apiVersion: string): boolean {
  return apiVersion.startsWith('kustomize.config.k8s.io/');
}

async function apply(cluster: Pick<EmbeddedCluster, 'apply'>, manifest: Manifest): Promise<void> {
  try {
    await cluster.apply(stringify(withLastApplied(manifest.value)));
  } catch (cause) {
    const { file, line } = locate(manifest, []);
    throw new Error(`${file}:${line}: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
  }
}

function withLastApplied(manifest: Manifest['value']): unknown {
  const metadata = manifest['metadata'] as { readonly annotations?: object };
  const annotations = {
    ...metadata.annotations,
    'kubectl.kubernetes.io/last-applied-configuration': `${JSON.stringify(manifest)}\n`,
  };
  return { ...manifest, metadata: { ...metadata, annotations } };
}

async function readSources(path: string): Promise<Source[]> {
  try {
    const files = (await stat(path)).isDirectory() ? await listManifests(path) : [path];
    return await Promise.all(files.map(async (file) => ({ file, text: await readFile(file, 'utf8') })));
  } catch (cause) {
    throw new Error(`${path} cannot be read: ${cause instanceof Error ? cause.message : String(cause)}`, {
      cause,
    });
  }
}

async function listManifests(folder: string): Promise<string[]> {
  const names = await readdir(folder);
  return names
    .filter((name) => /\.(ya?ml|json)$/.test(name))
    .toSorted()
    .map((name) => join(folder, name));
}
