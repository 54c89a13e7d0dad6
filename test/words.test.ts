import { glob, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';

const root = join(import.meta.dirname, '..');

test('nothing that is printed says of a workload what only SPIRE can know', async () => {
  const found: string[] = [];
  for await (const file of glob('{cli,shared/explain,functions/console}/**/*.{ts,tsx}', { cwd: root })) {
    if (/\.test\.tsx?$/.test(file)) continue;
    const text = await readFile(join(root, file), 'utf8');
    const literals = [...text.matchAll(/'[^'\n]*'|`[^`]*`|"[^"\n]*"/g)].map(([literal]) => literal);
    found.push(...literals.filter((literal) => /\b(issued|attested|eligible)\b/i.test(literal)));
  }
  expect(found).toEqual([]);
});
