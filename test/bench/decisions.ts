// What it takes to compile and decide a whole namespace, as the sweep does, without an API server: processor time, which
// others on the machine do not change much. Ten times as many bindings should take about ten times as long, whatever they
// look like.
//
//   npm run bench:decisions    [-- --sizes 1000,10000,50000] [-- --limit 60] [-- --only images] [-- --policies report]
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { exampleSettings } from '../support/inference.ts';
import { decideNamespace } from './at-rest.ts';
import { parseNumbers, say } from './figures.ts';
import { readCpu } from './running-function.ts';
import { shapes, toNamespace } from './shapes.ts';

const { values } = parseArgs({
  options: {
    sizes: { type: 'string', default: '1000,10000,50000' },
    limit: { type: 'string', default: '60' },
    only: { type: 'string' },
    policies: { type: 'string', default: 'report,refuse' },
    /** One measurement of this process itself: shape, size, policy. */
    case: { type: 'string' },
  },
});

if (values.case === undefined) await measureAll();
else await measureOne(values.case);

async function measureAll(): Promise<void> {
  const sizes = parseNumbers(values.sizes);
  const names = Object.keys(shapes).filter((name) => values.only === undefined || name === values.only);
  for (const policy of values.policies.split(',')) {
    say(`${`overlap policy ${policy}`.padEnd(24)}${sizes.map((size) => String(size).padStart(12)).join('')}`);
    for (const name of names) {
      const cells: string[] = [];
      for (const size of sizes) {
        // More would only take longer still.
        const cell = cells.at(-1)?.startsWith('>')
          ? cells.at(-1)
          : await measureApart(`${name},${size},${policy}`);
        cells.push(cell ?? '');
      }
      say(`${name.padEnd(24)}${cells.map((cell) => cell.padStart(12)).join('')}`);
    }
  }
}

/** In a process of its own: what does not end cannot be stopped otherwise, and no case finds the heap of another. */
async function measureApart(measured: string): Promise<string> {
  const args = [...process.execArgv, import.meta.filename, '--case', measured];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
  const ended = once(child, 'exit');
  const { promise: took, resolve } = Promise.withResolvers<string>();
  const ending = new AbortController();
  child.on('message', (message) => {
    // What was made ready before is not measured.
    if (message === 'begins') void untilTooLong(child.pid ?? 0, ending.signal).then(resolve, () => {});
    else resolve(`${Number(message).toFixed(0)} ms`);
  });
  void ended.then(() => resolve('died'));
  const cell = await took;
  ending.abort();
  child.kill('SIGKILL');
  await ended;
  return cell;
}

async function untilTooLong(pid: number, signal: AbortSignal): Promise<string> {
  const before = await readCpu(pid);
  while ((await readCpu(pid)) - before < Number(values.limit) * 1000) await sleep(250, undefined, { signal });
  return `>${values.limit} s`;
}

/** The second time, when the code is warm; the first one where that takes long. */
async function measureOne(measured: string): Promise<void> {
  const [shape = '', size, policy] = measured.split(',');
  const overlapPolicy = policy === 'refuse' ? 'refuse' : 'report';
  const settings = { ...exampleSettings, overlapPolicy } as const;
  const snapshot = toNamespace(shape, Number(size), settings);
  process.send?.('begins');
  const first = spend(() => decideNamespace(snapshot, settings));
  const took = first > 2000 ? first : spend(() => decideNamespace(snapshot, settings));
  process.send?.(took, () => process.disconnect());
}

/** Milliseconds of the processor, those of the garbage collector among them. */
function spend(work: () => unknown): number {
  const before = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
}
