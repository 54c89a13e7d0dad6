import { findForbidden, readImportRules, readImports } from './import-rules.ts';

const forbidden = findForbidden(await readImports(), await readImportRules());
for (const { from, to } of forbidden)
  process.stderr.write(`${from} imports ${to}: CONTRIBUTING.md says what its folder may import\n`);
process.exitCode = forbidden.length > 0 ? 1 : 0;
