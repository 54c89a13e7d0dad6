import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { buildStart } from '../../local/start/build.ts';
import { startCommand } from '../support/function-process.ts';
import { objective, pool, binding, poolBinding } from '../support/manifests.ts';
import { eventually, useCluster } from '../support/test-cluster.ts';

const cluster = await useCluster();
const main = await buildStart();

async function givenKubeconfig(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'kleym-two-'));
  onTestFinished(async () => await rm(folder, { recursive: true }));
  const file = join(folder, 'kubeconfig');
  await writeFile(file, cluster.kubeconfigText);
  return file;
}

test('npm start with other settings than an installation that works here says so, ends, and what that one writes stays', async () => {
  const place = await cluster.namespace();
  await cluster.startStack({ trustDomain: 'installed.example' });
  await place.create(pool(), objective(), binding(), poolBinding('whole'));
  const spiffeIds = async () =>
    (await place.outputs())
      .map(({ spec }) => String((spec as Record<string, unknown>)['spiffeIDTemplate']))
      .toSorted();
  const installed = [
    `spiffe://installed.example/ns/${place.name}/objective/objective-a`,
    `spiffe://installed.example/ns/${place.name}/pool/pool-a`,
  ];
  await eventually(async () => expect(await spiffeIds()).toEqual(installed));

  const options = [
    '--kubeconfig',
    await givenKubeconfig(),
    '--trust-domain',
    'second.example',
    '--port',
    '0',
  ];
  const second = startCommand([process.execPath, main, ...options], {});
  const { code, errors } = await second.ended;
  expect(errors).toMatch(
    /^kleym: another installation writes here with trust domain installed.example and no class: it overwrote \S+\. Two that overwrite each other .* so this one stops\. To work here, end the other one first\n$/,
  );
  expect(code).toBe(1);
  // Nobody sweeps here. If a writer died between an announcement and its POST, that holds for two minutes.
  await eventually(async () => {
    const statuses = (await Promise.all([place.get(binding()), place.get(poolBinding('whole'))])).map(
      ({ status }) => status,
    );
    expect({ spiffeIds: await spiffeIds(), statuses }).toMatchObject({ spiffeIds: installed });
  }, 150_000);
}, 200_000);
