import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Manifest } from '../support/kube-client.ts';
import { binding, objective, pool } from '../support/manifests.ts';
import { eventually, placeLabel, testSettings } from '../support/test-cluster.ts';
import { installDefinitionsOfOthers } from './definitions-of-others.ts';
import { conditionOf, functionNames, namespace, openTarget, report, required } from './installed.ts';
import { kubectl, run } from './kubectl.ts';
import { type ReleaseFiles, openReleaseFiles } from './release-files.ts';
import { ourOutputs, untilNothingIsLeft } from './remains.ts';
import { idlePod, idsOf, untilIds } from './workload.ts';

// From the files of two releases and docs/install.md alone: an installation, an upgrade, a removal, and install.yaml.

const target = await openTarget();
const { kube } = target;
const { trustDomain } = testSettings;
const before = await openReleaseFiles(required('KLEYM_TEST_RELEASE_BEFORE'), trustDomain);
const release = await openReleaseFiles(required('KLEYM_TEST_RELEASE'), trustDomain);
const scratch = await mkdtemp(join(tmpdir(), 'kleym-release-'));

const home = 'kleym-test-release';
const promised = (name: string) => `spiffe://${trustDomain}/ns/${home}/objective/${name}`;

beforeAll(async () => {
  await installDefinitionsOfOthers(kube);
  for (const files of [before, release]) await files.load();
  const labels = { [placeLabel]: 'home' };
  await kube.create({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: home, labels } });
  const account = { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'inference-sa' } };
  const objects = [account, pool(), objective(), objective('objective-b')];
  for (const object of [...objects, pod('served', 'main'), pod('second', 'other')])
    await kube.create({ ...object, metadata: { ...object.metadata, namespace: home } });
  await kubectl(['-n', home, 'wait', '--for=condition=Ready', '--timeout=300s', 'pod', '--all']);
});

afterAll(async () => {
  await rm(scratch, { recursive: true });
  for (const kinds of ['namespace', 'crd'])
    await kubectl(['delete', kinds, '--wait=false', '-l', placeLabel]);
});

function pod(name: string, container: string): Manifest {
  return idlePod(release.image, name, { container });
}

test.each([before, release])('the files of version $version are those of SHA256SUMS', async (files) => {
  expect(await files.check()).not.toContain('FAILED');
});

describe('the version before', () => {
  test('is installed from its archive of manifests', async () => {
    await kubectl(['apply', '--server-side', '-k', await before.writeOverlay(scratch)]);
    await untilItRuns(before);
  });

  test('gives a pod its X.509-SVID', async () => {
    await apply(binding());
    await untilIds(home, 'served', [promised('objective-a')]);
  });
});

describe('the version after it', () => {
  let overlay: string;

  test('has an overlay in which its own doctor finds nothing', async () => {
    overlay = await release.writeOverlay(scratch);
    const command = await release.unpackCommand(scratch);
    const { code, out } = await run(process.execPath, [command, 'doctor', '--overlay', overlay]);
    expect(out).toMatch(/\n0 errors, 0 warnings, /);
    expect(code).toBe(0);
  });

  test('takes over, and the pod has its SVID all the while', async () => {
    const held = await stateOf('binding-a');
    const over = new AbortController();
    const lost = watchForLoss(over.signal);
    const start = performance.now();
    try {
      await kubectl(['apply', '--server-side', '-k', overlay]);
      await untilItRuns(release);
    } finally {
      over.abort();
    }
    report(`upgraded from ${before.version} to ${release.version} in ${seconds(performance.now() - start)}`);
    expect(await lost).toEqual([]);
    expect(await stateOf('binding-a')).toEqual(held);
  });

  test('outlives a restart of every part of Knative, as an upgrade of Knative brings it', async () => {
    const over = new AbortController();
    const lost = watchForLoss(over.signal);
    const start = performance.now();
    try {
      for (const place of ['knative-serving', 'knative-eventing'])
        await kubectl(['-n', place, 'rollout', 'restart', 'deployment']);
      await apply(binding('meanwhile', { objectiveRef: { name: 'objective-b' }, containerName: 'third' }));
      report(`a binding that was created meanwhile was Ready after ${seconds(performance.now() - start)}`);
      for (const place of ['knative-serving', 'knative-eventing']) await untilRolledOut(place);
      await untilItRuns(release);
    } finally {
      over.abort();
    }
    expect(await lost).toEqual([]);
  });

  test('serves new bindings, and withdraws old ones', async () => {
    await apply(binding('binding-b', { objectiveRef: { name: 'objective-b' }, containerName: 'other' }));
    await untilIdsOf('second', 'other', [promised('objective-b')]);
    await kubectl(['-n', home, 'delete', 'iib', 'binding-a', '--timeout=600s']);
    await untilIds(home, 'served', []);
  });

  test('sweeps when somebody asks for it, as docs/operate.md says', async () => {
    const text = await readFile(join(import.meta.dirname, '..', '..', 'docs', 'operate.md'), 'utf8');
    const [, lines = ''] = /^## Start a sweep\n[^]*?^```sh\n([^]*?)^```/m.exec(text) ?? [];
    const line = lines.replace(/--image=\S+/, `--image=${release.image}`);
    const { out, err } = await run('sh', ['-ec', line]);
    expect(`${out}${err}`).toContain('202');
  });

  test('has an installation in which its own doctor finds nothing', async () => {
    const command = await release.unpackCommand(scratch);
    await eventually(async () => {
      const { out } = await run(process.execPath, [command, 'doctor']);
      expect(out.split('\n').filter((line) => line.startsWith('×'))).toEqual([]);
    });
  });

  test('is removed as docs/operate.md says, and leaves nothing', async () => {
    await remove(['-k', overlay]);
    await untilIdsOf('second', 'other', []);
  });
});

describe('install.yaml alone', () => {
  let text: string;

  test('installs it', async () => {
    text = await release.readInstallation();
    await kubectl(['apply', '--server-side', '-f', '-'], text);
    await untilItRuns(release);
    await apply(binding());
    await untilIds(home, 'served', [promised('objective-a')]);
  });

  test('removes it, and leaves nothing', async () => {
    await remove(['-f', '-'], text);
  });
});

/** Everything is Ready, and every function has the image of this version. */
async function untilItRuns({ image }: ReleaseFiles): Promise<void> {
  await eventually(async () => {
    expect(await target.unready()).toEqual([]);
    const path = 'jsonpath={.items[*].spec.template.spec.containers[*].image}';
    const images = await kubectl(['-n', namespace, 'get', 'ksvc', '-o', path]);
    expect(images.split(' ')).toEqual(functionNames.map(() => image));
  });
}

async function apply(manifest: Manifest): Promise<void> {
  await kubectl(['-n', home, 'apply', '-f', '-'], JSON.stringify(manifest));
  const { name } = manifest.metadata;
  await kubectl(['-n', home, 'wait', '--for=condition=Ready', '--timeout=600s', 'iib', name]);
}

/** Every Deployment of a namespace has its new pods. */
async function untilRolledOut(place: string): Promise<void> {
  const names = await kubectl(['-n', place, 'get', 'deployment', '-o', 'name']);
  for (const name of names.trim().split('\n'))
    await kubectl(['-n', place, 'rollout', 'status', name, '--timeout=300s']);
}

/** What an upgrade must leave alone: when a binding became Ready, and which output it has. */
async function stateOf(name: string): Promise<object> {
  const manifest = binding(name);
  const found = await kube.get({ ...manifest, metadata: { ...manifest.metadata, namespace: home } });
  const uids = 'jsonpath={.items[*].metadata.uid}';
  const selector = `kleym.sonda.red/binding-namespace=${home}`;
  return {
    ready: found && conditionOf(found, 'Ready'),
    outputs: await kubectl(['get', 'clusterspiffeids', '-l', selector, '-o', uids]),
  };
}

/** Looks twice a second, until it is told to end, and returns each look at which the pod had not exactly its SVID. */
async function watchForLoss(end: AbortSignal): Promise<string[]> {
  const lost: string[] = [];
  for (let looks = 1; !end.aborted; looks += 1) {
    const ids = await idsOf(home, 'served');
    if (ids.join() !== promised('objective-a')) lost.push(`look ${looks}: ${ids.join(', ') || 'nothing'}`);
    await sleep(500);
  }
  return lost;
}

async function untilIdsOf(name: string, container: string, expected: readonly string[]): Promise<void> {
  await eventually(async () => expect(await idsOf(home, name, container)).toEqual(expected));
}

async function remove(what: readonly string[], input = ''): Promise<void> {
  await kubectl(['delete', 'inferenceidentitybindings.kleym.sonda.red', '--all', '-A', '--timeout=15m']);
  expect(await ourOutputs()).toEqual([]);
  await kubectl(['delete', ...what, '--timeout=10m'], input);
  await untilNothingIsLeft();
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}
