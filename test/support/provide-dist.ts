import { cp } from 'node:fs/promises';
import { buildDist } from '../../build.ts';

/** Puts what is shipped of the functions into a folder: those of `KLEYM_TEST_DIST`, which CI has built and would ship, or new ones. */
export async function provideDist(folder: string): Promise<void> {
  const built = process.env['KLEYM_TEST_DIST'];
  if (built === undefined) return await buildDist(folder);
  await cp(built, folder, { recursive: true });
}
