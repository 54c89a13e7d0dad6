import { execFile } from 'node:child_process';
import { chmod, copyFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const run = promisify(execFile);
const postject = join(dirname(fileURLToPath(import.meta.resolve('postject'))), 'cli.js');

/** By this text a Node finds out that something was put into it (nodejs.org/api/single-executable-applications). */
const sentinelFuse = 'NODE_SEA_FUSE_fce680ab2cc467b6e072b8b5df1996b2';

/** What of a built command lies beside its executable. */
export const besideExecutable = ['kubectl_complete-kleym', 'LICENSE', 'THIRD_PARTY_NOTICES'] as const;

/**
 * The bundle as a Node takes it into itself. It is the same for every processor, because it has no code cache and no
 * snapshot, and in every folder, because it names the bundle as it is called.
 */
export async function prepareBlob(command: string): Promise<Buffer> {
  const scratch = await mkdtemp(join(tmpdir(), 'kleym-blob-'));
  try {
    const [config, output] = [join(scratch, 'sea.json'), join(scratch, 'kubectl-kleym.blob')];
    const settings = { main: 'kubectl-kleym', output, disableExperimentalSEAWarning: true };
    await writeFile(config, JSON.stringify(settings));
    await run(process.execPath, ['--experimental-sea-config', config], { cwd: command });
    return await readFile(output);
  } finally {
    await rm(scratch, { recursive: true });
  }
}

/** Writes a Node that runs the bundle and nothing else. */
export async function writeExecutable(node: string, blob: Buffer, target: string): Promise<void> {
  const scratch = await mkdtemp(join(tmpdir(), 'kleym-executable-'));
  try {
    const content = join(scratch, 'blob');
    await writeFile(content, blob);
    await copyFile(node, target);
    await chmod(target, 0o755);
    // A process of its own: in ours it would leave listeners behind, and warn of each part of Node that it does not know.
    const args = [target, 'NODE_SEA_BLOB', content, '--sentinel-fuse', sentinelFuse];
    await run(process.execPath, [postject, ...args]);
  } finally {
    await rm(scratch, { recursive: true });
  }
}
