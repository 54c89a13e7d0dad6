import { expect, test } from 'vitest';
import { forEachLimited } from '../../shared/concurrency/for-each-limited.ts';
import { readyStatus, refusedStatus } from '../support/console.ts';
import { type Manifest, toPath } from '../support/kube-client.ts';
import { binding, pool } from '../support/manifests.ts';
import { useCluster } from '../support/test-cluster.ts';
import { serveConsole } from './serve-console.ts';
import { useBrowser } from './use-browser.ts';

const cluster = await useCluster();
const { url } = await serveConsole(cluster);
const browser = await useBrowser();

const [pools, ofEach] = [20, 100];
const namespace = 'large';

/** Two thousand bindings as they are at rest, but one of them names a pool that is not there. */
async function fill(): Promise<void> {
  const { kube } = cluster;
  const here = (object: Manifest) => ({ ...object, metadata: { ...object.metadata, namespace } });
  await kube.create({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } });
  for (let index = 0; index < pools; index += 1)
    await kube.create(here(pool(`pool-${index}`, { app: `app-${index}` })));
  const numbers = Array.from({ length: pools * ofEach }, (_, index) => index);
  await forEachLimited(numbers, 16, async (index) => {
    const isAstray = index === 777;
    const name = `binding-${index}`;
    const refs = {
      poolRef: { name: isAstray ? 'pool-x' : `pool-${index % pools}` },
      containerName: `c-${index}`,
    };
    const status = isAstray
      ? refusedStatus('TargetPoolNotFound', 'InferencePool pool-x was not found')
      : readyStatus(`spiffe://example.org/ns/large/objective/${index}`);
    const object = await kube.create(here(binding(name, refs)));
    await kube.must({ method: 'PUT', path: `${toPath(object)}/status`, content: { ...object, status } });
  });
}

test('one binding of 2,000 without an identity is found in two clicks, and says what to do', async () => {
  await fill();
  const page = await browser.open(url);
  await page.getByRole('link', { name: '1 refused' }).waitFor();
  await page.getByRole('link', { name: 'binding-777' }).click();
  await page.getByText('InferencePool pool-x was not found').first().waitFor();

  await page.getByRole('link', { name: `Namespace ${namespace}` }).click();
  await page.getByText('These are too many for one picture.').waitFor();
  expect(await page.locator('main svg.picture').count()).toBe(0);
  expect(await page.getByRole('row').count()).toBe(pools + 2);
  await page.getByRole('link', { name: 'pool-7', exact: true }).click();
  expect(await page.locator('svg.picture a.binding').count()).toBe(40);
  await page.getByRole('link', { name: 'Next →' }).click();
  await page.getByText('Page 2 of 3 (100 bindings)').waitFor();
});
