import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type EmbeddedCluster, startCluster } from '@kleym/kube-api';
import { expect, onTestFinished, test } from 'vitest';
import { createKubeClient } from '../../test/support/kube-client.ts';
import { applyManifests, readManifests } from './apply-files.ts';

const configMap = (name: string, metadata = '') =>
  `apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: ${name}\n  namespace: default\n${metadata}`;

async function givenFiles(files: Readonly<Record<string, string>>): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'kleym-apply-'));
  onTestFinished(async () => await rm(folder, { recursive: true }));
  await mkdir(join(folder, 'deeper'));
  for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text);
  return folder;
}

async function applyFiles(cluster: EmbeddedCluster, path: string): Promise<void> {
  await applyManifests(cluster, await readManifests(path));
}

async function givenCluster() {
  const cluster = await startCluster({});
  onTestFinished(async () => await cluster.close());
  const kube = createKubeClient(cluster.url);
  const names = async () => {
    const maps = await kube.list({ apiVersion: 'v1', kind: 'ConfigMap' });
    return maps.map(({ metadata }) => metadata.name).toSorted();
  };
  return { cluster, kube, names };
}

test('the manifests of a folder are applied, but not those of the folders in it', async () => {
  const { cluster, names } = await givenCluster();
  const folder = await givenFiles({
    'a.yaml': `${configMap('a')}---\n${configMap('b')}`,
    'c.json': JSON.stringify({ apiVersion: 'v1', kind: 'List', items: [] }),
    'kustomization.yaml': 'apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\n',
    'README.md': 'no manifest',
    'deeper/d.yaml': configMap('d'),
  });
  await applyFiles(cluster, folder);
  expect(await names()).toEqual(['a', 'b']);
});

test('a file is applied, and its annotations stay beside that of kubectl', async () => {
  const { cluster, kube } = await givenCluster();
  const folder = await givenFiles({ 'a.yaml': configMap('a', '  annotations: { note: mine }\n') });
  await applyFiles(cluster, join(folder, 'a.yaml'));
  const [stored] = await kube.list({ apiVersion: 'v1', kind: 'ConfigMap' });
  expect(stored?.metadata).toHaveProperty('annotations', {
    note: 'mine',
    'kubectl.kubernetes.io/last-applied-configuration': expect.stringContaining('"name":"a"'),
  });
});

test.each([
  ['broken YAML', `${configMap('b')}---\na: [1,\nb: 2\n`, /b\.yaml:\d+: /],
  ['what is no manifest', 'hello: world\n', /b\.yaml:1: this is no manifest/],
  [
    'a kind that nobody serves',
    '\napiVersion: a/v1\nkind: B\nmetadata: { name: c }\n',
    /b\.yaml:2: cannot apply B c: /,
  ],
])('%s is one line with its file and line', async (_what, text, words) => {
  const { cluster } = await givenCluster();
  const folder = await givenFiles({ 'a.yaml': configMap('a'), 'b.yaml': text });
  await expect(applyFiles(cluster, folder)).rejects.toThrow(words);
});

test('nothing is applied where a file cannot be read', async () => {
  const { cluster, names } = await givenCluster();
  const folder = await givenFiles({ 'a.yaml': configMap('a'), 'b.yaml': 'a: [1,\n' });
  await expect(applyFiles(cluster, folder)).rejects.toThrow('b.yaml:');
  await expect(applyFiles(cluster, join(folder, 'none'))).rejects.toThrow('none cannot be read: ENOENT');
  expect(await names()).toEqual([]);
});
