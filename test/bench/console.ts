// How long the pages of the console take, and what memory it takes: the bundle on a real API server, with all bindings at
// rest, a fifth of them in one namespace. Before each page the console has forgotten what it read. The floor is a client that
// only lists the bindings.
//
//   npm run build && npm run bench:console     [-- --bindings 10000] [-- --rounds 5] [-- --dist dist] [-- --kubeconfig FILE]
import { once } from 'node:events';
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { type BareClient, atOnce } from './bare-client.ts';
import { openBenchCluster } from './bench-cluster.ts';
import { createAtRest, createNamespace, prepareOwnPools } from './bench-namespace.ts';
import { forEach, median, range, say, time, toMs } from './figures.ts';
import { listPages } from './list-pages.ts';
import { readCpu, readMemory, untilListening } from './running-function.ts';

const { values } = parseArgs({
  options: {
    bindings: { type: 'string', default: '10000' },
    rounds: { type: 'string', default: '5' },
    dist: { type: 'string', default: 'dist' },
    kubeconfig: { type: 'string' },
  },
});
const size = Number(values.bindings);
const large = Math.ceil(size / 5);
const small = 50;
const run = Date.now().toString(36);
const largeNamespace = `large-${run}`;

const pages = {
  overview: '/',
  search: '/search?q=b-7',
  'large namespace': `/namespaces/${largeNamespace}`,
  'its refused': `/namespaces/${largeNamespace}?state=refused`,
  'one pool': `/namespaces/${largeNamespace}?pool=pool-b-7`,
  'one binding': `/namespaces/${largeNamespace}/bindings/b-7`,
};
/** Longer than the console remembers what it read. */
const forgetMs = 2500;

const cluster = await openBenchCluster(values.kubeconfig);
try {
  await fill(cluster.client, largeNamespace, large);
  for (const index of range(Math.ceil((size - large) / small)))
    await fill(cluster.client, `team-${index}-${run}`, small);
  await measure(cluster.kubeconfig, cluster.client);
} finally {
  await cluster.stop();
}

/** A namespace of bindings that are at rest. */
async function fill(client: BareClient, namespace: string, count: number): Promise<void> {
  await createNamespace(client, namespace);
  const names = range(count).map((index) => `b-${index}`);
  const prepared = await prepareOwnPools(client, namespace, names);
  await forEach(prepared, atOnce, (one) => createAtRest(client, one));
}

async function measure(kubeconfig: string, client: BareClient): Promise<void> {
  const child = spawn(process.execPath, [join(values.dist, 'console', 'main.mjs')], {
    env: { HOST: '127.0.0.1', PORT: '0', KUBECONFIG: kubeconfig, KLEYM_TRUST_DOMAIN: 'example.org' },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  try {
    const url = `http://127.0.0.1:${await untilListening(child)}`;
    const pid = child.pid ?? 0;
    await show(url, '/');
    for (const [title, path] of Object.entries(pages)) {
      const taken: number[] = [];
      const floors: number[] = [];
      const cpu: number[] = [];
      for (const _ of range(Number(values.rounds))) {
        await sleep(forgetMs);
        floors.push(
          await time(() => listPages(client, '/apis/kleym.sonda.red/v1alpha1/inferenceidentitybindings')),
        );
        const before = await readCpu(pid);
        taken.push(await time(() => show(url, path)));
        cpu.push((await readCpu(pid)) - before);
      }
      const again = await time(() => show(url, path));
      const { now, most } = await readMemory(pid);
      say(
        `${size} bindings  ${title.padEnd(16)} ${toMs(median(taken))}, processor ${toMs(median(cpu))}, again at once ${toMs(again)}, a bare list ${toMs(median(floors))}, ${now} MB, at most ${most} MB`,
      );
    }
  } finally {
    const ended = once(child, 'exit');
    child.kill('SIGTERM');
    await ended;
  }
}

async function show(url: string, path: string): Promise<void> {
  const answer = await fetch(`${url}${path}`);
  await answer.text();
  if (answer.status !== 200) throw new Error(`${path} was answered ${answer.status}`);
}
