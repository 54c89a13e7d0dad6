import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtemp, readFile, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, describe, expect, test } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { z } from 'zod';
import project from '../../package.json' with { type: 'json' };
import { readNotes, writeRelease } from '../../release/release.ts';
import { provideKustomize } from '../real/kustomize.ts';
import { readManifests } from '../support/kustomization.ts';
import type { Manifest } from '../support/kube-client.ts';
import { readOciArchive } from './oci-archive.ts';
import { released } from './released.ts';

const { version } = project;
const name = `kleym-${version}`;
const folder = dirname(released('SHA256SUMS'));
const scratch = await mkdtemp(join(tmpdir(), 'kleym-release-test-'));
afterAll(() => rm(scratch, { recursive: true }));

const say = () => undefined;
const kustomize = await provideKustomize({ env: process.env, say });

/** What makes an object that object. */
function keyOf({ kind, metadata }: Manifest): string {
  return `${kind} ${metadata.namespace ?? ''}/${metadata.name.replace(/^(kleym-config)-\w+$/, '$1')}`;
}

async function readObjects(file: string): Promise<Manifest[]> {
  return parseAllDocuments(await readFile(released(file), 'utf8')).map((one) => one.toJS() as Manifest);
}

async function readSums(of: string): Promise<Map<string, string>> {
  const text = await readFile(join(of, 'SHA256SUMS'), 'utf8');
  return new Map(
    text
      .trim()
      .split('\n')
      .map((line) => [line.slice(66), line.slice(0, 64)]),
  );
}

test('a release has these files, and SHA256SUMS has the sum of each other one', async () => {
  const files = (await readdir(folder)).filter((file) => file !== 'SHA256SUMS').toSorted();
  expect(files).toEqual([
    'RELEASE_NOTES.md',
    'THIRD_PARTY_NOTICES',
    'crds.yaml',
    'install.yaml',
    `${name}-kustomize.tar.gz`,
    `${name}-linux-amd64.cdx.json`,
    `${name}-linux-arm64.cdx.json`,
    `${name}.oci.tar`,
    `kubectl-kleym-${version}-linux-amd64.tar.gz`,
    `kubectl-kleym-${version}-linux-arm64.tar.gz`,
    `kubectl-kleym-${version}.tar.gz`,
  ]);
  const sums = await readSums(folder);
  expect([...sums.keys()]).toEqual(files);
  for (const [file, sum] of sums)
    expect({
      file,
      sum: createHash('sha256')
        .update(await readFile(join(folder, file)))
        .digest('hex'),
    }).toEqual({ file, sum });
});

test('a release that is made again, elsewhere, has the same bytes', async () => {
  const again = join(scratch, 'again');
  // Only of the bases that are made here it is known which packages of Debian are in them.
  const sbom = await readFile(released(`${name}-linux-amd64.cdx.json`), 'utf8');
  const bases = sbom.includes('"pkg:deb/') ? 'made' : 'documented';
  // Of the image one processor is enough: they differ in their bases alone.
  await writeRelease({ version, folder: again, bases, processors: ['amd64'], say });
  const [first, second] = [await readSums(folder), await readSums(again)];
  for (const file of [`${name}-linux-arm64.cdx.json`, `kubectl-${name}-linux-arm64.tar.gz`])
    first.delete(file);
  for (const sums of [first, second]) sums.delete(`${name}.oci.tar`);
  expect(second).toEqual(first);
  const read = (of: string, into: string) => readOciArchive(join(of, `${name}.oci.tar`), join(scratch, into));
  const [before, after] = [await read(folder, 'first'), await read(again, 'second')];
  expect(after.get('amd64')?.digest).toBe(before.get('amd64')?.digest);
}, 600_000);

describe('the tree in the archive', async () => {
  await promisify(execFile)('tar', ['-xzf', released(`${name}-kustomize.tar.gz`), '-C', scratch]);
  const tree = join(scratch, name);

  test('is a root of its own, from which the example makes what install.yaml has', async () => {
    expect(await readdir(scratch)).toContain(name);
    expect((await readdir(tree)).toSorted()).toEqual(['LICENSE', 'base', 'components', 'overlays']);
    const { objects, said } = await kustomize.build(join(tree, 'overlays', 'example'));
    expect(said).toBe('');
    expect(objects).toEqual(await readObjects('install.yaml'));
  });

  test('has every component, and each goes with the base', async () => {
    const components = (await readdir(join(tree, 'components'))).map((one) => join(tree, 'components', one));
    expect(components.length).toBeGreaterThan(8);
    const { objects } = await kustomize.combine(join(tree, 'base'), ...components);
    expect(objects.length).toBeGreaterThan(50);
  });
});

describe('the command', async () => {
  const names = [`kubectl-${name}`, `kubectl-${name}-linux-amd64`, `kubectl-${name}-linux-arm64`];
  for (const one of names)
    await promisify(execFile)('tar', ['-xzf', released(`${one}.tar.gz`), '-C', scratch]);
  const terms = ['LICENSE', 'THIRD_PARTY_NOTICES'];

  test.each(names)('%s has its terms beside it', async (one) => {
    const files = await readdir(join(scratch, one));
    expect(files).toEqual(expect.arrayContaining(['kubectl-kleym', 'kubectl_complete-kleym', ...terms]));
    expect(files.includes('LICENSE.node')).toBe(one !== names[0]);
    const notices = await readFile(join(scratch, one, 'THIRD_PARTY_NOTICES'), 'utf8');
    for (const part of ['Gateway API inference extension', 'zod@', 'yaml@']) expect(notices).toContain(part);
  });

  test('runs without a Node of its own where it is an executable, and with one where it is none', async () => {
    const [processor, other] = process.arch === 'arm64' ? ['arm64', 'amd64'] : ['amd64', 'arm64'];
    const at = (of: string) => join(scratch, `kubectl-${name}-linux-${of}`, 'kubectl-kleym');
    const env = { PATH: '/nowhere' };
    const { stdout } = await promisify(execFile)(at(processor ?? ''), ['--version'], { env });
    const said = await promisify(execFile)(process.execPath, [
      join(scratch, `kubectl-${name}`, 'kubectl-kleym'),
      '--version',
    ]);
    expect([stdout, said.stdout]).toEqual(Array(2).fill(`kubectl-kleym ${version}\n`));
    // As ELF names processors.
    const machines = { amd64: 0x3e, arm64: 0xb7 } as const;
    const bytes = await readFile(at(other ?? ''));
    expect(bytes.readUInt16LE(18)).toBe(machines[other === 'arm64' ? 'arm64' : 'amd64']);
  });
});

test('install.yaml has what the example overlay has', async () => {
  const objects = await readObjects('install.yaml');
  const expected = readManifests('overlays/example');
  expect(objects.map(keyOf).toSorted()).toEqual(expected.map(keyOf).toSorted());
});

test('crds.yaml has the CRD that install.yaml has', async () => {
  const [crd, ...others] = await readObjects('crds.yaml');
  expect(others).toEqual([]);
  const installed = (await readObjects('install.yaml')).find(
    ({ kind }) => kind === 'CustomResourceDefinition',
  );
  expect(installed).toMatchObject(crd ?? {});
});

const Bom = z.object({
  bomFormat: z.literal('CycloneDX'),
  components: z.array(z.object({ name: z.string(), version: z.string(), purl: z.string() })),
});

test.each(['amd64', 'arm64'])(
  'the SBOM for %s has what is bundled and what it runs on',
  async (processor) => {
    const bom = Bom.parse(
      JSON.parse(await readFile(released(`${name}-linux-${processor}.cdx.json`), 'utf8')),
    );
    const npm = bom.components.filter(({ purl }) => purl.startsWith('pkg:npm/'));
    const notices = await readFile(released('THIRD_PARTY_NOTICES'), 'utf8');
    const noticed = [...notices.matchAll(/^-{80}\n\n(\S+) \(/gm)].map(([, one = '']) => one);
    expect(npm.map((one) => `${one.name}@${one.version}`).toSorted()).toEqual(noticed.toSorted());
    expect(Object.keys(project.dependencies).filter((one) => !npm.some((each) => each.name === one))).toEqual(
      [],
    );
    expect(
      Object.keys(project.devDependencies).filter((one) => npm.some((each) => each.name === one)),
    ).toEqual([]);
    const others = bom.components.filter((one) => !npm.includes(one)).map((one) => one.name);
    expect(others.toSorted()).toEqual(['ca-certificates', 'libc6', 'libgcc-s1', 'libstdc++6', 'node']);
  },
);

describe('the release notes', () => {
  const changelog =
    '# Changelog\n\n## [0.2.0] - 2027-01-01\n\n- New.\n\n## [0.1.0] - 2026-12-01\n\n- First.\n';

  test('are the part of the changelog that is about the version', () => {
    expect(readNotes(changelog, '0.2.0')).toBe('## [0.2.0] - 2027-01-01\n\n- New.\n');
    expect(readNotes(changelog, '0.1.0')).toBe('## [0.1.0] - 2026-12-01\n\n- First.\n');
  });

  test('of a version that the changelog does not know are refused', () => {
    expect(() => readNotes(changelog, '0.3.0')).toThrow(
      'CHANGELOG.md has no part about 0.3.0, only about 0.2.0, 0.1.0',
    );
  });
});
