import { createHash } from 'node:crypto';
import { cp, mkdir, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import project from '../package.json' with { type: 'json' };
import { buildFunctions, functionsContain } from '../build.ts';
import { buildCommand } from '../cli/build.ts';
import { besideExecutable, prepareBlob, writeExecutable } from '../cli/executable.ts';
import { provideKustomizeProgram } from '../test/real/kustomize.ts';
import { writeArchive } from './archive.ts';
import { type Processor, platforms } from './bases.ts';
import { readBundledPackages, renderNotices } from './bundled-packages.ts';
import { type BaseChoice, buildImage, readImageOptions } from './image.ts';
import { unpackNpmPackage } from './npm-package.ts';
import { runProgram } from './run-program.ts';
import { renderSbom } from './sbom.ts';

const root = join(import.meta.dirname, '..');

/** What `writeRelease` is asked for. */
export interface ReleaseOptions {
  readonly version: string;
  readonly folder: string;
  readonly bases: BaseChoice;
  readonly processors: readonly Processor[];
  readonly say: (line: string) => void;
}

/** Writes all files of a release into a folder that holds nothing else. The same sources and bases make the same bytes. */
export async function writeRelease(options: ReleaseOptions): Promise<void> {
  const { version, folder, say } = options;
  const notes = readNotes(await readFile(join(root, 'CHANGELOG.md'), 'utf8'), version);
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  const scratch = await mkdtemp(join(tmpdir(), 'kleym-release-'));
  try {
    await writeFile(join(folder, 'RELEASE_NOTES.md'), notes);
    await writeManifests(options, scratch);
    await writeCommand(options, scratch);
    const outputs = await buildFunctions(join(scratch, 'dist'));
    const bundled = await readBundledPackages(outputs.values());
    await writeFile(join(folder, 'THIRD_PARTY_NOTICES'), renderNotices(functionsContain, bundled));
    const archive = join(folder, `kleym-${version}.oci.tar`);
    const { parts } = await buildImage({ ...options, archive });
    for (const [processor, its] of parts) {
      const file = join(folder, `kleym-${version}-linux-${processor}.cdx.json`);
      await writeFile(file, await renderSbom({ version, processor, bundled, parts: its }));
    }
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
  await writeSums(folder);
  say(`${folder}: ${(await readdir(folder)).toSorted().join(', ')}`);
}

/** The part of the changelog that is about a version. */
export function readNotes(changelog: string, version: string): string {
  const parts = changelog.split(/^(?=## )/m);
  const found = parts.find((part) => part.startsWith(`## [${version}]`));
  if (found === undefined) {
    const known = parts.flatMap((part) => /^## \[(.*?)\]/.exec(part)?.[1] ?? []);
    throw new Error(`CHANGELOG.md has no part about ${version}, only about ${known.join(', ')}`);
  }
  return found.trim().concat('\n');
}

/** The tree as people get it: the example names the image of this version. */
async function writeManifests({ version, folder, say }: ReleaseOptions, scratch: string): Promise<void> {
  const name = `kleym-${version}`;
  const tree = join(scratch, name);
  await cp(join(root, 'knative'), tree, { recursive: true });
  const example = join(tree, 'overlays', 'example');
  const file = join(example, 'kustomization.yaml');
  const text = await readFile(file, 'utf8');
  await writeFile(file, text.replace(/^( +newTag: ).*$/m, `$1${version}`));
  await cp(join(root, 'LICENSE'), join(tree, 'LICENSE'));
  await writeArchive(join(folder, `${name}-kustomize.tar.gz`), scratch, name);
  const kustomize = await provideKustomizeProgram({ env: process.env, say });
  await writeFile(join(folder, 'install.yaml'), await runProgram(kustomize, ['build', example]));
  await cp(join(tree, 'base', 'crd.yaml'), join(folder, 'crds.yaml'));
}

/** The command for any Node, and for each processor with the Node of the image in it. */
async function writeCommand({ version, folder, processors }: ReleaseOptions, scratch: string): Promise<void> {
  const name = `kubectl-kleym-${version}`;
  const command = join(scratch, name);
  await buildCommand(command);
  await writeArchive(join(folder, `${name}.tar.gz`), scratch, name);
  const blob = await prepareBlob(command);
  for (const processor of processors) {
    const executable = `${name}-linux-${processor}`;
    const [target, node] = [join(scratch, executable), join(scratch, `node-${processor}`)];
    await mkdir(target);
    await unpackNpmPackage(platforms[processor].node, node, ['bin/node', 'LICENSE']);
    await writeExecutable(join(node, 'bin', 'node'), blob, join(target, 'kubectl-kleym'));
    for (const file of besideExecutable) await cp(join(command, file), join(target, file));
    await cp(join(node, 'LICENSE'), join(target, 'LICENSE.node'));
    await writeArchive(join(folder, `${executable}.tar.gz`), scratch, executable);
  }
}

/** As `sha256sum --check` reads them. */
async function writeSums(folder: string): Promise<void> {
  const lines: string[] = [];
  for (const name of (await readdir(folder)).toSorted()) {
    const sum = createHash('sha256').update(await readFile(join(folder, name)));
    lines.push(`${sum.digest('hex')}  ${name}\n`);
  }
  await writeFile(join(folder, 'SHA256SUMS'), lines.join(''));
}

if (import.meta.main) {
  const { positionals, ...options } = readImageOptions();
  const [version] = positionals;
  if (version !== project.version) {
    const found = version === undefined ? 'no version' : `the version ${version}`;
    throw new Error(`found ${found}; expected ${project.version}, which package.json says: change it first`);
  }
  await writeRelease({ ...options, version, folder: join(root, 'dist', 'release') });
}
