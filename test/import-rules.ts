import { glob, readFile } from 'node:fs/promises';
import { dirname, join, normalize } from 'node:path';

/** A folder, and the folders that its files may import from beside itself. */
export interface ImportRule {
  readonly folder: string;
  readonly mayImport: readonly string[];
  /** Its tests may import no more than that. */
  readonly isAlone: boolean;
}

/** One import of one file of this repository by another. */
export interface Import {
  readonly from: string;
  readonly to: string;
}

const root = join(import.meta.dirname, '..');
// Tests that stand beside the code use what tests share, and the embedded API server.
const forTests = ['test/', 'local/crds/', '@kleym/kube-api'];

/** The rules of CONTRIBUTING.md: the first and the last column of the table "Where things are". */
export async function readImportRules(): Promise<ImportRule[]> {
  const text = await readFile(join(root, 'CONTRIBUTING.md'), 'utf8');
  const section = text.split(/^## /m).find((part) => part.startsWith('Where things are')) ?? '';
  return [...section.matchAll(/^\| `([^`]+)` \|.*\|([^|]*)\|$/gm)].map(([, folder = '', cell = '']) => ({
    folder,
    mayImport: [...cell.matchAll(/`([^`]+)`/g)].map(([, name = '']) => name),
    isAlone: cell.includes('nothing'),
  }));
}

/** Every import of a file by its path, or of a workspace of ours by its name. */
export async function readImports(): Promise<Import[]> {
  const imports: Import[] = [];
  const files = glob('{functions,shared,local,cli,release,test}/**/*.{ts,tsx,mjs}', {
    cwd: root,
    exclude: ['**/node_modules'],
  });
  for await (const from of files) {
    const text = await readFile(join(root, from), 'utf8');
    for (const [, path = ''] of text.matchAll(/(?:\bfrom|\bimport|\bimport\()\s*'(\.[^']*|@kleym\/[^']*)'/g))
      imports.push({ from, to: path.startsWith('.') ? normalize(join(dirname(from), path)) : path });
  }
  return imports;
}

/** The imports that the rules do not allow. A file in a folder without a rule may import nothing, and nobody may import it. */
export function findForbidden(imports: readonly Import[], rules: readonly ImportRule[]): Import[] {
  return imports.filter(({ from, to }) => !isAllowed(from, to, rules));
}

function isAllowed(from: string, to: string, rules: readonly ImportRule[]): boolean {
  if (to === 'package.json') return true;
  const rule = findRule(from, rules);
  if (!rule) return false;
  if (toPlace(from, rule) === toPlace(to, findRule(to, rules))) return true;
  const isTest = /\.test\.tsx?$/.test(from) && !rule.isAlone;
  const mayImport = isTest ? [...rule.mayImport, ...forTests] : rule.mayImport;
  return mayImport.some((folder) => to.startsWith(folder));
}

/** The rule for the innermost folder. */
function findRule(file: string, rules: readonly ImportRule[]): ImportRule | undefined {
  return rules
    .filter(({ folder }) => file.startsWith(toPrefix(folder)))
    .toSorted((a, b) => b.folder.length - a.folder.length)[0];
}

/** `functions/<name>/` is one folder for each function. */
function toPlace(file: string, rule: ImportRule | undefined): string | undefined {
  if (!rule?.folder.includes('<')) return rule?.folder;
  return file
    .split('/')
    .slice(0, rule.folder.split('/').length - 1)
    .join('/');
}

function toPrefix(folder: string): string {
  return folder.replace(/<.*/, '');
}
