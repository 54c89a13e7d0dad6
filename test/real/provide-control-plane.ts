import { provideControlPlane } from './control-plane-programs.ts';

/** Builds what is missing before the first test starts, so that no test waits for it. */
export async function setup(): Promise<void> {
  await provideControlPlane({ env: process.env, say: (line) => void process.stdout.write(`${line}\n`) });
}
