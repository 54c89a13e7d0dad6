import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { RolldownOutput } from 'rolldown';

/** A package of which something is in a bundle. */
export interface BundledPackage {
  readonly name: string;
  readonly version: string;
  /** As SPDX calls it. */
  readonly license: string;
  /** What its licence and notice files say. */
  readonly texts: readonly string[];
}

/** The packages of which the bundler took something, in order; those of which it took nothing are not among them. */
export async function readBundledPackages(
  outputs: Iterable<RolldownOutput>,
): Promise<readonly BundledPackage[]> {
  const folders = [...outputs]
    .flatMap(({ output }) => output)
    .flatMap((chunk) => (chunk.type === 'chunk' ? chunk.moduleIds : []))
    .flatMap((id) => /^.*\/node_modules\/(?:@[^/]+\/)?[^/]+/.exec(id) ?? []);
  const packages = await Promise.all([...new Set(folders)].map(readPackage));
  return packages.toSorted((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1));
}

async function readPackage(folder: string): Promise<BundledPackage> {
  const { name, version, license } = JSON.parse(await readFile(join(folder, 'package.json'), 'utf8')) as {
    readonly name: string;
    readonly version: string;
    readonly license?: string;
  };
  if (typeof license !== 'string')
    throw new Error(`${name}@${version} is bundled, and its package.json names no licence; expected one`);
  const files = (await readdir(folder)).filter((file) => /^(licen[cs]e|copying|notice)/i.test(file));
  const texts = await Promise.all(files.toSorted().map((file) => readFile(join(folder, file), 'utf8')));
  return { name, version, license, texts };
}

/** What people must be told of the packages in bundles: who made them, and under which terms. */
export function renderNotices(subject: string, packages: readonly BundledPackage[]): string {
  const parts = packages.map(({ license, texts, ...rest }) => {
    const said =
      texts.length > 0
        ? texts
        : [`The package has no file with its licence; its package.json says ${license}.`];
    return [`${keyOf(rest)} (${license})`, ...said.map((text) => text.replaceAll('\r\n', '\n').trim())].join(
      '\n\n',
    );
  });
  return [
    `${subject} these packages, whole or in part.`,
    ...parts.map((part) => `${'-'.repeat(80)}\n\n${part}`),
    '',
  ].join('\n\n');
}

function keyOf({ name, version }: Pick<BundledPackage, 'name' | 'version'>): string {
  return `${name}@${version}`;
}
