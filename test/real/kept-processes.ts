import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { mkdtemp, readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A program that runs until it is told to end, or until this process has ended in whatever way. */
export interface KeptProcess {
  readonly pid: number;
  readonly log: string;
  /** Settles when the program has ended. */
  readonly ended: Promise<void>;
  isRunning(): boolean;
  signal(name: 'SIGKILL' | 'SIGTERM' | 'SIGSTOP' | 'SIGCONT'): void;
  /** The last lines it wrote. */
  tail(): Promise<string>;
}

/** Programs and the folder they work in; nothing of both is left behind. */
export interface KeptProcesses {
  readonly folder: string;
  start(program: string, args: readonly string[], options?: KeptOptions): Promise<KeptProcess>;
  /** Kills all programs and removes the folder. */
  end(): Promise<void>;
}

export interface KeptOptions {
  /** Under this name its output is kept in the folder. */
  readonly name?: string;
  readonly env?: Readonly<Record<string, string>>;
}

/** Opens a folder of its own under the system's folder for temporary files, and a keeper that cleans up after us. */
export async function openKeptProcesses(prefix: string): Promise<KeptProcesses> {
  // Paths of sockets may not be longer than some 100 bytes, so the names stay short.
  const folder = await mkdtemp(join(tmpdir(), `${prefix}-`));
  const keeper = startKeeper(folder);
  const running = new Map<KeptProcess, Promise<void>>();

  async function start(program: string, args: readonly string[], options: KeptOptions = {}): Promise<KeptProcess> {
    const kept = await launch(program, args, folder, options);
    keeper.stdin?.write(`+${kept.pid}\n`);
    const forgotten = kept.ended.then(() => {
      running.delete(kept);
      keeper.stdin?.write(`-${kept.pid}\n`);
    });
    running.set(kept, forgotten);
    return kept;
  }

  async function end(): Promise<void> {
    const ends = [...running.values()];
    for (const kept of running.keys()) kept.signal('SIGKILL');
    await Promise.all(ends);
    if (keeper.exitCode !== null) return;
    const closed = once(keeper, 'exit');
    keeper.stdin?.end();
    await closed;
  }

  return { folder, start, end };
}

function startKeeper(folder: string): ChildProcess {
  const script = join(import.meta.dirname, 'keeper.ts');
  // In a group of its own: what is pressed in the terminal is meant for us, and the keeper must come after us.
  const keeper = spawn(process.execPath, [script, folder], { stdio: ['pipe', 'ignore', 'inherit'], detached: true });
  keeper.unref();
  // It is gone only when somebody killed it; whoever did that cleans up.
  keeper.stdin?.on('error', () => {});
  return keeper;
}

async function launch(program: string, args: readonly string[], folder: string, options: KeptOptions): Promise<KeptProcess> {
  const { name = 'program', env = {} } = options;
  const log = join(folder, `${name}.log`);
  const child = spawn(program, args, {
    cwd: folder,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const ended = once(child, 'close').then(
    () => {},
    () => {},
  );
  const file = createWriteStream(log, { flags: 'a' });
  child.stdout.pipe(file, { end: false });
  child.stderr.pipe(file, { end: false });
  void ended.then(() => file.end());
  await once(child, 'spawn');
  return {
    pid: child.pid ?? 0,
    log,
    ended,
    isRunning: () => child.exitCode === null && child.signalCode === null,
    signal: (signal) => void child.kill(signal),
    tail: async () => (await readFile(log, 'utf8').catch(() => '')).trim().split('\n').slice(-15).join('\n'),
  };
}
