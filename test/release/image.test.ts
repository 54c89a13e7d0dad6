import { mkdtemp, readFile, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startCluster } from '@kleym/kube-api';
import { afterAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import project from '../../package.json' with { type: 'json' };
import { readDefinitions } from '../../local/crds/definitions.ts';
import { untilListening } from '../support/function-process.ts';
import { specifyFunctions } from '../support/functions-specification.ts';
import { readManifests } from '../support/kustomization.ts';
import { readOciArchive } from './oci-archive.ts';
import { released } from './released.ts';
import { prepareRoot, startFromImage } from './start-from-image.ts';

const scratch = await mkdtemp(join(tmpdir(), 'kleym-image-test-'));
const cluster = await startCluster({ crds: await readDefinitions() });
afterAll(async () => {
  await cluster.close();
  await rm(scratch, { recursive: true });
});

const images = await readOciArchive(released(`kleym-${project.version}.oci.tar`), join(scratch, 'layout'));
const roots = new Map([...images.keys()].map((processor) => [processor, join(scratch, processor)]));
for (const [processor, image] of images) {
  const root = rootOf(processor);
  await image.unpack(root);
  await prepareRoot(root);
}

function rootOf(processor: string): string {
  const root = roots.get(processor);
  if (root === undefined) throw new Error(`there is no image for ${processor}`);
  return root;
}

const Service = z.object({
  metadata: z.object({ name: z.string() }),
  spec: z.object({
    template: z.object({ spec: z.object({ containers: z.array(z.object({ args: z.array(z.string()) })) }) }),
  }),
});
/** What the Services hand to the image, by function. */
const args = new Map(
  readManifests('base', 'components/console')
    .filter(({ apiVersion, kind }) => apiVersion.startsWith('serving.') && kind === 'Service')
    .map((manifest) => Service.parse(manifest))
    .map(({ metadata, spec }) => [metadata.name, spec.template.spec.containers.flatMap((one) => one.args)]),
);

test('the archive has an image for each processor, with the same bundles', () => {
  expect([...images.keys()]).toEqual(['amd64', 'arm64']);
  expect(new Set([...images.values()].map(({ layers }) => layers.at(-1))).size).toBe(1);
  expect(new Set([...images.values()].map(({ layers }) => layers.at(0))).size).toBe(2);
});

describe.each([...images])('the image for %s', (processor, { config, compressedSize }) => {
  const root = rootOf(processor);

  test('starts node in /app, as a numeric user other than root', () => {
    expect(config).toMatchObject({ User: '65532:65532', Entrypoint: ['node'], WorkingDir: '/app' });
    expect(config.Cmd).toBeUndefined();
  });

  test('says what it is', () => {
    expect(config.Labels).toEqual({
      'org.opencontainers.image.title': 'kleym',
      'org.opencontainers.image.description': project.description,
      'org.opencontainers.image.licenses': 'Apache-2.0',
      'org.opencontainers.image.version': project.version,
    });
  });

  test('is less than 60 MB to pull', () => {
    expect(compressedSize).toBeLessThan(60e6);
  });

  test('has bundles, their terms, the files of the console, and nothing else in /app', async () => {
    const files = await readdir(join(root, 'app'), { recursive: true, withFileTypes: true });
    const names = files.filter((file) => file.isFile()).map((file) => join(file.parentPath, file.name));
    const inApp = names.map((name) => name.slice(join(root, 'app').length + 1));
    expect(inApp.filter((name) => !/^[a-z-]+\/[A-Za-z-]+\.mjs$/.test(name)).toSorted()).toEqual([
      'LICENSE',
      'THIRD_PARTY_NOTICES',
      'console/assets/console.css',
      'console/assets/console.js',
      'console/assets/icon.svg',
    ]);
    expect([...args.values()].flat().filter((path) => !names.includes(join(root, path)))).toEqual([]);
    expect(args.size).toBe(7);
  });

  test('has no shell and nothing that somebody else may write or become', async () => {
    const files = await readdir(root, { recursive: true, withFileTypes: true });
    const paths = files.filter((file) => file.isFile()).map((file) => join(file.parentPath, file.name));
    const modes = await Promise.all(paths.map(async (path) => (await stat(path)).mode));
    expect(paths.filter((_, index) => ((modes[index] ?? 0) & 0o6022) !== 0)).toEqual([]);
    expect(paths.filter((path) => /\/(ba|da)?sh$|\/busybox$|\/npm$/.test(path))).toEqual([]);
  });

  test('has programs and libraries for this processor alone', async () => {
    const files = await readdir(root, { recursive: true, withFileTypes: true });
    const paths = files.filter((file) => file.isFile()).map((file) => join(file.parentPath, file.name));
    const machines = await Promise.all(paths.map(readMachine));
    const expected = processor === 'amd64' ? 0x3e : 0xb7;
    expect([...new Set(machines)].filter((machine) => machine !== undefined)).toEqual([expected]);
  });
});

/** The processor that an ELF file is for. */
async function readMachine(file: string): Promise<number | undefined> {
  const bytes = await readFile(file);
  return bytes.subarray(0, 4).toString('latin1') === '\u007fELF' ? bytes.readUInt16LE(18) : undefined;
}

const processor = process.arch === 'arm64' ? 'arm64' : 'amd64';

function start(name: string, environment: Record<string, string>) {
  const image = images.get(processor);
  const its = args.get(name);
  if (image === undefined || its === undefined) throw new Error(`nothing starts ${name} for ${processor}`);
  return startFromImage(image, rootOf(processor), its, environment);
}

test('a function from the image has no privilege: another user, no group, no capability, nothing to write', async () => {
  const { child } = await untilListening(start('map-binding', {}));
  const status = await readFile(`/proc/${child.pid}/status`, 'utf8');
  const facts = Object.fromEntries(
    status.split('\n').map((line) => line.split(':\t').map((text) => text.trim())),
  ) as Record<string, string>;
  expect(facts).toMatchObject({
    Uid: '65532\t65532\t65532\t65532',
    Gid: '65532\t65532\t65532\t65532',
    CapPrm: '0000000000000000',
    CapEff: '0000000000000000',
    CapInh: '0000000000000000',
    NoNewPrivs: '1',
  });
  expect(facts['Groups'] ?? '').toBe('');
  const mounts = await readFile(`/proc/${child.pid}/mountinfo`, 'utf8');
  const [, options] =
    mounts
      .split('\n')
      .map((line) => line.split(' ').slice(4, 6))
      .find(([at]) => at === '/') ?? [];
  expect(options?.split(',')).toContain('ro');
});

describe('each function from the image, as a container would run it', async () => {
  await specifyFunctions({
    cluster,
    start,
    provideFile: async (name, text) => {
      await writeFile(join(rootOf(processor), 'run', name), text);
      return `/run/${name}`;
    },
  });
});
