// How long a new binding takes in one namespace while another one makes trouble. The product runs as a process of its
// own, under the memory limit of its container, on a real API server that is new for each storm. The floor is the same
// without the product, on an API server of its own: bare clients make the writes for the storm and for the binding.
//
//   npm run bench:tenants                                    all storms
//   npm run bench:tenants -- --storm crowd --scale 0.1       one of them, a tenth of its size
//   npm run bench:tenants -- --samples 30 --most 120 --patience 60 --memory 512
//   npm run bench:tenants -- --profile FOLDER                writes a CPU profile of npm start
//   npm run bench:tenants -- --requests                      says what it asked of the API server
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { type KeptProcesses, openKeptProcesses } from '../real/kept-processes.ts';
import type { Stored } from '../support/kube-client.ts';
import { type BareClient, atOnce, createBareClient } from './bare-client.ts';
import { type BenchCluster, countRequests, openBenchCluster, printCounts } from './bench-cluster.ts';
import { type Prepared, createNamespace, prepareOwnPools } from './bench-namespace.ts';
import { forEach, median, quantile, range, say, time, toMs, toRatio } from './figures.ts';
import { limitMemory } from './memory-limit.ts';
import { createBareInRhythm, createInRhythm } from './new-bindings.ts';
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
    profile: { type: 'string' },
    requests: { type: 'boolean', default: false },
  },
});
const fewest = Number(values.samples);
const most = Math.max(fewest, Number(values.most));
const patienceMs = Number(values.patience) * 1000;
const rhythm = { everyMs: 1000, patienceMs };
const baselines = Math.min(fewest, 10);
const profiling = values.profile === undefined ? [] : ['--cpu-prof', '--cpu-prof-dir', values.profile];

for (const name of values.storm ?? Object.keys(storms)) {
  const storm = storms[name];
  if (!storm) throw new Error(`there is no storm ${name}; there are ${Object.keys(storms).join(', ')}`);
  const size = Math.max(1, Math.round(storm.size * Number(values.scale)));
  say(`${name}: ${size} ${storm.title}`);
  await onNewCluster(async (cluster) => printFloor(await measureFloor({ storm, size, cluster })));
  const limit = limitMemory(Number(values.memory));
  say(`  limit                ${limit.title}`);
  try {
    await onNewCluster(async (cluster) => {
      const processes = await openKeptProcesses('kleym-bench');
      try {
        print(await measure({ storm, size, cluster, processes, options: limit.options }));
      } finally {
        await processes.end();
      }
    });
    if (limit.wasExceeded()) say('  the kernel killed it for its memory');
  } finally {
    limit.remove();
  }
}

async function onNewCluster(use: (cluster: BenchCluster) => Promise<void>): Promise<void> {
  const cluster = await openBenchCluster(undefined);
  try {
    await use(cluster);
  } finally {
    await cluster.stop();
  }
}

interface FloorSetting {
  readonly storm: Storm;
  readonly size: number;
  readonly cluster: BenchCluster;
}

interface Floor {
  readonly before: readonly number[];
  readonly during: readonly number[];
  /** Milliseconds that the writes for the storm took. */
  readonly took: number;
}

async function measureFloor({ storm, size, cluster }: FloorSetting): Promise<Floor> {
  const quiet = await prepareNeighbour(cluster.client, 'quiet', baselines);
  const neighbour = await prepareNeighbour(cluster.client, 'neighbour', most);
  const bareRhythm = { ...rhythm, everyMs: 200 };
  const before = await createBareInRhythm(cluster.client, quiet, { ...bareRhythm, isOver: () => false });

  const place = { client: await createBareClient(cluster.kubeconfig), namespace: 'storm', size };
  const prepared = await storm.prepare(place);
  let raging = true;
  const rage = time(() => storm.rageBare(place, prepared)).finally(() => (raging = false));
  const during = await createBareInRhythm(cluster.client, neighbour, {
    ...bareRhythm,
    isOver: () => !raging,
  });
  const took = await rage;
  place.client.close();
  return { before, during, took };
}

interface Setting extends FloorSetting {
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
    nodeArgs: [...(options?.nodeArgs ?? []), ...preload, ...profiling],
    env: { ...storm.product?.env, KLEYM_BENCH_LOOP_FILE: loopFile },
  };
  const quiet = await prepareNeighbour(client, 'quiet', baselines);
  const neighbour = await prepareNeighbour(client, 'neighbour', most);
  const first = await startProduct(processes, cluster, settings);
  await first.settle();
  const before = await createInRhythm(client, quiet, { ...rhythm, isOver: () => false });
  await first.stop();

  // A client of its own, or the neighbour would wait for one of its connections.
  const place = { client: await createBareClient(cluster.kubeconfig), namespace: 'storm', size };
  const prepared = await storm.prepare(place);
  const { before: createBefore } = storm;
  if (createBefore) await forEach(prepared, atOnce, (one) => createBefore(place.client, one));
  const watch = await watchObjects(client, bindingsIn(place.namespace));
  const through = watch.follow(range(size).map(nameOf), storm.isDone);
  const began = Date.now();
  const since = performance.now();
  let at: number | undefined;
  void through.done.then((when) => (at = when - since));
  await cluster.audit?.next();
  const product = await startProduct(processes, cluster, settings);
  const health = followHealth(product);
  let raging = true;
  const rage = storm.rage(place, prepared).finally(() => (raging = false));
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
  place.client.close();
  await product.stop();
  if (values.requests) printCounts(countRequests((await cluster.audit?.next()) ?? []), 1);
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

function printFloor({ before, during, took }: Floor): void {
  const ratio = toRatio(median(during), median(before));
  say(`  floor, no storm      ${toLine(before)}`);
  say(`  floor, storm         ${toLine(during)}: ${ratio}; the storm took ${(took / 1000).toFixed(0)} s`);
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
