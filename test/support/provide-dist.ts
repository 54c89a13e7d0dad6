import { cp } from 'node:fs/promises';
import { buildFunctions } from '../../build.ts';

/** Puts all bundles into a folder: those of `KLEYM_TEST_DIST`, which CI has built and would ship, or new ones. */
export async function provideDist(folder: string): Promise<void> {
  const built = process.env['KLEYM_TEST_DIST'];
  if (built === undefined) return void (await buildFunctions(folder));
  await cp(built, folder, { recursive: true });
}
