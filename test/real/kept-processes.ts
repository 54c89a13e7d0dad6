import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A program that runs until it is told to end, or until this process has ended in whatever way. */
export interface KeptProcess {
  readonly pid: number;
  isRunning(): boolean;
  signal(name: 'SIGSTOP' | 'SIGCONT'): void;
  /** Ends the program and waits until it is gone. */
  kill(signal: 'SIGKILL' | 'SIGTERM'): Promise<void>;
  /** The last lines it wrote. */
  tail(): Promise<string>;
}

/** Programs and the folder they work in; nothing of both is left behind. */
export interface KeptProcesses {
  readonly folder: string;
  start(
    name: string,
    program: string,
    args: readonly string[],
    env?: Readonly<Record<string, string>>,
  ): KeptProcess;
  /** All that the programs of this name wrote. */
  read(name: string): Promise<string>;
  /** Writes a kubeconfig into the folder, where nobody else can read it; returns its path. */
  writeKubeconfig(name: string, text: string): Promise<string>;
  /** Kills all programs and removes the folder. */
  end(): Promise<void>;
}

/** Opens a folder of its own under the system's folder for temporary files, and a keeper that cleans up after us. */
export async function openKeptProcesses(prefix: string): Promise<KeptProcesses> {
  const folder = await mkdtemp(join(tmpdir(), `${prefix}-`));
  const keeper = startKeeper(folder);
  const running = new Set<KeptProcess>();
  const logOf = (name: string) => join(folder, `${name}.log`);

  function start(
    name: string,
    program: string,
    args: readonly string[],
    env?: Readonly<Record<string, string>>,
  ): KeptProcess {
    const log = logOf(name);
    const child = launch(program, args, { folder, log, env: { ...process.env, ...env } });
    const { pid } = child;
    if (pid === undefined)
      throw new Error(`${program} could not be started; is it there, and may it be run?`);
    keeper.stdin?.write(`+${pid}\n`);
    const ended = once(child, 'exit');
    child.on('exit', () => {
      running.delete(kept);
      keeper.stdin?.write(`-${pid}\n`);
    });
    const kept: KeptProcess = {
      pid,
      isRunning: () => child.exitCode === null && child.signalCode === null,
      signal: (signal) => void child.kill(signal),
      async kill(signal) {
        // Else this process would not wait for it.
        child.ref();
        child.kill(signal);
        await ended;
      },
      tail: async () => (await readFile(log, 'utf8')).trim().split('\n').slice(-15).join('\n'),
    };
    running.add(kept);
    return kept;
  }

  async function end(): Promise<void> {
    await Promise.all([...running].map((kept) => kept.kill('SIGKILL')));
    await dismiss(keeper);
  }

  async function writeKubeconfig(name: string, text: string): Promise<string> {
    const file = join(folder, `${name}.kubeconfig`);
    await writeFile(file, text, { mode: 0o600 });
    return file;
  }

  return {
    folder,
    start,
    read: (name) => readFile(logOf(name), 'utf8').catch(() => ''),
    writeKubeconfig,
    end,
  };
}

function startKeeper(folder: string): ChildProcess {
  const script = join(import.meta.dirname, 'keeper.ts');
  // In a group of its own: what is pressed in the terminal is meant for us, and the keeper must come after us.
  const keeper = spawn(process.execPath, [script, folder], {
    stdio: ['pipe', 'ignore', 'inherit'],
    detached: true,
  });
  keeper.unref();
  // It is gone only when somebody killed it; there is nobody left to tell then.
  keeper.stdin?.on('error', () => {});
  return keeper;
}

/** The keeper removes the folder, too. */
async function dismiss(keeper: ChildProcess): Promise<void> {
  if (keeper.exitCode !== null || keeper.signalCode !== null) return;
  keeper.ref();
  const gone = once(keeper, 'exit');
  keeper.stdin?.end();
  await gone;
}

interface Surroundings {
  readonly folder: string;
  readonly log: string;
  readonly env: NodeJS.ProcessEnv;
}

function launch(program: string, args: readonly string[], { folder, log, env }: Surroundings): ChildProcess {
  const file = openSync(log, 'a');
  const child = spawn(program, args, { cwd: folder, env, stdio: ['ignore', file, file] });
  closeSync(file);
  // The error of a program that is not there is told by its missing pid.
  child.on('error', () => {});
  child.unref();
  return child;
}
