// How long it takes on a real Knative from `apply` of a binding until it is Ready, when no function runs and when all
// are warm, beside the least that there can be: a service of a few lines of node:http, alone and two of them in a chain,
// behind an ApiServerSource, a Broker and Triggers of the same kind, from the same image.
//
//   npm run bench:from-zero -- --kubeconfig FILE --image NAME:TAG [--runs 10] [--warm 20]
//
// kleym must be there as docs/install.md says, and with it the definitions of pools and objectives. It is measured as it
// is installed: for each run the bench waits until the autoscaler has taken the last pod of every function, and that pod
// has ended. That takes three to four minutes of quiet, and the sweep comes every five: count on five minutes a run.
// The trivial services have a shorter window of their own. Those of one round are measured one after the other, in
// another order each time; only the first may find a machine on which really nothing else starts.
import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { KubeConfig } from '@kubernetes/client-node';
import { startFaultProxy } from '../support/fault-proxy.ts';
import { binding, objective, pool } from '../support/manifests.ts';
import { type Manifest, type KubeClient, type Stored, createKubeClient } from '../support/kube-client.ts';
import { at, trivialObjects } from './trivial-objects.ts';

/** What is timed: an object that is applied, and how it looks when all is done. */
interface Subject {
  readonly title: string;
  readonly make: (run: string) => Manifest;
  readonly isDone: (object: Stored) => boolean;
}

const { values } = parseArgs({
  options: {
    kubeconfig: { type: 'string' },
    image: { type: 'string' },
    runs: { type: 'string', default: '10' },
    warm: { type: 'string', default: '20' },
  },
});
if (values.kubeconfig === undefined || values.image === undefined)
  throw new Error('npm run bench:from-zero -- --kubeconfig FILE --image NAME:TAG [--runs 10] [--warm 20]');

const place = 'kleym-bench';
const kleym = 'kleym-system';
const zeroSeconds = 1800;
const subjects: readonly Subject[] = [
  { title: 'one trivial service', make: (run) => configMap(`single-${run}`), isDone: isSeen },
  { title: 'two in a chain', make: (run) => configMap(`chain-${run}`), isDone: isSeen },
  {
    title: 'kleym: apply until Ready',
    make: (run) => at(place, binding(`run-${run}`, { containerName: `run-${run}` })),
    isDone: isReady,
  },
];

const kubeConfig = new KubeConfig();
kubeConfig.loadFromString(await readFile(values.kubeconfig, 'utf8'));
const proxy = await startFaultProxy(kubeConfig);
const kube = createKubeClient(proxy.url);
try {
  await install(kube, values.image);
  const zero = await measureFromZero(Number(values.runs));
  print('from zero', zero);
  print('warm', await measureWarm(Number(values.warm)));
} finally {
  await remove(kube);
  await proxy.close();
}

async function measureFromZero(runs: number): Promise<Map<Subject, number[]>> {
  const times = new Map<Subject, number[]>(subjects.map((subject) => [subject, []]));
  for (let run = 0; run < runs; run += 1) {
    await untilZero(kube);
    const turn = subjects.map((_, index) => subjects[(index + run) % subjects.length]);
    for (const subject of turn) {
      if (!subject) continue;
      times.get(subject)?.push(await measure(subject, `zero-${run}`));
      // What follows from it (the object is deleted, statuses are told) must not meet the next.
      await sleep(3000);
    }
    const last = subjects.map((subject) => `${subject.title} ${times.get(subject)?.at(-1)?.toFixed(0)} ms`);
    process.stdout.write(`${run + 1}. ${last.join(', ')}\n`);
  }
  return times;
}

async function measureWarm(runs: number): Promise<Map<Subject, number[]>> {
  const times = new Map<Subject, number[]>(subjects.map((subject) => [subject, []]));
  // The first round starts what is at zero.
  for (let run = -1; run < runs; run += 1) {
    for (const subject of subjects) {
      const taken = await measure(subject, `warm-${run + 1}`);
      if (run >= 0) times.get(subject)?.push(taken);
      await sleep(250);
    }
  }
  return times;
}

/** Milliseconds from the request that applies the object until a watch shows that all is done; then the object goes. */
async function measure({ make, isDone }: Subject, run: string): Promise<number> {
  const object = make(run);
  const done = await watchUntil(object, isDone);
  const start = performance.now();
  await kube.apply(object);
  const taken = (await done.seen) - start;
  await kube.delete(object);
  await until(async () => (await kube.get(object)) === undefined, `${object.metadata.name} is gone`);
  return taken;
}

/** Opens a watch on an object that is not there yet; resolves with the moment at which it is as it should be. */
async function watchUntil(
  { apiVersion, kind, metadata }: Manifest,
  isDone: (object: Stored) => boolean,
): Promise<{ readonly seen: Promise<number> }> {
  const root = apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
  const query = `watch=true&fieldSelector=metadata.name%3D${metadata.name}`;
  const path = `${root}/namespaces/${metadata.namespace}/${kind.toLowerCase()}s?${query}`;
  const ending = new AbortController();
  const response = await fetch(`${proxy.url}${path}`, { signal: ending.signal });
  if (!response.ok || !response.body) throw new Error(`GET ${path}: ${response.status}`);
  const { body } = response;
  return { seen: readUntil(body, isDone).finally(() => ending.abort()) };
}

async function readUntil(
  body: AsyncIterable<Uint8Array>,
  isDone: (object: Stored) => boolean,
): Promise<number> {
  const decoder = new TextDecoder();
  let text = '';
  for await (const chunk of body) {
    const now = performance.now();
    const lines = (text + decoder.decode(chunk, { stream: true })).split('\n');
    text = lines.pop() ?? '';
    const objects = lines.map((line) => (JSON.parse(line) as { readonly object: Stored }).object);
    if (objects.some(isDone)) return now;
  }
  throw new Error('the watch ended before it was done');
}

/** Waits until no pod of any function is there, those that are ending included. */
async function untilZero(kube: KubeClient): Promise<void> {
  const lists = () =>
    Promise.all(
      [kleym, place].map((namespace) =>
        kube.list({ apiVersion: 'v1', kind: 'Pod', namespace, labelSelector: 'serving.knative.dev/service' }),
      ),
    );
  await until(async () => (await lists()).flat().length === 0, 'no function runs', zeroSeconds);
  // The gateway and the activator hear of it a moment later.
  await sleep(3000);
}

async function install(kube: KubeClient, image: string): Promise<void> {
  await kube.apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: place } });
  for (const object of [...trivialObjects(place, image), at(place, pool()), at(place, objective())])
    await kube.apply(object);
  await until(async () => (await unready(kube)).length === 0, 'everything is Ready');
  // A new namespace restarts the adapters of kleym's sources, and one that is Ready may not watch yet.
  await sleep(15_000);
  for (const subject of subjects) await measure(subject, 'first');
}

async function remove(kube: KubeClient): Promise<void> {
  await kube.delete({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: place } });
}

async function unready(kube: KubeClient): Promise<Stored[]> {
  const lists = [
    { apiVersion: 'serving.knative.dev/v1', kind: 'Service', namespace: place },
    { apiVersion: 'eventing.knative.dev/v1', kind: 'Trigger', namespace: place },
    { apiVersion: 'sources.knative.dev/v1', kind: 'ApiServerSource', namespace: place },
    {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      namespace: kleym,
      labelSelector: 'eventing.knative.dev/source',
    },
  ].map((where) => kube.list(where));
  return (await Promise.all(lists)).flat().filter((object) => !isUp(object));
}

function isUp(object: Stored): boolean {
  const { replicas } = (object['spec'] ?? {}) as { readonly replicas?: number };
  return replicas === 0 || ['Ready', 'Available'].some((type) => statusOf(object, type) === 'True');
}

function configMap(name: string): Manifest {
  return at(place, { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name }, data: {} });
}

function isSeen(object: Stored): boolean {
  return (object['data'] as { readonly seen?: string } | undefined)?.seen === 'true';
}

function isReady(object: Stored): boolean {
  return statusOf(object, 'Ready') === 'True';
}

function statusOf(object: Stored, type: string): string | undefined {
  const { conditions = [] } = (object['status'] ?? {}) as {
    readonly conditions?: readonly { readonly type: string; readonly status: string }[];
  };
  return conditions.find((condition) => condition.type === type)?.status;
}

async function until(isDone: () => Promise<boolean>, what: string, seconds = 300): Promise<void> {
  const deadline = performance.now() + seconds * 1000;
  while (!(await isDone())) {
    if (performance.now() > deadline) throw new Error(`waited ${seconds} s in vain until ${what}`);
    await sleep(250);
  }
}

function print(title: string, times: ReadonlyMap<Subject, readonly number[]>): void {
  const [trivial = []] = times.values();
  process.stdout.write(`\n${toRow([title, 'n', 'median', 'least', 'most', 'ratio'])}`);
  for (const [subject, all] of times) {
    const figures = [median(all), Math.min(...all), Math.max(...all)].map((ms) => `${ms.toFixed(0)} ms`);
    const ratio = (median(all) / median(trivial)).toFixed(2);
    process.stdout.write(toRow([subject.title, String(all.length), ...figures, ratio]));
  }
}

function toRow(cells: readonly string[]): string {
  return `${cells.map((cell, index) => (index === 0 ? cell.padEnd(26) : cell.padStart(9))).join(' ')}\n`;
}

function median(numbers: readonly number[]): number {
  const sorted = numbers.toSorted((a, b) => a - b);
  const middle = sorted.length / 2;
  return ((sorted[Math.ceil(middle) - 1] ?? 0) + (sorted[Math.floor(middle)] ?? 0)) / 2;
}
