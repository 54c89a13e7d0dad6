import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { type Manifest, type Source, parseManifests } from '../manifests/parse-manifests.ts';
import { readFiles } from '../manifests/read-files.ts';
import { SetupError, type Tools } from '../tools.ts';

/** An overlay: the objects that it makes, and the texts that somebody wrote. */
export interface Overlay {
  readonly manifests: readonly Manifest[];
  /** What of an overlay is its own: not the base, nor the components. */
  readonly texts: readonly Source[];
}

/** Reads a folder as kustomize builds it; a file, or for `-` what is piped in, as it is. */
export async function readOverlay(path: string, { stdin, kustomize }: Tools): Promise<Overlay> {
  if (path === '-' || !(await isFolder(path))) {
    const texts = await readFiles([path], false, stdin);
    return { manifests: parse(texts), texts };
  }
  const text = await kustomize(path);
  const entries = await readdir(path, { withFileTypes: true });
  // Editors put links beside a file that lead nowhere.
  const own = entries.filter((one) => one.isFile() && /\.(ya?ml|json|env|properties)$/.test(one.name));
  const files = own.map(({ name }) => join(path, name)).toSorted();
  return {
    manifests: parse([{ file: `kustomize ${path}`, text }]),
    texts: await readFiles(files, false, stdin),
  };
}

async function isFolder(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined))?.isDirectory() ?? false;
}

function parse(texts: readonly Source[]): readonly Manifest[] {
  const { manifests, problems } = parseManifests(texts);
  const [problem] = problems;
  if (problem) throw new SetupError(`${problem.file}:${problem.line}: ${problem.message}`);
  return manifests;
}
