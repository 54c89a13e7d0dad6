import { join } from 'node:path';
import { type Ended, run } from './kubectl.ts';

const main = join(import.meta.dirname, '..', '..', 'cli', 'main.ts');

/** Runs `kubectl kleym` on the cluster of KUBECONFIG, as a process of its own. */
export function kleym(...args: string[]): Promise<Ended> {
  return run(process.execPath, [main, ...args]);
}
