// How fast the product is on a real API server, as ratios to what a bare client needs for the same writes in the same
// run: absolute figures say more about the machine than about us.
//
//   npm run bench                                   one more binding, many at once, a pool edit
//   npm run bench -- --sizes 10,1000,10000 --bulk 1000,10000 --singles 20
//   npm run bench -- --kubeconfig FILE              on a cluster that is there; requests are not counted then
//   npm run bench -- --profile FOLDER               writes a CPU profile of npm start
//   npm run bench -- --requests                     says of what kind the requests are
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { type KeptProcesses, openKeptProcesses } from '../real/kept-processes.ts';
import { pool } from '../support/manifests.ts';
import type { Stored } from '../support/kube-client.ts';
import { type BareClient, atOnce, createBareClient } from './bare-client.ts';
import { type BareReads, createBareReads } from './bare-reads.ts';
import { type BenchCluster, type Counts, openBenchCluster, printCounts, sumOf } from './bench-cluster.ts';
import {
  type Created,
  type Prepared,
  announceBare,
  createAtRest,
  createBare,
  createNamespace,
  inside,
  moveBare,
  prepareOnePool,
  prepareOwnPools,
} from './bench-namespace.ts';
import { forEach, median, parseNumbers, quantile, range, say, time, toMs, toRatio } from './figures.ts';
import { type Product, startProduct } from './product.ts';
import { createBareInRhythm, createInRhythm, createUntilReady } from './new-bindings.ts';
import {
  type ObjectWatch,
  bindingsIn,
  isReady,
  outputsPath,
  poolGenerationOf,
  watchObjects,
} from './ready-watch.ts';

const { values } = parseArgs({
  options: {
    kubeconfig: { type: 'string' },
    sizes: { type: 'string', default: '10,1000,10000' },
    singles: { type: 'string', default: '20' },
    bulk: { type: 'string', default: '1000' },
    profile: { type: 'string' },
    requests: { type: 'boolean', default: false },
  },
});
const sizes = parseNumbers(values.sizes);
const singles = Number(values.singles);
const bulks = parseNumbers(values.bulk);
const warmUps = 3;
/** So that one binding does not meet what the one before still leads to: its Event, and the events of its own writes. */
const betweenMs = 100;
const floorWarmUps = 20;
/** What is not ready by then takes for ever. */
const patienceMs = 300_000;
/** More than can be created beside a bulk. */
const besides = 400;
const besideEveryMs = 500;
/** So that namespaces of several runs do not meet on a cluster that is there. */
const run = Date.now().toString(36);
const besideNamespace = `beside-${run}`;

interface Floors {
  readonly single: number;
  /** The same with the reads between the writes. */
  readonly singleWithReads: number;
  /** Milliseconds for all bindings of a bulk, by its size. */
  readonly bulk: ReadonlyMap<number, number>;
  readonly move: ReadonlyMap<number, number>;
  /** Milliseconds of single ones in another namespace, while the bulk of a size is written. */
  readonly beside: ReadonlyMap<number, readonly number[]>;
}

const cluster = await openBenchCluster(values.kubeconfig);
const processes = await openKeptProcesses('kleym-bench');
try {
  await runBench(cluster, processes);
} finally {
  await processes.end();
  await cluster.stop();
}

async function runBench(cluster: BenchCluster, processes: KeptProcesses): Promise<void> {
  const { client } = cluster;
  const prepared = new Map<string, Prepared[]>();
  for (const size of sizes) prepared.set(`size-${size}`, await seed(client, `size-${size}-${run}`, size));
  prepared.set('beside', await seed(client, besideNamespace, 10));
  const before = await measureFloors(cluster, 'before');
  for (const size of bulks) {
    await createNamespace(client, `bulk-${size}-${run}`);
    prepared.set(`bulk-${size}`, await prepareOnePool(client, `bulk-${size}-${run}`, size));
  }

  const nodeArgs = values.profile === undefined ? [] : ['--cpu-prof', '--cpu-prof-dir', values.profile];
  const product = await startProduct(processes, cluster, { nodeArgs });
  await cluster.audit?.next();
  const atStart = await product.settle();
  if (cluster.audit) say(`what is at rest is left alone: ${sumOf(atStart, 'write')} writes at the start`);
  const measured: Measured[] = [];
  for (const size of sizes)
    measured.push(
      await measureSingles(product, client, `beside ${size} others`, prepared.get(`size-${size}`)),
    );
  const idle = await measureSingles(product, client, 'beside 10 others, idle', prepared.get('beside'));
  const bulkMeasured: BulkMeasured[] = [];
  for (const size of bulks)
    bulkMeasured.push(await measureBulk(product, cluster, prepared.get(`bulk-${size}`) ?? [], size));
  await product.stop();

  const after = await measureFloors(cluster, 'after');
  print({ measured, idle, bulkMeasured, floors: { before, after } });
}

/** A namespace with so many bindings at rest, and more that may be created. */
async function seed(client: BareClient, namespace: string, size: number): Promise<Prepared[]> {
  await createNamespace(client, namespace);
  const resting = await prepareOwnPools(
    client,
    namespace,
    range(size).map((index) => `rest-${index}`),
  );
  await forEach(resting, atOnce, (one) => createAtRest(client, one));
  return prepareOwnPools(
    client,
    namespace,
    range(warmUps + singles).map((index) => `more-${index}`),
  );
}

async function measureFloors({ client, kubeconfig }: BenchCluster, when: string): Promise<Floors> {
  const namespace = `floor-${when}-${run}`;
  await createNamespace(client, namespace);
  const single = await measureFloorOfSingles(client, namespace, 'floor');
  const singleWithReads = await measureFloorOfSingles(client, namespace, 'reading', createBareReads(client));
  const floors = {
    single,
    singleWithReads,
    bulk: new Map(),
    move: new Map(),
    beside: new Map(),
  };
  for (const size of bulks) {
    const place = `floor-${when}-${size}-${run}`;
    await createNamespace(client, place);
    const created: Created[] = [];
    const prepared = await prepareOnePool(client, place, size);
    const neighbours = await prepareOwnPools(client, namespace, nameNeighbours(size));
    const other = await createBareClient(kubeconfig);
    let isDone = false;
    const rhythm = { everyMs: besideEveryMs, patienceMs, isOver: () => isDone };
    const beside = createBareInRhythm(other, neighbours, rhythm);
    const bulk = await time(() =>
      forEach(prepared, atOnce, async (one) => {
        const done = await createBare(client, one);
        await announceBare(client, done.binding, 'ready');
        created.push(done);
      }),
    );
    isDone = true;
    floors.bulk.set(size, bulk);
    floors.beside.set(size, await beside);
    other.close();
    const edited = await editPool(client, place);
    floors.move.set(size, await time(() => forEach(created, atOnce, (one) => moveBare(client, one, edited))));
  }
  return floors;
}

async function measureFloorOfSingles(
  client: BareClient,
  namespace: string,
  prefix: string,
  reads?: BareReads,
): Promise<number> {
  const names = range(singles + floorWarmUps).map((index) => `${prefix}-${index}`);
  const times: number[] = [];
  for (const one of await prepareOwnPools(client, namespace, names)) {
    await sleep(betweenMs);
    times.push(await time(() => createBare(client, one, reads)));
  }
  return median(times.slice(floorWarmUps));
}

function nameNeighbours(size: number): string[] {
  return range(besides).map((index) => `beside-${size}-${index}`);
}

interface Measured {
  readonly title: string;
  readonly times: readonly number[];
  readonly counts: Counts;
}

async function measureSingles(
  product: Product,
  client: BareClient,
  title: string,
  prepared: readonly Prepared[] = [],
): Promise<Measured> {
  const [first] = prepared;
  if (!first) throw new Error(`nothing is prepared ${title}`);
  const watch = await watchObjects(client, bindingsIn(first.manifest.metadata.namespace ?? ''));
  try {
    const createOne = (one: Prepared) => createUntilReady(client, watch, one, patienceMs);
    for (const one of prepared.slice(0, warmUps)) await createOne(one);
    await product.settle();
    const times: number[] = [];
    for (const one of prepared.slice(warmUps, warmUps + singles)) {
      await sleep(betweenMs);
      times.push(await createOne(one));
    }
    return { title, times, counts: await product.settle() };
  } finally {
    watch.stop();
  }
}

interface BulkMeasured {
  readonly size: number;
  readonly took: number;
  readonly beside: readonly number[];
  readonly counts: Counts;
  readonly cpu: number;
  readonly peak: number;
  readonly moved: { readonly took: number; readonly counts: Counts; readonly cpu: number };
}

async function measureBulk(
  product: Product,
  { client, kubeconfig }: BenchCluster,
  prepared: readonly Prepared[],
  size: number,
): Promise<BulkMeasured> {
  const namespace = prepared[0]?.manifest.metadata.namespace ?? '';
  const watch = await watchObjects(client, bindingsIn(namespace));
  try {
    await product.forgetPeak();
    const names = prepared.map(({ manifest }) => manifest.metadata.name);
    const neighbours = await prepareOwnPools(client, besideNamespace, nameNeighbours(size));
    await product.settle();
    const cpu = await product.cpu();
    const ready = watch.until(names, isReady);
    let isDone = false;
    void ready.then(() => (isDone = true));
    const rhythm = { everyMs: besideEveryMs, patienceMs, isOver: () => isDone };
    // A client of its own, or the neighbour would wait for one of the connections over which the bulk is created.
    const other = await createBareClient(kubeconfig);
    const besideDone = createInRhythm(other, neighbours, rhythm);
    const since = performance.now();
    await forEach(prepared, atOnce, ({ manifest }) => client.create(manifest));
    const took = (await ready) - since;
    const beside = await besideDone;
    other.close();
    const counts = await product.settle(besideNamespace);
    const used = (await product.cpu()) - cpu;
    const moved = await measureMove(product, client, { namespace, names, watch });
    const { most: peak } = await product.memory();
    return { size, took, beside, counts, cpu: used, peak, moved };
  } finally {
    watch.stop();
  }
}

interface Crowd {
  readonly namespace: string;
  readonly names: readonly string[];
  readonly watch: ObjectWatch;
}

/** The pool is edited until all outputs have moved and all bindings say so. */
async function measureMove(
  product: Product,
  client: BareClient,
  { namespace, names, watch }: Crowd,
): Promise<BulkMeasured['moved']> {
  const query = `labelSelector=kleym.sonda.red/binding-namespace=${namespace}`;
  const list = (await client.send('GET', `${outputsPath}?${query}`)) as {
    readonly items: readonly { readonly metadata: { readonly name: string } }[];
  };
  const outputs = await watchObjects(client, outputsPath, query);
  try {
    const moved = outputs.until(
      list.items.map(({ metadata }) => metadata.name),
      ({ spec }) => JSON.stringify(spec).includes('"matchLabels":{"app":"two"}'),
    );
    const said = watch.until(names, (object) => isReady(object) && poolGenerationOf(object) === 2);
    const cpu = await product.cpu();
    const since = performance.now();
    await editPool(client, namespace);
    const took = Math.max(...(await Promise.all([moved, said]))) - since;
    const counts = await product.settle();
    return { took, counts, cpu: (await product.cpu()) - cpu };
  } finally {
    outputs.stop();
  }
}

function editPool(client: BareClient, namespace: string): Promise<Stored> {
  const spec = { selector: { matchLabels: { app: 'two' } } };
  return client.patch(inside(namespace, pool('pool')), { spec });
}

interface Result {
  readonly measured: readonly Measured[];
  readonly idle: Measured;
  readonly bulkMeasured: readonly BulkMeasured[];
  readonly floors: { readonly before: Floors; readonly after: Floors };
}

function print({ measured, idle, bulkMeasured, floors: { before, after } }: Result): void {
  say(
    '\none more binding, created until Ready (median, p90)                     x floor   lists, gets, writes each',
  );
  const floor = (before.single + after.single) / 2;
  say(
    `  the same writes by a bare client              ${toMs(floor)} (${toMs(before.single)} before, ${toMs(after.single)} after)`,
  );
  const reading = (before.singleWithReads + after.singleWithReads) / 2;
  say(
    `  … and the same reads between them             ${toMs(reading)} (${toMs(before.singleWithReads)} before, ${toMs(after.singleWithReads)} after): ${toRatio(reading, floor)}`,
  );
  for (const one of [...measured, idle]) printSingles(one, floor);
  for (const one of bulkMeasured) {
    const { size } = one;
    const floorOf = (kind: 'bulk' | 'move') =>
      ((before[kind].get(size) ?? Number.NaN) + (after[kind].get(size) ?? Number.NaN)) / 2;
    const beside = [...(before.beside.get(size) ?? []), ...(after.beside.get(size) ?? [])];
    printBulk(one, { single: floor, bulk: floorOf('bulk'), move: floorOf('move'), beside }, idle);
  }
}

function printSingles({ title, times, counts }: Measured, floor: number): void {
  const cells = [toMs(median(times)), toMs(quantile(times, 0.9)), toRatio(median(times), floor)];
  say(
    `  ${title.padEnd(44)}${cells.map((cell) => cell.padStart(12)).join('')}   ${toRequests(counts, times.length)}`,
  );
  printRequests(counts, times.length);
}

/** What bare clients need for a bulk of one size. */
interface BulkFloor {
  readonly single: number;
  readonly bulk: number;
  readonly move: number;
  readonly beside: readonly number[];
}

function printBulk(one: BulkMeasured, floor: BulkFloor, idle: Measured): void {
  const { size, took, beside, counts, cpu, peak, moved } = one;
  const perSecond = (ms: number) => `${((size * 1000) / ms).toFixed(0)}/s`;
  say(`\n${size} bindings, half of them PerObjective, created ${atOnce} at once`);
  say(
    `  until all are Ready     ${perSecond(took)}, floor ${perSecond(floor.bulk)}: ${toRatio(took, floor.bulk)}`,
  );
  say(`  each                    ${toRequests(counts, size)}, ${toMs(cpu / size)} of the processor`);
  printRequests(counts, size);
  say(`  memory at most          ${peak} MB`);
  say(`  one in another namespace meanwhile  ${toBeside(beside, median(idle.times))}`);
  say(`  … by bare clients alone             ${toBeside(floor.beside, floor.single)}`);
  say(
    `  pool edited until all have moved    ${perSecond(moved.took)}, floor ${perSecond(floor.move)}: ${toRatio(moved.took, floor.move)}`,
  );
  say(
    `  each                    ${toRequests(moved.counts, size)}, ${toMs(moved.cpu / size)} of the processor`,
  );
  printRequests(moved.counts, size);
}

function toBeside(times: readonly number[], alone: number): string {
  return `${toMs(median(times))} (${times.length} samples, p90 ${toMs(quantile(times, 0.9))}): ${toRatio(median(times), alone)} its idle time`;
}

function toRequests(counts: Counts, size: number): string {
  if (counts.size === 0) return 'not counted';
  const [lists, gets, writes] = (['list', 'get', 'write'] as const).map((kind) =>
    (sumOf(counts, kind) / size).toFixed(2),
  );
  return `${lists} lists, ${gets} gets, ${writes} writes`;
}

function printRequests(counts: Counts, size: number): void {
  if (values.requests) printCounts(counts, size);
}
