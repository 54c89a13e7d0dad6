import { existsSync } from 'node:fs';
import { join } from 'node:path';

const folder = join(import.meta.dirname, '..', '..', 'dist', 'release');

/** The path of a file that `npm run release` has written. */
export function released(name: string): string {
  const path = join(folder, name);
  if (!existsSync(path))
    throw new Error(`found no ${path}; expected what "npm run release -- VERSION" writes`);
  return path;
}
