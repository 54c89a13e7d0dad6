import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runProgram } from './run-program.ts';

/** buildah, with a store of its own. */
export interface Buildah {
  readonly run: (command: string, ...args: readonly string[]) => Promise<string>;
  readonly close: () => Promise<void>;
}

/**
 * Opens a store that knows no image. It leaves nothing behind when it is closed. What a Dockerfile runs, runs in a chroot,
 * so no runtime of containers is needed, and nothing is pulled unless it is asked for.
 */
export async function openBuildah(): Promise<Buildah> {
  const folder = await mkdtemp(join(tmpdir(), 'kleym-buildah-'));
  const store = ['--root', join(folder, 'root'), '--runroot', join(folder, 'run'), '--storage-driver', 'vfs'];
  return {
    run: (command, ...args) => {
      const isolation =
        command === 'build' ? ['--isolation', 'chroot', '--pull-never', '--identity-label=false'] : [];
      return runProgram('buildah', [...store, command, ...isolation, ...args]);
    },
    close: () => rm(folder, { recursive: true, force: true }),
  };
}
