import type { Page } from 'playwright-core';
import { expect, test } from 'vitest';
import { binding } from '../support/manifests.ts';
import { useCluster } from '../support/test-cluster.ts';
import { serveConsole } from './serve-console.ts';
import { useBrowser } from './use-browser.ts';

const cluster = await useCluster();
const { url } = await serveConsole(cluster);
const browser = await useBrowser();

/** The overview, whose clock the test moves, and what the console answers to it from now on. */
async function openOverview() {
  const page = await browser.open(url, { stopClock: true });
  const answers: number[] = [];
  page.on('response', (response) => {
    if (new URL(response.url()).pathname === '/') answers.push(response.status()); // the icon may still come
  });
  return { page, answers };
}

/** What happens when somebody goes to another tab, and comes back. */
async function setHidden(page: Page, hidden: boolean): Promise<void> {
  await page.evaluate(`
    Object.defineProperty(document, 'hidden', { configurable: true, value: ${hidden} });
    document.dispatchEvent(new Event('visibilitychange'));
  `);
}

test('a page asks again while it is seen, less and less often, and is told that nothing has changed', async () => {
  const { page, answers } = await openOverview();
  await page.clock.runFor(5000);
  await expect.poll(() => answers).toEqual([200]);
  for (const expected of [
    [200, 304],
    [200, 304, 304],
    [200, 304, 304, 304],
  ]) {
    await page.clock.runFor(30_000);
    await expect.poll(() => answers).toEqual(expected);
  }
  expect(await page.getByRole('status').textContent()).toBe('up to date');
});

test('a page that nobody sees asks nothing; who comes back sees at once what is new', async () => {
  const { page, answers } = await openOverview();
  await setHidden(page, true);
  await page.clock.runFor(3_600_000);
  expect(answers).toEqual([]);
  await setHidden(page, false);
  await expect.poll(() => answers).toEqual([200]);
});

test('a page with a form that is not sent yet does not ask; once it is as it was, it does', async () => {
  const here = await cluster.namespace();
  const page = await browser.open(url, { stopClock: true });
  await page.goto(`${url}/why?namespace=${here.name}&container=main`);
  await page.getByText('there is none in namespace').waitFor();
  await here.create(binding());
  const labels = page.getByLabel('Labels');
  const asked: string[] = [];
  page.on('request', (request) => asked.push(request.method()));

  await labels.fill('app=model-server');
  await labels.blur();
  await page.clock.runFor(30_000);
  expect(await labels.inputValue()).toBe('app=model-server');
  expect(asked).toEqual([]);

  await labels.fill('');
  await labels.blur();
  await page.clock.runFor(30_000);
  await page.getByText('nearest is binding-a').waitFor();
});
