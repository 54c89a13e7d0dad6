import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';

/** Whether there is a kubectl to try; where there is none, one line says so. */
export function hasKubectl(): boolean {
  const folders = (process.env['PATH'] ?? '').split(delimiter);
  if (folders.some((folder) => existsSync(join(folder, 'kubectl')))) return true;
  process.stdout.write('there is no kubectl in PATH, so what people do with it was not tried\n');
  return false;
}
