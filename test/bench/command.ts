// How long `kubectl kleym` takes where there is much to look at: `status` beside `kubectl get`, on a real API server, and
// `check` of many manifests, which asks none.
//
//   npm run build && npm run bench:command     [-- --bindings 10000] [-- --manifests 5000] [-- --rounds 5] [-- --kubeconfig FILE]
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs, promisify } from 'node:util';
import { stringify } from 'yaml';
import { binding, objective, pool } from '../support/manifests.ts';
import { atOnce } from './bare-client.ts';
import { openBenchCluster } from './bench-cluster.ts';
import { createAtRest, createNamespace, prepareOwnPools } from './bench-namespace.ts';
import { forEach, median, range, say, time, toMs, toRatio } from './figures.ts';

const { values } = parseArgs({
  options: {
    bindings: { type: 'string', default: '10000' },
    manifests: { type: 'string', default: '5000' },
    rounds: { type: 'string', default: '5' },
    command: { type: 'string', default: 'dist-cli/kubectl-kleym' },
    kubeconfig: { type: 'string' },
  },
});
const run = promisify(execFile);
const rounds = range(Number(values.rounds));
const aNamespace = 50;

await measureCheck();
await measureStatus();

async function measureStatus(): Promise<void> {
  const cluster = await openBenchCluster(values.kubeconfig);
  try {
    for (const index of range(Math.ceil(Number(values.bindings) / aNamespace))) {
      const namespace = `team-${index}-${Date.now().toString(36)}`;
      await createNamespace(cluster.client, namespace);
      const names = range(aNamespace).map((one) => `b-${one}`);
      const prepared = await prepareOwnPools(cluster.client, namespace, names);
      await forEach(prepared, atOnce, (one) => createAtRest(cluster.client, one));
    }
    const { kubeconfig } = cluster;
    const [ours, theirs]: [number[], number[]] = [[], []];
    for (const round of rounds) {
      theirs.push(
        await timeProcess('kubectl', ['get', 'iib', '-A', '-o', 'json', '--kubeconfig', kubeconfig]),
      );
      ours.push(await timeProcess(process.execPath, [values.command, 'status', '--kubeconfig', kubeconfig]));
      say(
        `${values.bindings} bindings  round ${round + 1}  status ${toMs(ours.at(-1) ?? 0)}, kubectl get ${toMs(theirs.at(-1) ?? 0)}`,
      );
    }
    say(`median: ${toRatio(median(ours), median(theirs))} the time of kubectl get -A -o json`);
  } finally {
    await cluster.stop();
  }
}

async function measureCheck(): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'kleym-bench-'));
  try {
    const teams = Number(values.manifests) / 100;
    for (const team of range(teams)) await writeFile(join(folder, `team-${team}.yaml`), toManifests(team));
    const took: number[] = [];
    for (const _ of rounds)
      took.push(await timeProcess(process.execPath, [values.command, 'check', '-f', folder]));
    say(`${values.manifests} manifests  check ${toMs(median(took))}`);
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** A hundred manifests: pools, and objectives and bindings of these. */
function toManifests(team: number): string {
  const pools = range(10).map((index) => pool(`pool-${index}`, { app: `model-${index}` }));
  const others = range(45).flatMap((index) => [
    objective(`objective-${index}`, { name: `pool-${index % 10}` }),
    binding(`binding-${index}`, {
      poolRef: { name: `pool-${index % 10}` },
      objectiveRef: { name: `objective-${index}` },
      containerName: `main-${index}`,
    }),
  ]);
  const namespace = `team-${team}`;
  return [...pools, ...others]
    .map((manifest) => stringify({ ...manifest, metadata: { ...manifest.metadata, namespace } }))
    .join('---\n');
}

/** The time of a whole process, with what it prints. */
function timeProcess(program: string, args: readonly string[]): Promise<number> {
  return time(() => run(program, [...args], { maxBuffer: 2 ** 30 }));
}
