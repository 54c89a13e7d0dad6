import type { Page } from 'playwright-core';
import { expect, test } from 'vitest';
import type { EventTracker } from '../../local/eventing/event-tracker.ts';
import { binding, objective, pool, poolBinding } from '../support/manifests.ts';
import { type TestNamespace, useCluster } from '../support/test-cluster.ts';
import { findViolations } from './find-violations.ts';
import { serveConsole } from './serve-console.ts';
import { useBrowser } from './use-browser.ts';

const cluster = await useCluster();
const { url, tracker } = await serveConsole(cluster);
const browser = await useBrowser();
const here = await cluster.namespace();
const long = 'a-name-that-is-as-long-as-kubernetes-allows-'.repeat(6).slice(0, 250);
await settle(here);
track(tracker);

const paths = [
  '/',
  `/namespaces/${here.name}`,
  `/namespaces/${here.name}/bindings/binding-a`,
  `/namespaces/${here.name}/bindings/whole`,
  `/namespaces/${here.name}/bindings/${long}`,
  '/search?q=binding',
  '/search?q=nothing-has-this-name',
  '/why',
  `/why?namespace=${here.name}&serviceAccount=inference-sa&labels=app%3Dmodel-server&container=main`,
  '/live',
  '/nowhere',
];

/** One of each: ready, colliding, without a pool, and with a name that no column is made for. Nothing works there afterwards. */
async function settle(place: TestNamespace): Promise<void> {
  const stack = await cluster.startStack();
  await place.create(
    pool(),
    pool('other', { app: 'other' }),
    objective(),
    poolBinding('whole', { poolRef: { name: 'other' } }),
  );
  await place.create(binding(), binding('binding-b'), binding('astray', { poolRef: { name: 'nowhere' } }));
  await place.create(binding(long, { containerName: 'another', serviceAccountName: long }));
  await place.ready('whole');
  await place.ready(long);
  await place.refused('binding-a', 'Conflict', 'IdentityCollision');
  await place.refused('binding-b', 'Conflict', 'IdentityCollision');
  await place.refused('astray', 'InvalidRef', 'TargetPoolNotFound');
  await stack.stop();
}

/** One of each that can become of an event. */
function track({ onAccepted, onDelivery, onNews }: EventTracker): void {
  const attributes = { type: 'a-type', source: 'a-source', subject: long };
  const told = { trigger: 'a-trigger', to: 'subscriber', tookMs: 12, attempt: 1 } as const;
  for (const [id, delivery] of [
    ['1', { status: 204, outcome: 'delivered' }],
    ['2', { status: 503, outcome: 'will retry', waitMs: 1000, reason: `not now: ${long}` }],
    ['3', { status: 400, outcome: 'dead lettered', reason: 'not an event' }],
    ['4', { status: undefined, outcome: 'lost', reason: 'no answer' }],
  ] as const) {
    const event = { attributes: { ...attributes, id, correlationid: 'all' }, body: new Uint8Array() };
    onAccepted(event, ['a-trigger']);
    onDelivery({ event, ...told, ...delivery });
  }
  onAccepted({ attributes: { ...attributes, id: 'unwanted' }, body: new Uint8Array() }, []);
  onNews({ source: 'bindings', kind: 'watching' });
  onNews({ source: 'pools', kind: 'interrupted', reason: `it does not answer: ${long}` });
}

// Dark differs in colours only.
test.each([
  ['light', undefined],
  ['dark', 'color-contrast'],
] as const)('axe-core finds nothing on any page, %s', async (colorScheme, rule) => {
  const page = await browser.open(url, { colorScheme });
  const violations: string[] = [];
  for (const path of paths) {
    await page.goto(url + path);
    violations.push(...(await findViolations(page, rule)));
  }
  expect(violations).toEqual([]);
});

test.each([360, 768, 2560])('no page is scrolled sideways in %d px', async (width) => {
  const page = await browser.open(url, { viewport: { width, height: 800 } });
  const tooWide: string[] = [];
  for (const path of paths) {
    await page.goto(url + path);
    const taken = await page.evaluate('document.documentElement.scrollWidth');
    if (taken !== width) tooWide.push(`${path} takes ${String(taken)} px`);
  }
  expect(tooWide).toEqual([]);
});

test('every page says the same without JavaScript', async () => {
  const [withIt, without] = [await browser.open(url), await browser.open(url, { javaScriptEnabled: false })];
  for (const path of paths) {
    await withIt.goto(url + path);
    await without.goto(url + path);
    const said = await without.locator('main').innerText();
    expect(said).not.toBe('');
    expect(said).toBe(await withIt.locator('main').innerText());
  }
});

test('the keyboard is enough to go from the overview to a binding, and to search', async () => {
  const page = await browser.open(url);
  await page.keyboard.press('Tab');
  await page.keyboard.press('Enter');
  expect(await page.evaluate('document.activeElement.id')).toBe('main');
  await goByKeyboard(page, here.name);
  await page.waitForURL(`${url}/namespaces/${here.name}`);
  await goByKeyboard(page, 'binding-a');
  await page.waitForURL(`${url}/namespaces/${here.name}/bindings/binding-a`);
  await page.keyboard.press('/');
  await page.keyboard.type('whole');
  await page.keyboard.press('Enter');
  await page.waitForURL(`${url}/search?q=whole`);
});

/** Follows the link with this text, as somebody without a mouse. */
async function goByKeyboard(page: Page, text: string): Promise<void> {
  for (let presses = 0; presses < 200; presses += 1) {
    await page.keyboard.press('Tab');
    if ((await page.evaluate('document.activeElement.textContent.trim()')) !== text) continue;
    await page.keyboard.press('Enter');
    return;
  }
  throw new Error(`no link ${text} is reached by Tab`);
}
