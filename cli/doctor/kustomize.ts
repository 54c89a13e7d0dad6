import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { SetupError } from '../tools.ts';

const execute = promisify(execFile);

/** What kustomize makes of a folder; kubectl has it. */
export async function runKustomize(folder: string): Promise<string> {
  try {
    const { stdout } = await execute('kubectl', ['kustomize', folder], { maxBuffer: 64 * 1024 * 1024 });
    return stdout;
  } catch (cause) {
    throw new SetupError(explain(folder, cause), { cause });
  }
}

function explain(folder: string, cause: unknown): string {
  if (!(cause instanceof Error)) return String(cause);
  if ('code' in cause && cause.code === 'ENOENT')
    return `there is no kubectl in PATH: build it yourself, kustomize build ${folder} | kubectl-kleym doctor --overlay -`;
  const said = 'stderr' in cause ? String(cause.stderr).trim() : '';
  return `kubectl kustomize ${folder}: ${said || cause.message}`;
}
