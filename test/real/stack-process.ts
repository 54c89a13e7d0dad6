import { buildStart } from '../../local/start/build.ts';
import type { Settings } from '../../shared/identity/settings.ts';
import { eventually } from '../support/test-cluster.ts';
import { type KeptProcess, type KeptProcesses } from './kept-processes.ts';

/** `npm start -- --kubeconfig ..` as a process of its own, which can be killed and started again. */
export interface StackProcess {
  readonly name: string;
  /** Starts it; where it runs already, it is killed before. */
  start(): Promise<void>;
  /** SIGKILL: whatever it was doing stays half done. */
  kill(): Promise<void>;
  /** Waits until its sources watch this many resources. */
  watching(resources: number): Promise<void>;
  /** What it wrote last. */
  tail(): Promise<string>;
}

export interface StackProcessOptions {
  readonly name: string;
  /** The path of a kubeconfig. */
  readonly kubeconfig: string;
  readonly sweepSeconds?: number;
  readonly trustDomain?: string;
  readonly className?: string;
  readonly overlapPolicy?: Settings['overlapPolicy'];
}

const program = await buildStart();

/** Prepares a stack that runs on an API server; `start` starts it. */
export function createStackProcess(processes: KeptProcesses, options: StackProcessOptions): StackProcess {
  const { name, kubeconfig, sweepSeconds = 5, trustDomain = 'kleym.sonda.red', className } = options;
  const env = { KLEYM_OVERLAP_POLICY: options.overlapPolicy ?? 'report' };
  let running: KeptProcess | undefined;
  let watchedBefore = 0;

  async function kill(): Promise<void> {
    await running?.kill('SIGKILL');
    running = undefined;
  }

  return {
    name,
    kill,
    start: async () => {
      await kill();
      watchedBefore = countWatching(await processes.read(name));
      const settings = [
        '--trust-domain',
        trustDomain,
        ...(className === undefined ? [] : ['--class-name', className]),
      ];
      const args = [
        program,
        '--kubeconfig',
        kubeconfig,
        '--port',
        '0',
        '--sweep',
        String(sweepSeconds),
        ...settings,
      ];
      running = processes.start(name, process.execPath, args, env);
    },
    watching: (resources) =>
      eventually(async () => {
        if (running?.isRunning() !== true) throw new Error(`${name} ended:\n${await processes.read(name)}`);
        const found = countWatching(await processes.read(name)) - watchedBefore;
        if (found < resources) throw new Error(`${name} watches ${found} resources, expected ${resources}`);
      }),
    tail: async () => (await processes.read(name)).split('\n').slice(-30).join('\n'),
  };
}

function countWatching(log: string): number {
  return log.split('"state":"watching"').length - 1;
}
