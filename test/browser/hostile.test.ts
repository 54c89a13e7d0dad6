import type { Page } from 'playwright-core';
import { expect, test } from 'vitest';
import { type Manifest, type Stored, toPath } from '../support/kube-client.ts';
import { binding, objective, pool } from '../support/manifests.ts';
import { type TestNamespace, eventually, useCluster } from '../support/test-cluster.ts';
import { type TextPath, listTexts, replaceText } from './replace-texts.ts';
import { serveConsole } from './serve-console.ts';
import { useBrowser } from './use-browser.ts';

const cluster = await useCluster();
const { url, tracker } = await serveConsole(cluster);
const browser = await useBrowser();

/** It runs, or changes the page, where it is taken for HTML, an attribute, a script, a style or a URL. */
function toHostile(mark: string): string {
  return `${mark}"'></title></style></svg></textarea><script>alert(1)</script><img src=x onerror=alert(2)><i style=color:red onclick=alert(3)>\u202E{{7*7}}javascript:alert(4)`;
}

/** The same in the 63 characters that the name of a container may have. */
function toShortHostile(mark: string): string {
  return `${mark}"><img src=x onerror=alert(5)>`;
}

/** No page of the console has any of these, so they were written by somebody else. */
const foreign = `img, iframe, object, embed, base, style, [style], [onerror], [onclick], [onload],
  script:not([src="/console.js"]), a:not([href^="/"], [href^="#"]), form:not([action^="/"])`;

/** A text in an object of its own, which a binding of its own shows. */
interface Field {
  /** Such as `pool spec.selector.matchLabels.app`. */
  readonly name: string;
  readonly kind: 'binding' | 'output' | 'pool' | 'objective' | 'event';
  readonly path: TextPath;
  /** With which the text begins, and the name of all that is there for it. */
  readonly mark: string;
}

test('what others write is shown as text, in whatever field they write it', async () => {
  const here = await cluster.namespace();
  const fields = [...(await plant(here)), ...passBy()];
  const page = await browser.open(url);
  const seen = await crawl(page, [...entries(here), '/']);
  expect(seen.foreign).toEqual([]);
  const shown = fields.filter(({ mark }) => seen.text.includes(`${mark}"`)).map(({ name }) => name);
  expect(shown).toEqual(expect.arrayContaining(mustBeShown));
});

/** At least these are shown, or the test would see nothing. */
const mustBeShown = ['live type', 'live subject', 'live trigger', 'live reason', 'live source'];

/** Where a text comes with the address. */
function entries({ name }: TestNamespace): string[] {
  const text = encodeURIComponent(toHostile('address'));
  return [
    `/${text}`,
    `/search?q=${text}&state=${text}&reason=${text}&page=${text}`,
    `/namespaces/${text}`,
    `/namespaces/${name}/bindings/${text}`,
    `/namespaces/${name}?open=${text}&page=${text}`,
    `/why?namespace=${text}&serviceAccount=${text}&labels=${text}&container=${text}&image=${text}`,
    `/why?namespace=${name}&serviceAccount=${text}&labels=${text}&container=${text}&image=${text}`,
  ];
}

/** Writes a hostile text into each text of each kind of object that the console reads, as far as the API server takes it. */
async function plant(here: TestNamespace): Promise<Field[]> {
  const stack = await cluster.startStack();
  await here.create(...toObjects('example'));
  await here.ready('example');
  await eventually(async () => expect(await here.events('example')).not.toEqual([]));
  const fields: Field[] = [];
  for (const kind of ['binding', 'output', 'pool', 'objective', 'event'] as const)
    for (const path of listTexts(await find(here, kind, 'example')))
      fields.push({ name: `${kind} ${path.join('.')}`, kind, path, mark: `f${fields.length}x` });
  for (const { mark } of fields) await here.create(...toObjects(mark));
  for (const { mark } of fields)
    await eventually(async () => expect(await here.events(mark)).not.toEqual([]));
  await stack.stop();

  const written: Field[] = [];
  for (const field of fields) if (await write(here, field)) written.push(field);
  return written;
}

/** A binding, its pool and its objective, all of one name. */
function toObjects(name: string): Manifest[] {
  const refs = { poolRef: { name }, objectiveRef: { name }, containerName: name };
  return [pool(name, { app: name }), objective(name, { name }), binding(name, refs)].map((object) => ({
    ...object,
    metadata: { ...object.metadata, annotations: { note: 'x' }, labels: { team: 'x' } },
  }));
}

/** The object of this kind that belongs to the binding of this name. */
async function find(here: TestNamespace, kind: Field['kind'], name: string): Promise<Stored> {
  switch (kind) {
    case 'binding':
      return await here.get(binding(name));
    case 'pool':
      return await here.get(pool(name));
    case 'objective':
      return await here.get(objective(name));
    case 'output':
      return toOnly(await here.outputs(name));
    case 'event': {
      const where = { apiVersion: 'events.k8s.io/v1', kind: 'Event', namespace: here.name };
      const events = await cluster.kube.list(where);
      return toOnly(events.filter((event) => (event['regarding'] as { name?: string }).name === name));
    }
  }
}

function toOnly([first]: readonly Stored[]): Stored {
  if (!first) throw new Error('nothing is there');
  return first;
}

/** Whether the API server has taken one of the texts. */
async function write(here: TestNamespace, { kind, path, mark }: Field): Promise<boolean> {
  const object = await find(here, kind, mark);
  for (const text of [toHostile(mark), toShortHostile(mark)]) {
    const content = replaceText(object, path, text);
    const subresource = path[0] === 'status' ? '/status' : '';
    const { status } = await cluster.kube.ask({ method: 'PUT', path: toPath(object) + subresource, content });
    if (status === 200) return true;
  }
  return false;
}

/** Lets an event pass that is hostile in everything that Live shows of one. */
function passBy(): Pick<Field, 'name' | 'mark'>[] {
  const fields = ['type', 'subject', 'trigger', 'reason', 'source'].map((name) => ({
    name: `live ${name}`,
    mark: `l${name}`,
  }));
  const [type = '', subject = '', trigger = '', reason = '', source = ''] = fields.map(({ mark }) =>
    toHostile(mark),
  );
  const event = { attributes: { id: '1', source, type, subject }, body: new Uint8Array() };
  tracker.onAccepted(event, [trigger]);
  tracker.onDelivery({
    event,
    trigger,
    to: 'subscriber',
    status: 500,
    attempt: 1,
    tookMs: 1,
    outcome: 'lost',
    reason,
  });
  tracker.onNews({ source, kind: 'refused', reason });
  return fields;
}

/** Follows every link; says what it saw. */
async function crawl(page: Page, paths: readonly string[]) {
  const [pages, foreigners, texts] = [new Set(paths), [] as string[], [] as string[]];
  for (const path of pages) {
    await page.goto(`${url}${path}`);
    const seen = (await page.evaluate(`({
      text: document.title + document.documentElement.textContent,
      foreign: [...document.querySelectorAll(${JSON.stringify(foreign)})].map((element) => element.outerHTML),
      links: [...document.querySelectorAll('a')].map((link) => link.getAttribute('href').replace(/#.*/, '')),
    })`)) as { text: string; foreign: string[]; links: string[] };
    texts.push(seen.text);
    foreigners.push(...seen.foreign.map((html) => `${path}: ${html}`));
    for (const link of seen.links) if (link !== '') pages.add(link);
    expect(pages.size).toBeLessThan(1000);
  }
  return { pages: [...pages], foreign: foreigners, text: texts.join('\n') };
}
