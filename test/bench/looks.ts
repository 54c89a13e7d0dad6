// How long a look at a whole namespace takes, as where overlaps are refused and keys are unlike. Between an announcement
// and its POST stands one such look, and there is a time limit for both: so this says how many bindings there may be.
//
//   npm run bench:looks                          [-- --sizes 5000,10000,20000,50000] [-- --looks 3]
import { parseArgs } from 'node:util';
import { sendWithinMs } from '../../shared/api/creation-budget.ts';
import { collect } from '../../shared/collect/collect.ts';
import { createRunCache } from '../../shared/collect/run-cache.ts';
import { nodeEventLoop } from '../../shared/concurrency/node-event-loop.ts';
import { runInSlices } from '../../shared/concurrency/run-in-slices.ts';
import { compileWorld } from '../../shared/decide/world.ts';
import type { Cluster } from '../../shared/kube/cluster.ts';
import { connect, loadKubeConfig } from '../../shared/kube/kube-cluster.ts';
import { exampleSettings } from '../support/inference.ts';
import { type BenchCluster, openBenchCluster } from './bench-cluster.ts';
import { createAtRest, createNamespace, prepareOwnPools } from './bench-namespace.ts';
import { atOnce } from './bare-client.ts';
import { forEach, range, say, time, toMs } from './figures.ts';
import { listPages } from './list-pages.ts';
import { bindingsIn, outputsPath } from './ready-watch.ts';
import { readCpu, readMemory } from './running-function.ts';

const { values } = parseArgs({
  options: {
    sizes: { type: 'string', default: '5000,10000,20000' },
    looks: { type: 'string', default: '3' },
  },
});
const namespace = 'team';
const settings = { ...exampleSettings, overlapPolicy: 'refuse' } as const;
const nameOf = (index: number) => `b-${index}`;
/** So many that the namespace is listed for them. */
const names = range(100).map(nameOf);

say(`a POST may leave ${toMs(sendWithinMs)} after the look before its announcement began`);
const cluster = await openBenchCluster(undefined);
try {
  await createNamespace(cluster.client, namespace);
  let filled = 0;
  for (const size of values.sizes.split(',').map(Number)) {
    await fill(cluster, filled, size);
    filled = size;
    await measure(cluster, size);
  }
} finally {
  await cluster.stop();
}

/** Bindings with a pool each, as the product leaves them. */
async function fill({ client }: BenchCluster, from: number, to: number): Promise<void> {
  const added = range(to).slice(from).map(nameOf);
  const prepared = await prepareOwnPools(client, namespace, added);
  await forEach(prepared, atOnce, (one) => createAtRest(client, one));
}

async function measure({ client, kubeconfig }: BenchCluster, size: number): Promise<void> {
  const floor = await time(async () => {
    await listPages(client, bindingsIn(namespace));
    await listPages(client, outputsPath);
  });
  say(`${size} bindings: a bare client lists them and their outputs in ${toMs(floor)}`);
  const reads = connect({ kubeConfig: loadKubeConfig({ file: kubeconfig }) });
  const cache = createRunCache();
  for (const index of range(Number(values.looks))) {
    const cpu = await readCpu(process.pid);
    const took = await time(() => look(reads, cache));
    const used = (await readCpu(process.pid)) - cpu;
    const { most } = await readMemory(process.pid);
    const what = index === 0 ? 'first look, with pools and objectives' : 'another look';
    say(`  ${what.padEnd(38)} ${toMs(took)}, processor ${toMs(used)}, ${most} MB at most`);
  }
}

/** As each round of a run does it; the first one reads pools and objectives too. */
async function look(reads: Cluster, cache: ReturnType<typeof createRunCache>): Promise<void> {
  const snapshot = await collect(reads, { namespace, names, settings, isWhole: false }, cache);
  await runInSlices(compileWorld(snapshot, settings), nodeEventLoop);
}
