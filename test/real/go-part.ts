import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, readFile, rename, rm } from 'node:fs/promises';
import { availableParallelism, homedir, tmpdir } from 'node:os';
import { join } from 'node:path';

/** A program that is built from Go modules, pinned by a go.mod and a go.sum of ours. */
export interface GoPart {
  readonly name: string;
  readonly version: string;
  /** Where its go.mod and go.sum are. */
  readonly folder: string;
  /** The main package. */
  readonly package: string;
  readonly ldflags: string;
}

/** Why a part cannot be built here; the message says what to do. */
export class CannotBuildError extends Error {}

/** Where parts are built: the environment tells the cache and the tools. */
export interface Workshop {
  readonly env: NodeJS.ProcessEnv;
  readonly say: (line: string) => void;
}

/** The path of a part's program; it is built where the cache does not have it. */
export async function buildGoPart(part: GoPart, { env, say }: Workshop): Promise<string> {
  const folder = join(cacheFolder(env), `${part.name}-${part.version}-${await fingerprint(part)}`);
  const program = join(folder, part.name);
  if (existsSync(program)) return program;
  await requireGo(part, env);
  await mkdir(folder, { recursive: true });
  // A build that was cut off must never be taken for a program, and two at once must not write one file.
  const unfinished = `${program}.${process.pid}`;
  try {
    await build(part, unfinished, { env, say });
    await rename(unfinished, program);
  } finally {
    await rm(unfinished, { force: true });
  }
  return program;
}

function cacheFolder(env: NodeJS.ProcessEnv): string {
  const root = env['XDG_CACHE_HOME'] || join(homedir(), '.cache');
  return join(root, 'kleym', 'real-parts');
}

/** Changes with everything that the program is made of. */
async function fingerprint(part: GoPart): Promise<string> {
  const hash = createHash('sha256');
  for (const file of ['go.mod', 'go.sum']) hash.update(await readFile(join(part.folder, file)));
  hash.update(JSON.stringify([part.package, part.ldflags, process.platform, process.arch]));
  return hash.digest('hex').slice(0, 16);
}

interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

async function runGo(folder: string, args: readonly string[], env: NodeJS.ProcessEnv): Promise<Ended> {
  // `local`: no toolchain is downloaded; `readonly`: nothing but what go.sum knows is built. Without C the program runs anywhere.
  const pinned = {
    GOTOOLCHAIN: 'local',
    GOFLAGS: '-mod=readonly -buildvcs=false',
    CGO_ENABLED: '0',
    GOWORK: 'off',
  };
  const child = spawn('go', args, {
    cwd: folder,
    env: { ...env, ...pinned },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const texts = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].setEncoding('utf8').on('data', (text: string) => (texts[name] += text));
  }
  const end = () => child.kill('SIGTERM');
  process.once('exit', end);
  try {
    const [code] = (await once(child, 'close')) as [number | null];
    return { code, ...texts };
  } finally {
    process.off('exit', end);
  }
}

async function requireGo(part: GoPart, env: NodeJS.ProcessEnv): Promise<void> {
  const needed = /^go (\S+)$/m.exec(await readFile(join(part.folder, 'go.mod'), 'utf8'))?.[1] ?? '0';
  const todo = `Install Go ${needed} or newer (https://go.dev/dl/), or set KUBEBUILDER_ASSETS to a folder that has kube-apiserver and etcd.`;
  const found = await runGo(tmpdir(), ['env', 'GOVERSION'], env).catch((error: unknown) => {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  });
  if (found === undefined)
    throw new CannotBuildError(
      `${part.name} ${part.version} is built with Go, and there is no go in PATH. ${todo}`,
    );
  const version = found.stdout.trim().replace(/^go/, '');
  if (isOlder(version, needed)) {
    throw new CannotBuildError(`${part.name} ${part.version} needs Go ${needed}, found ${version}. ${todo}`);
  }
}

/** Whether a version of Go comes before another; what follows the numbers (`rc1`, `-custom`) does not count. */
export function isOlder(version: string, needed: string): boolean {
  const [left, right] = [version, needed].map((text) =>
    text.split('.').map((part) => Number.parseInt(part, 10) || 0),
  );
  for (const index of [0, 1, 2]) {
    const difference = (left?.[index] ?? 0) - (right?.[index] ?? 0);
    if (difference !== 0) return difference < 0;
  }
  return false;
}

async function build(part: GoPart, program: string, { env, say }: Workshop): Promise<void> {
  const title = `${part.name} ${part.version}`;
  const start = Date.now();
  const seconds = () => Math.round((Date.now() - start) / 1000);
  say(`${title}: building from Go modules; the first time this takes minutes`);
  const progress = setInterval(() => say(`${title}: still building, ${seconds()} s`), 10_000);
  try {
    const parallel = String(Math.min(availableParallelism(), 4));
    const options = ['-p', parallel, '-trimpath', '-ldflags', `-s -w ${part.ldflags}`, '-o', program];
    const { code, stderr } = await runGo(part.folder, ['build', ...options, part.package], env);
    if (code === 0) return say(`${title}: built in ${seconds()} s`);
    const lines = stderr.trim().split('\n').slice(-12).join('\n');
    throw new CannotBuildError(
      `${title} could not be built in ${part.folder}; go ended with ${code}:\n${lines}`,
    );
  } finally {
    clearInterval(progress);
  }
}
