import { test } from 'vitest';
import { binding, objective, pool } from '../support/manifests.ts';
import { useCluster } from '../support/test-cluster.ts';
import { useBrowser } from './use-browser.ts';

const cluster = await useCluster();
const stack = await cluster.startStack();
const browser = await useBrowser();

test('a collision appears in the picture while one looks, and goes', async () => {
  const here = await cluster.namespace();
  await here.create(pool(), objective(), objective('objective-b'), binding());
  await here.ready('binding-a');
  const page = await browser.open(`${stack.consoleUrl}/namespaces/${here.name}`);
  const collision = page.locator('main svg text').getByText('no identity: IdentityCollision').first();

  await here.create(binding('binding-b', { objectiveRef: { name: 'objective-b' } }));
  await collision.waitFor();
  await here.edit(binding('binding-b'), { spec: { containerName: 'another' } });
  await collision.waitFor({ state: 'detached' });
});

test('Live shows the way of a new binding while one looks, and leads to it', async () => {
  const here = await cluster.namespace();
  const page = await browser.open(`${stack.consoleUrl}/live`);
  await here.create(pool(), objective(), binding());
  const way = `binding ${here.name}/binding-a was created reconcile reconcile-new-binding 204`;
  const event = page.getByRole('row', { name: way });
  await event.getByRole('link').click();
  await page.waitForURL(`${stack.consoleUrl}/namespaces/${here.name}/bindings/binding-a`);
});
