import { execFile } from 'node:child_process';

/** How a command ended, and what it said. */
export interface Ended {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** Runs kubectl as the person in front of the cluster does; the kubeconfig stands in KUBECONFIG. */
export function tryKubectl(args: readonly string[], input = ''): Promise<Ended> {
  return run('kubectl', args, input);
}

/** The same, and throws what it said where it fails. */
export async function kubectl(args: readonly string[], input = ''): Promise<string> {
  const { code, out, err } = await tryKubectl(args, input);
  if (code !== 0) throw new Error(`kubectl ${args.join(' ')} ended with ${code}: ${err}${out}`);
  return out;
}

/** What administrators add where the admission policies let nobody else. */
export const breakingTheGlass = ['--as=kleym-test', '--as-group=kleym:break-glass'];

/** Runs a command, and hands it its input. */
export function run(command: string, args: readonly string[], input = ''): Promise<Ended> {
  return new Promise((resolve, reject) => {
    const child = execFile(command, args, { maxBuffer: 1 << 28 }, (error, out, err) => {
      if (error && typeof error.code !== 'number') return reject(error);
      resolve({ code: error ? Number(error.code) : 0, out, err });
    });
    child.stdin?.end(input);
  });
}
