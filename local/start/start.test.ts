import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { type Manifest, createKubeClient } from '../../test/support/kube-client.ts';
import { binding } from '../../test/support/manifests.ts';
import { eventually, testSettings } from '../../test/support/test-cluster.ts';
import { stateFolder } from './embedded.ts';
import type { Options } from './options.ts';
import { start } from './start.ts';

async function givenFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'kleym-start-'));
  onTestFinished(async () => await rm(folder, { recursive: true, force: true }));
  return folder;
}

const toWhere = ({ apiVersion, kind }: Manifest) => ({ apiVersion, kind });

/** What `npm start` does on the cluster in this process, with what it wrote. */
async function startHere(cluster: Partial<Options['cluster']>) {
  const written: string[] = [];
  const running = await start(
    {
      cluster: { kind: 'embedded', dataFolder: undefined, examples: true, apply: undefined, ...cluster },
      settings: testSettings,
      logLevel: 'silent',
      sweepSeconds: undefined,
      port: 0,
    } as Options,
    { write: (text: string) => written.push(text) > 0, isTTY: false },
  );
  if (!running) throw new Error('it did not start');
  const [, url = ''] = /API server {2}(\S+)/.exec(written.join('')) ?? [];
  const kube = createKubeClient(url);
  const stop = async () => {
    await running.stop();
    await rm(stateFolder(Number(new URL(url).port)), { recursive: true });
  };
  const bindings = async () =>
    (await kube.list({ ...toWhere(binding()), namespace: 'team-a' })).map(({ metadata }) => metadata.name);
  return { kube, stop, bindings };
}

test('a cluster that is kept gets the examples once: what was deleted stays so', async () => {
  const dataFolder = await givenFolder();
  const first = await startHere({ dataFolder });
  expect(await first.bindings()).toEqual(['batch', 'chat', 'embeddings']);
  await first.kube.delete({ ...binding('batch'), metadata: { name: 'batch', namespace: 'team-a' } });
  await eventually(async () => expect(await first.bindings()).toEqual(['chat', 'embeddings']));
  await first.stop();

  const second = await startHere({ dataFolder });
  expect(await second.bindings()).toEqual(['chat', 'embeddings']);
  await second.stop();
});

test("a cluster may begin empty, or with manifests of one's own", async () => {
  const folder = await givenFolder();
  await writeFile(
    join(folder, 'a.yaml'),
    'apiVersion: v1\nkind: ConfigMap\nmetadata: { name: mine, namespace: default }\n',
  );
  const { kube, bindings, stop } = await startHere({ examples: false, apply: folder });
  expect(await bindings()).toEqual([]);
  const configMaps = await kube.list({ apiVersion: 'v1', kind: 'ConfigMap' });
  // The other one is that in which the sweep reports.
  expect(configMaps.map(({ metadata }) => metadata.name)).toEqual(['mine', 'kleym-sweep']);
  await stop();
});
