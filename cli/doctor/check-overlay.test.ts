import { readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { stringify } from 'yaml';
import { type Command, useCommand } from '../../test/support/command.ts';
import { readExample } from '../../test/support/kustomization.ts';
import { type OverlayValues, writeOverlay } from '../../test/knative/overlay.ts';

let command: Command;
const folders: string[] = [];

beforeAll(async () => {
  command = await useCommand([]);
});

afterAll(async () => {
  for (const folder of folders) await rm(folder, { recursive: true });
});

const right: OverlayValues = {
  image: 'registry.example.org/team/kleym:0.1.0',
  trustDomain: 'example.org',
  className: 'spire-mgmt-spire',
};

/** What is not well about an overlay, with the files as seen from its folder. */
async function troublesOf(
  values: Partial<OverlayValues>,
  change: (text: string, file: string) => string = (text) => text,
): Promise<string[]> {
  const folder = await writeOverlay({ ...right, ...values });
  folders.push(folder);
  for (const file of ['config.env', 'kustomization.yaml']) {
    const text = await readFile(join(folder, file), 'utf8');
    await writeFile(join(folder, file), change(text, file));
  }
  const { output, problem, exitCode } = await command.runWords(['doctor', '--overlay', folder]);
  expect(problem).toBe('');
  const lines = output.split('\n').filter((line) => /^[×‼?]/.test(line));
  expect(exitCode).toBe(lines.some((line) => line.startsWith('×')) ? 2 : 0);
  return lines.map((line) => line.replaceAll(`${folder}/`, ''));
}

function toText(objects: readonly object[]): string {
  return objects.map((object) => stringify(object)).join('---\n');
}

test('an overlay that is filled in is well, and no cluster is asked', async () => {
  expect(await troublesOf({})).toEqual([]);
  expect(command.asked).toEqual([]);
});

test('an overlay that is open in Emacs, whose lock is a link to nowhere', async () => {
  const folder = await writeOverlay(right);
  folders.push(folder);
  await symlink('somebody@host.1:1', join(folder, '.#config.env'));
  const { problem, exitCode } = await command.runWords(['doctor', '--overlay', folder]);
  expect({ problem, exitCode }).toEqual({ problem: '', exitCode: 0 });
});

test('of the example each placeholder is found, where it stands', async () => {
  const { output, exitCode } = await command.run('doctor --overlay knative/overlays/example');
  const lines = output.split('\n').filter((line) => /^[×‼?]/.test(line));
  const at = 'knative/overlays/example';
  expect(lines).toEqual([
    expect.stringMatching(`^× ${at}/config\\.env:6: <YOUR-CLASS-NAME> of the example is still there$`),
    expect.stringMatching(
      `^× ${at}/kustomization\\.yaml:\\d+: <YOUR-REGISTRY> of the example is still there$`,
    ),
    expect.stringMatching(`^× ${at}/config\\.env:3: <YOUR-TRUST-DOMAIN> of the example is still there$`),
  ]);
  expect(exitCode).toBe(2);
});

describe('a value that the functions refuse is refused before, in the same words', () => {
  const words =
    'is not a SPIFFE trust domain: expected 1 to 255 characters out of a-z, 0-9, ".", "_" and "-", without scheme, path or blanks';
  test.each([
    ['spiffe://prod.corp', `"spiffe://prod.corp": trustDomain "spiffe://prod.corp" ${words}`],
    ['"prod.corp"', String.raw`"\"prod.corp\"": trustDomain ""prod.corp"" ${words}`],
    ['prod.corp # ours', `"prod.corp # ours": trustDomain "prod.corp # ours" ${words}`],
    ['', 'not set: expected the trust domain of your SPIRE server, such as example.org'],
  ])('trust domain %s', async (trustDomain, message) => {
    expect(await troublesOf({ trustDomain })).toEqual([`× config.env:3: KLEYM_TRUST_DOMAIN is ${message}`]);
  });

  test('with what to do about quotes', async () => {
    const folder = await writeOverlay({ ...right, trustDomain: '"prod.corp"' });
    folders.push(folder);
    const { output } = await command.runWords(['doctor', '--overlay', folder]);
    expect(output).toContain(
      '\n    → config.env takes a line as it is: leave out quotes, blanks and comments\n',
    );
  });

  test('a setting that does not exist', async () => {
    const found = await troublesOf({}, (text, file) =>
      file === 'config.env' ? `${text}KLEYM_OVERLAP_POLIZY=refuse\n` : text,
    );
    expect(found).toEqual([
      expect.stringMatching(/^× config\.env:8: KLEYM_OVERLAP_POLIZY is no setting: expected one of PORT/),
    ]);
  });
});

describe('a class', () => {
  test('that is empty on purpose is said', async () => {
    expect(await troublesOf({ className: '' })).toEqual([
      '? config.env:6: the outputs get no class: right only where SPIRE Controller Manager has no className',
    ]);
  });

  test('that was forgotten is an error, because bindings would be Ready without identities', async () => {
    const found = await troublesOf({}, (text) => text.replace(/^KLEYM_CLUSTERSPIFFEID_CLASS_NAME=.*\n/m, ''));
    expect(found).toEqual([
      '× nobody says which class the outputs get: the overlay does not mention KLEYM_CLUSTERSPIFFEID_CLASS_NAME',
    ]);
  });
});

describe('an image', () => {
  const line = /^(\S) kustomization\.yaml:\d+: /;
  test.each([
    [
      'Registry.example.org/kleym:1',
      '× at: the image "Registry.example.org/kleym:1" is none that a registry can have',
    ],
    [
      'kleym:0.1.0',
      '× at: the image is "kleym:0.1.0": kubelet would look for it on Docker Hub, where it is not',
    ],
    [
      'example.org/kleym:latest',
      '‼ at: the image example.org/kleym:latest has no tag but latest: the next Revision may be another version than its manifests',
    ],
  ])('%s', async (image, message) => {
    const found = await troublesOf({ image });
    expect(found.map((one) => one.replace(line, '$1 at: '))).toEqual([message]);
  });

  test('of a digest needs no tag', async () => {
    const image = `registry.example.org/team/kleym@sha256:${'a'.repeat(64)}`;
    const text = toText(readExample()).replaceAll(right.image, image);
    const { output } = await command.run('doctor --overlay -', text);
    expect(output).toContain(`√ the image is ${image}\n`);
  });
});

test('an overlay without its replacements has policies that refuse every output', async () => {
  const found = await troublesOf({}, (text) => text.replace(/^replacements:\n([ -].*\n)*/m, ''));
  expect(found).toEqual([
    "× policy kleym-output-content carries the trust domain '', the functions have 'example.org': it refuses every output",
  ]);
});

describe('manifests that are built already', () => {
  const objects = readExample();

  test('are taken from a file or a pipe', async () => {
    const { output, exitCode } = await command.run('doctor --overlay -', toText(objects));
    expect(output).toContain('√ trust domain example.org, class spire-mgmt-spire\n');
    expect(output).toMatch(/\n0 errors, 0 warnings, 0 not known, \d+ well\n$/);
    expect(exitCode).toBe(0);
  });

  test('name their own lines', async () => {
    const text = toText(objects).replace('TRUST_DOMAIN: example.org', 'TRUST_DOMAIN: spiffe://example.org');
    const line = text.split('\n').findIndex((one) => one.includes('spiffe://example.org')) + 1;
    const { output } = await command.run('doctor --overlay - -o json', text);
    const { kind, checks } = JSON.parse(output) as { kind: string; checks: { place?: string }[] };
    expect(kind).toBe('OverlayReport');
    expect(checks.filter(({ place }) => place !== undefined)).toEqual([
      expect.objectContaining({ status: 'error', place: `<stdin>:${line}` }),
    ]);
  });

  test('may have Services of others among them', async () => {
    const other = {
      apiVersion: 'serving.knative.dev/v1',
      kind: 'Service',
      metadata: { name: 'other', namespace: 'elsewhere' },
      spec: { template: { spec: { containers: [{ image: 'other' }] } } },
    };
    const { exitCode } = await command.run('doctor --overlay - --strict', toText([...objects, other]));
    expect(exitCode).toBe(0);
  });

  test('that lack parts are told which', async () => {
    const some = objects.filter(({ kind, metadata: { name } }) => kind !== 'Trigger' || name !== 'sweep');
    const rest = some.filter(({ kind }) => kind !== 'PingSource' && kind !== 'ConfigMap');
    const { output } = await command.run('doctor --overlay -', toText(rest));
    expect(output.split('\n').filter((line) => line.startsWith('×'))).toEqual([
      '× the overlay makes no Trigger sweep',
      '× the overlay makes no PingSource sweep',
      '× the ConfigMap of function map-binding, map-pool, map-objective, map-output, sweep, reconcile is not made by the overlay',
    ]);
  });

  test('that are no YAML, or nothing at all, are refused', async () => {
    expect(await command.run('doctor --overlay -', 'a: b\n c: d\n')).toMatchObject({
      problem: expect.stringMatching(/^error: <stdin>:1: /),
      exitCode: 4,
    });
    expect(await command.run('doctor --overlay nowhere')).toMatchObject({
      problem: 'error: nowhere cannot be read: there is no such file or folder\n',
      exitCode: 4,
    });
    expect((await command.run('doctor --overlay -', '')).exitCode).toBe(2);
  });
});

test('a trial needs a cluster', async () => {
  expect(await command.run('doctor --overlay knative/overlays/example --trial')).toMatchObject({
    problem: 'error: --overlay asks no cluster, and --trial needs one: leave out one of them\n',
    exitCode: 4,
  });
});
