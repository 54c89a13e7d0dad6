import { randomUUID } from 'node:crypto';
import { readFile, readdir, rename, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { rolldown } from 'rolldown';
import { bundling, leaveOutUnused } from '../../build.ts';
import { describeFailure } from './describe-failure.ts';
import { prepareFolder } from './prepare-folder.ts';

const root = join(import.meta.dirname, '..', '..');
const assets = join(root, 'functions', 'console', 'assets');

/**
 * Bundles what `npm start` runs, and says in which file it is. Run from its sources the process would keep 75 MB more
 * for as long as it runs: Node's compiler of types, that of JSX, and all models of the Kubernetes client.
 */
export async function buildStart(): Promise<string> {
  // Two folders below the root, as the sources are: these find manifests, definitions and examples by their own place.
  const file = join(root, '.kleym', 'program', 'main.mjs');
  const build = await rolldown({ ...bundling, input: 'local/start/main.ts', plugins: [leaveOutUnused] });
  try {
    const { output } = await build.generate({ format: 'esm', codeSplitting: false });
    await prepareFolder(join(dirname(file), 'assets'));
    for (const name of await readdir(assets))
      await writeWhole(join(dirname(file), 'assets', name), await readFile(join(assets, name)));
    await writeWhole(file, output[0].code);
  } finally {
    await build.close();
  }
  return file;
}

/** Another `npm start` may be reading the file. */
async function writeWhole(file: string, content: string | Buffer): Promise<void> {
  const own = `${file}.${randomUUID()}`;
  await writeFile(own, content);
  await rename(own, file);
}

if (import.meta.main) {
  try {
    await buildStart();
  } catch (error) {
    process.stderr.write(`kleym: ${describeFailure(error)}\n`);
    process.exitCode = 1;
  }
}
