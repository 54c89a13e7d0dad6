import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const execute = promisify(execFile);

/** What a program must have besides its arguments. */
export interface RunOptions {
  readonly cwd?: string;
  readonly env?: NodeJS.ProcessEnv;
}

/** Which package of Debian has the program. */
const packages: Readonly<Record<string, string>> = {
  buildah: 'buildah',
  'apt-get': 'apt',
  'dpkg-deb': 'dpkg',
  tar: 'tar',
};

/** Runs a program to its end and returns what it printed. If it fails, the error has its last words. */
export async function runProgram(
  program: string,
  args: readonly string[],
  options: RunOptions = {},
): Promise<string> {
  try {
    const { stdout } = await execute(program, args, { maxBuffer: 64 * 1024 * 1024, ...options });
    return stdout;
  } catch (cause) {
    throw new Error(`${program} ${args.join(' ')}: ${explain(program, cause)}`, { cause });
  }
}

function explain(program: string, cause: unknown): string {
  if (!(cause instanceof Error)) return String(cause);
  if ('code' in cause && cause.code === 'ENOENT')
    return `found no ${program} in PATH; install Debian's package ${packages[program] ?? program}`;
  const said = 'stderr' in cause ? String(cause.stderr).trim() : '';
  return said === '' ? cause.message : said.split('\n').slice(-12).join('\n');
}
