// What a look at everything costs where there is nothing to do, as a ratio to a client that only lists the same kinds,
// and what memory it takes: the bundled sweep on a real API server, look by look.
//
//   npm run build && npm run bench:sweep     [-- --bindings 10000] [-- --looks 5] [-- --dist dist] [-- --kubeconfig FILE]
import { once } from 'node:events';
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { type BareClient, atOnce } from './bare-client.ts';
import { openBenchCluster } from './bench-cluster.ts';
import { createAtRest, createNamespace, prepareOwnPools } from './bench-namespace.ts';
import { listPages } from './list-pages.ts';
import { forEach, median, range, say, toMs, toRatio } from './figures.ts';
import { outputsPath } from './ready-watch.ts';
import { readCpu, readMemory, untilListening } from './running-function.ts';

const { values } = parseArgs({
  options: {
    bindings: { type: 'string', default: '10000' },
    looks: { type: 'string', default: '5' },
    dist: { type: 'string', default: 'dist' },
    kubeconfig: { type: 'string' },
  },
});
const size = Number(values.bindings);
const aNamespace = 50;
const run = Date.now().toString(36);

/** What one look took: of the clock and of the processor, in milliseconds. */
interface Look {
  readonly took: number;
  readonly cpu: number;
}

/** As long as the sweep rests after a look (three times its length), and a moment more. */
const restPerLook = 3.2;

const cluster = await openBenchCluster(values.kubeconfig);
try {
  for (const index of range(Math.ceil(size / aNamespace))) await fill(cluster.client, `team-${index}-${run}`);
  await measure(cluster.kubeconfig, cluster.client);
} finally {
  await cluster.stop();
}

/** A namespace of bindings that are at rest. */
async function fill(client: BareClient, namespace: string): Promise<void> {
  await createNamespace(client, namespace);
  const prepared = await prepareOwnPools(
    client,
    namespace,
    range(aNamespace).map((index) => `b-${index}`),
  );
  await forEach(prepared, atOnce, (one) => createAtRest(client, one));
}

async function measure(kubeconfig: string, client: BareClient): Promise<void> {
  const child = spawn(process.execPath, [join(values.dist, 'sweep', 'main.mjs')], {
    env: { HOST: '127.0.0.1', PORT: '0', KUBECONFIG: kubeconfig, KLEYM_TRUST_DOMAIN: 'example.org' },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  try {
    const port = await untilListening(child);
    const pid = child.pid ?? 0;
    const looks: Look[] = [];
    const floors: Look[] = [];
    for (const look of range(Number(values.looks))) {
      // The sweep rests after a look, and what comes meanwhile waits.
      await sleep(restPerLook * (looks.at(-1)?.took ?? 0));
      floors.push(await takeLook(process.pid, () => listEverything(client)));
      looks.push(await takeLook(pid, () => ask(port, look)));
      const { now, most } = await readMemory(pid);
      const [ours, floor] = [looks.at(-1), floors.at(-1)].map((one) => one?.took ?? Number.NaN);
      say(
        `${size} bindings  look ${look + 1}  ${toMs(ours ?? 0)}, a bare client ${toMs(floor ?? 0)}  ${now} MB, at most ${most} MB`,
      );
    }
    const ratioOf = (key: keyof Look) =>
      toRatio(median(looks.map((one) => one[key])), median(floors.map((one) => one[key])));
    say(`median of all: ${ratioOf('took')} the time of a bare client, ${ratioOf('cpu')} its processor`);
  } finally {
    const ended = once(child, 'exit');
    child.kill('SIGTERM');
    await ended;
  }
}

async function takeLook(pid: number, look: () => Promise<void>): Promise<Look> {
  const before = { cpu: await readCpu(pid), at: performance.now() };
  await look();
  return { took: performance.now() - before.at, cpu: (await readCpu(pid)) - before.cpu };
}

async function ask(port: number, look: number): Promise<void> {
  const headers = {
    'ce-specversion': '1.0',
    'ce-id': `${look}`,
    'ce-source': 'bench',
    'ce-type': 'dev.knative.sources.ping',
  };
  const { status } = await fetch(`http://127.0.0.1:${port}/`, { method: 'POST', headers });
  if (status !== 204) throw new Error(`a look was answered ${status}, expected 204: nothing to do`);
}

/** The kinds that are served, as the sweep lists them: in pages of 500, and all but the last two groups in turn. */
async function listEverything(client: BareClient): Promise<void> {
  const root = '/apis';
  await listPages(client, `${root}/kleym.sonda.red/v1alpha1/inferenceidentitybindings`);
  await listPages(client, outputsPath);
  const sources = [
    'inference.networking.k8s.io/v1/inferencepools',
    'inference.networking.x-k8s.io/v1alpha2/inferencepools',
    'llm-d.ai/v1alpha2/inferenceobjectives',
    'inference.networking.x-k8s.io/v1alpha2/inferenceobjectives',
  ];
  await Promise.all(sources.map((path) => listPages(client, `${root}/${path}`)));
}
