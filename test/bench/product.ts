import { writeFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { buildStart } from '../../local/start/build.ts';
import { type KeptProcess, type KeptProcesses } from '../real/kept-processes.ts';
import { type BenchCluster, type Counts, countRequests, isAbout } from './bench-cluster.ts';
import { readCpu, readMemory } from './running-function.ts';

/** `npm start` on a cluster, as a process of its own. */
export interface Product {
  readonly process: KeptProcess;
  /**
   * What it asked the API server since the last time, except about one namespace; waits until it has nothing to do.
   */
  settle(except?: string): Promise<Counts>;
  /** Milliseconds of the processor so far. */
  cpu(): Promise<number>;
  /** Megabytes: now, and the most since the last `forgetPeak`. */
  memory(): Promise<{ readonly now: number; readonly most: number }>;
  forgetPeak(): Promise<void>;
  /** Where its functions answer. */
  functionsUrl(): string;
  stop(): Promise<void>;
}

export interface ProductOptions {
  readonly trustDomain?: string;
  /** A sweep at start comes anyway. The next one is far away unless told otherwise: it would be measured with the rest. */
  readonly sweepSeconds?: number;
  readonly nodeArgs?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** A program with arguments that starts the one which follows. */
  readonly launcher?: readonly string[];
}

const patienceMs = 60_000;
/** The six kinds that are installed; the seventh is not there. */
const watched = 6;

/** Starts it, and waits until it watches everything. */
export async function startProduct(
  processes: KeptProcesses,
  cluster: BenchCluster,
  options: ProductOptions = {},
): Promise<Product> {
  const {
    trustDomain = 'example.org',
    sweepSeconds = 86_400,
    nodeArgs = [],
    env = {},
    launcher = [],
  } = options;
  const name = `product-${performance.now().toFixed(0)}`;
  const flags = ['--kubeconfig', cluster.kubeconfig, '--port', '0', '--trust-domain', trustDomain];
  // As `npm start` does.
  const command = [
    process.execPath,
    '--max-semi-space-size=16',
    '--heap-growing-percent=30',
    ...nodeArgs,
    await buildStart(),
    ...flags,
    '--sweep',
    String(sweepSeconds),
  ];
  const [program = '', ...args] = [...launcher, ...command];
  const kept = processes.start(name, program, args, env);
  const log = await untilWatching(processes, kept, name);

  return {
    process: kept,
    settle: (except) => untilQuiet(cluster, kept, except),
    cpu: () => readCpu(kept.pid),
    memory: () => readMemory(kept.pid),
    forgetPeak: () => writeFile(`/proc/${kept.pid}/clear_refs`, '5').catch(() => {}),
    functionsUrl: () => /"functions":"([^"]+)"/.exec(log)?.[1] ?? '',
    stop: () => kept.kill('SIGTERM'),
  };
}

async function untilWatching(processes: KeptProcesses, kept: KeptProcess, name: string): Promise<string> {
  const deadline = performance.now() + patienceMs;
  for (;;) {
    const log = await processes.read(name);
    if (log.includes('"msg":"started"') && log.split('"state":"watching"').length > watched) return log;
    if (!kept.isRunning() || performance.now() > deadline)
      throw new Error(`npm start does not watch ${watched} kinds; it wrote:\n${await kept.tail()}`);
    await sleep(50);
  }
}

const quietMs = 1500;

/** Nothing is asked and the processor rests: what the change led to has been dealt with. */
async function untilQuiet({ audit }: BenchCluster, kept: KeptProcess, except?: string): Promise<Counts> {
  const counts = new Map<string, number>();
  let since = performance.now();
  let cpu = await readCpu(kept.pid);
  while (performance.now() - since < quietMs && kept.isRunning()) {
    await sleep(100);
    const events = (await audit?.next()) ?? [];
    const seen = countRequests(events);
    const meant = events.filter((event) => except === undefined || !isAbout(event, except));
    for (const [title, count] of countRequests(meant)) counts.set(title, (counts.get(title) ?? 0) + count);
    const used = await readCpu(kept.pid);
    // A tenth of one processor is what timers and bookmarks may take.
    if (seen.size > 0 || used - cpu > 10) since = performance.now();
    cpu = used;
  }
  return counts;
}
