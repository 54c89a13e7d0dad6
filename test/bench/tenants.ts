// How long a new binding takes in one namespace while another one makes trouble. The product runs as a process of its
// own, under the memory limit of its container, on a real API server that is new for each storm.
//
//   npm run bench:tenants                                    all storms
//   npm run bench:tenants -- --storm crowd --scale 0.1       one of them, a tenth of its size
//   npm run bench:tenants -- --samples 30 --most 120 --patience 60 --memory 512
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { type KeptProcesses, openKeptProcesses } from '../real/kept-processes.ts';
import type { Stored } from '../support/kube-client.ts';
import type { BareClient } from './bare-client.ts';
import { type BenchCluster, openBenchCluster } from './bench-cluster.ts';
import { type Prepared, createNamespace, prepareOwnPools } from './bench-namespace.ts';
import { median, quantile, range, say, toMs, toRatio } from './figures.ts';
import { limitMemory } from './memory-limit.ts';
import { createInRhythm } from './new-bindings.ts';
import { type Product, startProduct } from './product.ts';
import { bindingsIn, watchObjects, wordsOf } from './ready-watch.ts';
import { type Storm, nameOf, storms } from './storms.ts';

const { values } = parseArgs({
  options: {
    storm: { type: 'string', multiple: true },
    scale: { type: 'string', default: '1' },
    samples: { type: 'string', default: '30' },
    most: { type: 'string', default: '120' },
    patience: { type: 'string', default: '60' },
    memory: { type: 'string', default: '512' },
  },
});
const fewest = Number(values.samples);
const most = Math.max(fewest, Number(values.most));
const patienceMs = Number(values.patience) * 1000;
const rhythm = { everyMs: 1000, patienceMs };
const baselines = Math.min(fewest, 10);

for (const name of values.storm ?? Object.keys(storms)) {
  const storm = storms[name];
  if (!storm) throw new Error(`there is no storm ${name}; there are ${Object.keys(storms).join(', ')}`);
  const cluster = await openBenchCluster(undefined);
  const processes = await openKeptProcesses('kleym-bench');
  const limit = limitMemory(Number(values.memory));
  try {
    const size = Math.max(1, Math.round(storm.size * Number(values.scale)));
    say(`${name}: ${size} ${storm.title}`);
    say(`  limit                ${limit.title}`);
    print(await measure({ storm, size, cluster, processes, options: limit.options }));
    if (limit.wasExceeded()) say('  the kernel killed it for its memory');
  } finally {
    await processes.end();
    await cluster.stop();
    limit.remove();
  }
}

interface Setting {
  readonly storm: Storm;
  readonly size: number;
  readonly cluster: BenchCluster;
  readonly processes: KeptProcesses;
  readonly options: Parameters<typeof startProduct>[2];
}

interface Result {
  readonly before: readonly number[];
  readonly during: readonly number[];
  /** Milliseconds since the storm began until the product was through with it, if it was. */
  readonly done: number | undefined;
  /** How many of the storm's bindings are not through, and what is said of the first of them. */
  readonly left: number;
  readonly words: string;
  readonly size: number;
  readonly peak: number;
  readonly slowestHealth: number;
  readonly longestDelay: number;
  readonly died: string | undefined;
}

async function measure({ storm, size, cluster, processes, options }: Setting): Promise<Result> {
  const { client } = cluster;
  const loopFile = join(processes.folder, 'loop-delay');
  const preload = ['--import', import.meta.resolve('./loop-delay.ts')];
  const settings = {
    ...options,
    ...storm.product,
    nodeArgs: [...(options?.nodeArgs ?? []), ...preload],
    env: { ...storm.product?.env, KLEYM_BENCH_LOOP_FILE: loopFile },
  };
  const quiet = await prepareNeighbour(client, 'quiet', baselines);
  const neighbour = await prepareNeighbour(client, 'neighbour', most);
  const first = await startProduct(processes, cluster, settings);
  await first.settle();
  const before = await createInRhythm(client, quiet, { ...rhythm, isOver: () => false });
  await first.stop();

  const place = { client, namespace: 'storm', size };
  await storm.prepare(place);
  const watch = await watchObjects(client, bindingsIn(place.namespace));
  const through = watch.follow(range(size).map(nameOf), storm.isDone);
  const began = Date.now();
  const since = performance.now();
  let at: number | undefined;
  void through.done.then((when) => (at = when - since));
  const product = await startProduct(processes, cluster, settings);
  const health = followHealth(product);
  let raging = true;
  const rage = storm.rage(place).finally(() => (raging = false));
  const isOver = (taken: number) =>
    !product.process.isRunning() || (taken >= fewest && !raging && at !== undefined);
  const during = await createInRhythm(client, neighbour, { ...rhythm, isOver });
  const { slowest: slowestHealth, peak } = await health();
  await Promise.race([rage, sleep(patienceMs, undefined, { ref: false })]);
  const died = product.process.isRunning() ? undefined : await product.process.tail();
  const longestDelay = await readLongest(loopFile, began);
  const left = through.left();
  const words = await readWords(client, place.namespace, left[0]);
  watch.stop();
  return {
    before,
    during,
    done: at,
    left: left.length,
    words,
    size,
    peak,
    slowestHealth,
    longestDelay,
    died,
  };
}

async function readWords(client: BareClient, namespace: string, name: string | undefined): Promise<string> {
  if (name === undefined) return '';
  const found = await client.send('GET', `${bindingsIn(namespace)}/${name}`);
  return `${name}: ${wordsOf(found as Stored)}`;
}

async function prepareNeighbour(client: BareClient, namespace: string, count: number): Promise<Prepared[]> {
  await createNamespace(client, namespace);
  const names = range(count).map((index) => `new-${index}`);
  return prepareOwnPools(client, namespace, names);
}

interface Health {
  readonly slowest: number;
  readonly peak: number;
}

/** Looks at the process again and again: how long /healthz took at most, and the most memory, even if it dies. */
function followHealth(product: Product): () => Promise<Health> {
  const url = `${product.functionsUrl()}/reconcile/healthz`;
  const health = { slowest: 0, peak: 0 };
  const ending = new AbortController();
  async function follow(): Promise<void> {
    while (!ending.signal.aborted && product.process.isRunning()) {
      const since = performance.now();
      await fetch(url, { signal: AbortSignal.timeout(patienceMs) })
        .then((answer) => answer.text())
        .catch(() => {});
      health.slowest = Math.max(health.slowest, performance.now() - since);
      health.peak = Math.max(health.peak, (await product.memory()).most);
      await sleep(200);
    }
  }
  const followed = follow();
  return async () => {
    ending.abort();
    await followed;
    return health;
  };
}

async function readLongest(file: string, began: number): Promise<number> {
  const text = await readFile(file, 'utf8').catch(() => '');
  const lines = text.split('\n').map((line) => line.split(' ').map(Number));
  return Math.max(0, ...lines.filter(([at = 0]) => at > began).map(([, delay = 0]) => delay));
}

function toText(ms: number): string {
  return Number.isFinite(ms) ? toMs(ms) : `> ${values.patience} s`;
}

function toLine(times: readonly number[]): string {
  const [middle, high, longest] = [median(times), quantile(times, 0.9), Math.max(...times)].map(toText);
  return `median ${middle}, p90 ${high}, max ${longest} (${times.length} samples)`;
}

function print({
  before,
  during,
  done,
  left,
  words,
  size,
  peak,
  slowestHealth,
  longestDelay,
  died,
}: Result): void {
  say(`  without the storm    ${toLine(before)}`);
  say(
    `  during the storm     ${toLine(during)}: ${toRatio(median(during), median(before))}, p90 ${toRatio(quantile(during, 0.9), quantile(before, 0.9))}`,
  );
  const progress =
    done === undefined
      ? `not done, ${left} of ${size} left; ${words}`
      : `done after ${(done / 1000).toFixed(0)} s`;
  say(`  the storm itself     ${progress}`);
  say(
    `  the process          at most ${peak} MB, event loop held up ${toMs(longestDelay)}, /healthz ${toMs(slowestHealth)} at most`,
  );
  if (died !== undefined) say(`  it died; it wrote:\n${died}`);
}
