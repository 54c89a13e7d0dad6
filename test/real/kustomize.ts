import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { promisify } from 'node:util';
import { stringify } from 'yaml';
import type { Manifest } from '../support/kube-client.ts';
import { parseObjects } from '../support/kustomization.ts';
import { type GoModule, downloadGoModule } from './go-module.ts';
import { type Workshop, buildGoPart } from './go-part.ts';

const kustomizeModule: GoModule = {
  path: 'sigs.k8s.io/kustomize/kustomize/v5',
  version: 'v5.8.1',
  checksum: 'h1:Pgsg5psubpVEy7Nf6S89PARg5VmmWUC1l9dC6Dl4PG0=',
};

/** What kustomize made of a folder, and what it had to say about it. */
export interface Kustomized {
  readonly objects: readonly Manifest[];
  /** Standard error: warnings, such as of fields that will be given up. */
  readonly said: string;
}

/** The kustomize of the Kubernetes project. */
export interface Kustomize {
  build(folder: string): Promise<Kustomized>;
  /** Builds folders as an overlay would name them: the first as its resource, the others as its components. */
  combine(base: string, ...components: readonly string[]): Promise<Kustomized>;
  /** Builds what this kustomization says, in a folder of its own; paths are absolute. */
  buildText(kustomization: Readonly<Record<string, unknown>>): Promise<Kustomized>;
}

/** Finds or builds kustomize. */
export async function provideKustomize(workshop: Workshop): Promise<Kustomize> {
  return use(await provideKustomizeProgram(workshop));
}

/** The path of kustomize; it is built where the cache does not have it. */
export async function provideKustomizeProgram(workshop: Workshop): Promise<string> {
  const folder = await downloadGoModule(kustomizeModule, workshop.env);
  const { version } = kustomizeModule;
  const part = { name: 'kustomize', version, folder, package: '.', ldflags: '' };
  return await buildGoPart(part, workshop);
}

function use(program: string): Kustomize {
  async function build(folder: string): Promise<Kustomized> {
    const { stdout, stderr } = await promisify(execFile)(program, ['build', folder]);
    return { objects: parseObjects(stdout, folder), said: stderr };
  }

  async function buildText(kustomization: Readonly<Record<string, unknown>>): Promise<Kustomized> {
    const folder = await mkdtemp(join(tmpdir(), 'kleym-kustomize-'));
    try {
      await writeFile(join(folder, 'kustomization.yaml'), stringify(toRelative(kustomization, folder)));
      return await build(folder);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  }

  return {
    build,
    buildText,
    combine: (base, ...components) => buildText({ resources: [base], components }),
  };
}

/** kustomize takes no absolute path for a folder. */
function toRelative(
  kustomization: Readonly<Record<string, unknown>>,
  folder: string,
): Record<string, unknown> {
  const lists = ['resources', 'components'].flatMap((key) => {
    const paths = kustomization[key];
    return Array.isArray(paths) ? [[key, paths.map((path) => relative(folder, String(path)))]] : [];
  });
  return { ...kustomization, ...Object.fromEntries(lists) };
}
