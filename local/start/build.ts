import { randomUUID } from 'node:crypto';
import { cp, mkdir, rename, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { rolldown } from 'rolldown';
import { bundling, leaveOutUnused } from '../../build.ts';

const root = join(import.meta.dirname, '..', '..');

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
    await mkdir(dirname(file), { recursive: true });
    await cp(join(root, 'functions', 'console', 'assets'), join(dirname(file), 'assets'), {
      recursive: true,
    });
    // Whole at once: another `npm start` may be reading it.
    const own = `${file}.${randomUUID()}`;
    await writeFile(own, output[0].code);
    await rename(own, file);
  } finally {
    await build.close();
  }
  return file;
}

if (import.meta.main) await buildStart();
