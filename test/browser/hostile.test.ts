import type { Page } from 'playwright-core';
import { expect, test } from 'vitest';
import { type KubeClient, type Manifest, type Stored, toListPath, toPath } from '../support/kube-client.ts';
import { binding, objective, pool } from '../support/manifests.ts';
import { podManifest } from '../support/pods.ts';
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

/** A text in an object of its own, which a binding of its own shows: what cannot be read must not hide another. */
interface Field {
  /** Such as `binding status.conditions.*.message`. */
  readonly name: string;
  readonly kind: 'binding' | 'output' | 'pool' | 'objective' | 'event' | 'pod';
  /** Where it is; in a list, in each item. */
  readonly paths: readonly TextPath[];
  /** With which the text begins, and the name of all that is there for it. */
  readonly mark: string;
}

test('what others write is shown as text, in whatever field they write it', async () => {
  const here = await cluster.namespace();
  const fields = [...(await plant(here)), ...passBy()];
  const page = await browser.open(url);
  const pods = fields.map(({ mark }) => `/why?namespace=${here.name}&pod=${mark}`);
  const seen = await crawl(page, [...entries(here), ...pods, '/']);
  expect(seen.foreign).toEqual([]);
  const shown = fields.filter(({ mark }) => isShown(mark, seen.text)).map(({ name }) => name);
  expect(shown).toEqual(expect.arrayContaining(mustBeShown));
});

/** At least these are shown, or the test would see nothing. */
const mustBeShown = [
  'binding status.conditions.*.reason',
  'binding status.conditions.*.message',
  'binding status.computedSpiffeIDs.*.spiffeID',
  'binding status.claim.name',
  'objective spec.poolRef.name',
  'event reason',
  'event note',
  'pod spec.serviceAccountName',
  'pod spec.nodeName',
  'pod spec.containers.*.name',
  'live type',
  'live subject',
  'live trigger',
  'live reason',
  'live source',
];

/** Whether one of the texts with this mark is in there; it may have been cut. */
function isShown(mark: string, text: string): boolean {
  return [toHostile(mark), toShortHostile(mark)].some((whole) =>
    text.includes(whole.slice(0, mark.length + 5)),
  );
}

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
  for (const kind of ['binding', 'output', 'pool', 'objective', 'event', 'pod'] as const)
    for (const [name, paths] of Map.groupBy(listTexts(await find(here, kind, 'example')), toFieldName))
      fields.push({ name: `${kind} ${name}`, kind, paths, mark: `f${fields.length}x` });
  for (const { mark } of fields) await here.create(...toObjects(mark));
  for (const { mark } of fields)
    await eventually(async () => expect(await here.events(mark)).not.toEqual([]));
  await stack.stop();

  const written: Field[] = [];
  for (const field of fields) if (await write(here, field)) written.push(field);
  return written;
}

/** A binding, its pool and its objective, and a pod that it is for, all of one name. */
function toObjects(name: string): Manifest[] {
  const refs = { poolRef: { name }, objectiveRef: { name }, containerName: name };
  const pod = podManifest({ name, labels: { app: name }, containers: [name] });
  return [pool(name, { app: name }), objective(name, { name }), binding(name, refs), pod].map((object) => ({
    ...object,
    metadata: {
      ...object.metadata,
      annotations: { note: 'x' },
      labels: { ...object.metadata.labels, team: 'x' },
    },
  }));
}

/** An Event cannot be changed, so it is one more. A status has a path of its own. */
function toWriting({ kind, paths, mark }: Field, content: Stored): Parameters<KubeClient['ask']>[0] {
  if (kind === 'event') {
    const { namespace = '' } = content.metadata;
    const event = { ...content, metadata: { name: `${mark}.hostile`, namespace } };
    return { method: 'POST', path: toListPath(event), content: event };
  }
  const subresource = paths[0]?.[0] === 'status' ? '/status' : '';
  return { method: 'PUT', path: toPath(content) + subresource, content };
}

function toFieldName(path: TextPath): string {
  return path.map((key) => (/^\d+$/.test(key) ? '*' : key)).join('.');
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
    case 'pod':
      return await here.get(podManifest({ name }));
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
async function write(here: TestNamespace, field: Field): Promise<boolean> {
  const { kind, paths, mark } = field;
  const object = await find(here, kind, mark);
  for (const text of [toHostile(mark), toShortHostile(mark)]) {
    const content = paths.reduce((changed, path) => replaceText(changed, path, text), object);
    const { status } = await cluster.kube.ask(toWriting(field, content));
    if (status < 300) return true;
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

/** Follows the links; says what it saw. Of a page that is asked something in the address, a few are enough. */
async function crawl(page: Page, paths: readonly string[]) {
  const [pages, asked] = [new Set(paths), new Map<string, number>()];
  const [foreigners, texts] = [[] as string[], [] as string[]];
  for (const path of pages) {
    await page.goto(`${url}${path}`, { waitUntil: 'domcontentloaded' });
    const seen = (await page.evaluate(`({
      text: document.title + document.documentElement.textContent,
      foreign: [...document.querySelectorAll(${JSON.stringify(foreign)})].map((element) => element.outerHTML),
      links: [...document.querySelectorAll('a')].map((link) => link.getAttribute('href').replace(/#.*/, '')),
    })`)) as { text: string; foreign: string[]; links: string[] };
    texts.push(seen.text);
    foreigners.push(...seen.foreign.map((html) => `${path}: ${html}`));
    for (const link of seen.links.filter((to) => to !== '' && !pages.has(to))) {
      const [place = '', question] = link.split('?', 2);
      const times = (asked.get(place) ?? 0) + 1;
      if (question !== undefined) asked.set(place, times);
      if (question === undefined || times <= 3) pages.add(link);
    }
    expect(pages.size).toBeLessThan(300);
  }
  return { pages: [...pages], foreign: foreigners, text: texts.join('\n') };
}
