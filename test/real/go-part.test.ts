import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { provideControlPlane } from './control-plane-programs.ts';
import { type GoPart, type Workshop, buildGoPart, isOlder } from './go-part.ts';

async function newFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'kleym-go-part-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

async function newPart(body: string, go = '1.21'): Promise<GoPart> {
  const folder = await newFolder();
  await writeFile(join(folder, 'go.mod'), `module example.org/part\n\ngo ${go}\n`);
  await writeFile(join(folder, 'go.sum'), '');
  const main = `func main() { ${body} }`;
  await writeFile(
    join(folder, 'main.go'),
    `package main\n\nimport "os"\n\nvar version = "none"\n\n${main}\n`,
  );
  return { name: 'part', version: 'v1', folder, package: '.', ldflags: '-X main.version=v1' };
}

/** A cache of ours that is empty, and Go's own, which need not be. */
async function newWorkshop(lines: string[] = []): Promise<Workshop & { readonly cache: string }> {
  const cache = await newFolder();
  const goCache = execFileSync('go', ['env', 'GOCACHE'], { encoding: 'utf8' }).trim();
  const env = { ...process.env, XDG_CACHE_HOME: cache, GOCACHE: goCache };
  return { env, say: (line) => void lines.push(line), cache };
}

const printing = 'os.Stdout.WriteString(version)';
const silent = () => {};

test('a part is built once, and then found without Go', async () => {
  const part = await newPart(printing);
  const lines: string[] = [];
  const { env, say, cache } = await newWorkshop(lines);
  const program = await buildGoPart(part, { env, say });
  expect(execFileSync(program, { encoding: 'utf8' })).toBe('v1');
  expect(lines).toEqual([
    'part v1: building from Go modules; the first time this takes minutes',
    expect.stringMatching(/^part v1: built in \d+ s$/),
  ]);
  const withoutGo = { env: { PATH: '/nowhere', XDG_CACHE_HOME: cache }, say: silent };
  expect(await buildGoPart(part, withoutGo)).toBe(program);
  expect(await readdir(dirname(program))).toEqual(['part']);
});

test('a part whose sums have changed is another part', async () => {
  const part = await newPart(printing);
  const workshop = await newWorkshop();
  const before = await buildGoPart(part, workshop);
  await writeFile(join(part.folder, 'go.sum'), '\n');
  expect(await buildGoPart(part, workshop)).not.toBe(before);
});

test('a part that does not compile leaves nothing and says why', async () => {
  const part = await newPart('os.Exit(nothing)');
  const workshop = await newWorkshop();
  const built = buildGoPart(part, workshop);
  await expect(built).rejects.toThrow(/part v1 could not be built in .*undefined: nothing/s);
  const parts = join(workshop.cache, 'kleym', 'real-parts');
  const [folder = ''] = await readdir(parts);
  expect(await readdir(join(parts, folder))).toEqual([]);
});

test('without Go the error says what to do', async () => {
  const part = await newPart(printing);
  const built = buildGoPart(part, {
    env: { PATH: '/nowhere', XDG_CACHE_HOME: await newFolder() },
    say: silent,
  });
  await expect(built).rejects.toThrow(
    'part v1 is built with Go, and there is no go in PATH. Install Go 1.21 or newer (https://go.dev/dl/), or set KUBEBUILDER_ASSETS to a folder that has kube-apiserver and etcd.',
  );
});

test('with an old Go the error says what to do', async () => {
  const part = await newPart(printing, '99.1');
  const built = buildGoPart(part, {
    env: { ...process.env, XDG_CACHE_HOME: await newFolder() },
    say: silent,
  });
  await expect(built).rejects.toThrow(/^part v1 needs Go 99\.1, found \d+\.\d+.*Install Go 99\.1 or newer/);
});

test.each([
  ['1.25', '1.26.0', true],
  ['1.25.9', '1.26.0', true],
  ['1.26.0', '1.26.0', false],
  ['1.26', '1.26.0', false],
  ['1.26.8', '1.26.0', false],
  ['1.26rc1', '1.26.0', false],
  ['1.3.1', '1.21', true],
  ['2.0', '1.26.0', false],
])('is Go %s older than %s? %s', (version, needed, expected) => {
  expect(isOlder(version, needed)).toBe(expected);
});

test('the programs in KUBEBUILDER_ASSETS are used as they are', async () => {
  const folder = await newFolder();
  const workshop = { env: { PATH: '/nowhere', KUBEBUILDER_ASSETS: folder }, say: silent };
  await expect(provideControlPlane(workshop)).rejects.toThrow(
    `KUBEBUILDER_ASSETS is ${folder}, but there is no ${join(folder, 'etcd')} and no ${join(folder, 'kube-apiserver')}`,
  );
  for (const name of ['etcd', 'kube-apiserver']) await mkdir(join(folder, name));
  expect(await provideControlPlane(workshop)).toEqual({
    etcd: join(folder, 'etcd'),
    kubeApiserver: join(folder, 'kube-apiserver'),
  });
});

test('an unknown version of Kubernetes is refused', async () => {
  await expect(provideControlPlane({ env: { KLEYM_KUBERNETES: '1.12' }, say: silent })).rejects.toThrow(
    'KLEYM_KUBERNETES is "1.12", expected one of 1.36, 1.35, 1.34',
  );
});
