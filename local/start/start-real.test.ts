import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startCluster } from '@kleym/kube-api';
import { afterAll, expect, onTestFinished, test } from 'vitest';
import { type Manifest, createKubeClient } from '../../test/support/kube-client.ts';
import { binding, objective, pool, poolBinding } from '../../test/support/manifests.ts';
import { eventually, testSettings } from '../../test/support/test-cluster.ts';
import { readDefinitions } from '../crds/definitions.ts';
import { stateFolder } from './embedded.ts';
import { start } from './start.ts';

afterAll(async () => await rm(stateFolder(0), { recursive: true, force: true }));

const outputs = { apiVersion: 'spire.spiffe.io/v1alpha1', kind: 'ClusterSPIFFEID' };

const here = (object: Manifest) => ({ ...object, metadata: { ...object.metadata, namespace: 'default' } });

/** Somebody's cluster, on which kleym does not run, with three bindings: one of them has no pool. */
async function givenCluster() {
  const cluster = await startCluster({ crds: await readDefinitions() });
  onTestFinished(async () => await cluster.close());
  const folder = await mkdtemp(join(tmpdir(), 'kleym-real-'));
  onTestFinished(async () => await rm(folder, { recursive: true }));
  const file = join(folder, 'kubeconfig');
  await writeFile(file, cluster.kubeconfig());
  const kube = createKubeClient(cluster.url);
  const astray = poolBinding('astray', { poolRef: { name: 'nowhere' } });
  for (const object of [pool(), objective(), binding(), poolBinding('whole'), astray])
    await kube.create(here(object));
  return { kube, file, url: cluster.url };
}

function startOn(
  file: string,
  more: { planOnly?: boolean; trustDomain?: string; confirm?: (question: string) => Promise<boolean> } = {},
) {
  const { planOnly = false, trustDomain = testSettings.trustDomain, confirm } = more;
  const written: string[] = [];
  const options = {
    cluster: { kind: 'real', file, context: undefined, planOnly },
    settings: { ...testSettings, trustDomain },
    logLevel: 'silent',
    sweepSeconds: undefined,
    port: 0,
  } as const;
  const out = { write: (text: string) => written.push(text) > 0, isTTY: true };
  return { running: start(options, out, confirm), said: () => written.join('') };
}

test('--plan says what would be written, writes nothing, and ends', async () => {
  const { kube, file, url } = await givenCluster();
  const { running, said } = startOn(file, { planOnly: true });
  expect(await running).toBeUndefined();
  const lines = said()
    .split('\n')
    .map((line) => line.trim().replaceAll(/ {2,}/g, ' '));
  expect(lines).toEqual([
    `On ${url}, with 3 bindings, this would`,
    '',
    'put the finalizer on bindings 3: default/astray, default/binding-a, default/whole',
    expect.stringMatching(
      /^create ClusterSPIFFEIDs 2: kleym-default-binding-a-objective-\w+, kleym-default-whole-pool-\w+$/,
    ),
    'change ClusterSPIFFEIDs 0',
    'delete ClusterSPIFFEIDs 0',
    'leave without an identity 1: default/astray',
    '',
  ]);
  expect(await kube.list(outputs)).toEqual([]);
});

test('a person is asked first, and no is no', async () => {
  const { kube, file } = await givenCluster();
  const asked: string[] = [];
  const confirm = async (question: string) => asked.push(question) < 0;
  expect(await startOn(file, { confirm }).running).toBeUndefined();
  expect(asked).toEqual([expect.stringMatching(/with 3 bindings[^]*Go on\?$/)]);
  expect(await kube.list(outputs)).toEqual([]);
});

test('at its end it says what stays behind, and the next one what it would overwrite', async () => {
  const { kube, file } = await givenCluster();
  const first = startOn(file, { confirm: async () => true });
  const running = await first.running;
  await eventually(async () => expect(await kube.list(outputs)).toHaveLength(2));
  await eventually(() => expect(first.said()).toContain('2 ready, 1 refused'));
  await running?.stop();
  expect(first.said()).toContain('3 bindings keep the finalizer of kleym');
  expect(first.said()).toContain('kubectl delete iib --all -A');

  const again = startOn(file, { planOnly: true });
  await again.running;
  expect(again.said()).toMatch(/finalizer on bindings +0\n +create ClusterSPIFFEIDs +0\n/);
  const other = startOn(file, { planOnly: true, trustDomain: 'other.example' });
  await other.running;
  expect(other.said()).toMatch(/create ClusterSPIFFEIDs +2: [^]*delete ClusterSPIFFEIDs +2: /);
  expect(other.said()).toContain(
    `3 of them were last written with trust domain ${testSettings.trustDomain} and no class`,
  );
});
