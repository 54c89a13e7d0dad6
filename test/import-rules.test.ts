import { describe, expect, test } from 'vitest';
import { findForbidden, readImportRules, readImports } from './import-rules.ts';

const rules = await readImportRules();
const imports = await readImports();
const folders = rules.map(({ folder }) => folder.replace('<name>', 'sweep'));

describe('the folders of CONTRIBUTING.md', () => {
  test('are all that have code', () => {
    const outside = imports.filter(
      ({ from }) => !folders.some((folder) => from.startsWith(folder.replace('sweep/', ''))),
    );
    expect(outside).toEqual([]);
    expect(folders.length).toBeGreaterThan(15);
  });

  test('import what their rows allow', () => {
    expect(imports.length).toBeGreaterThan(1_000);
    expect(findForbidden(imports, rules)).toEqual([]);
  });

  const pairs = rules.flatMap(({ folder, mayImport }, index) =>
    folders
      .filter((to, other) => other !== index && !mayImport.some((allowed) => to.startsWith(allowed)))
      .map((to) => [folders[index] ?? folder, to] as const),
  );
  test.each(pairs)('%s may not import from %s', (from, to) => {
    const wrong = { from: `${from}some.ts`, to: `${to}other.ts` };
    expect(findForbidden([wrong], rules)).toEqual([wrong]);
  });

  test('functions may not import each other', () => {
    const wrong = { from: 'functions/sweep/sweep.ts', to: 'functions/reconcile/affected.ts' };
    expect(findForbidden([wrong], rules)).toEqual([wrong]);
  });

  test('a workspace is used by its name', () => {
    const named = { from: 'local/start/start.ts', to: '@kleym/kube-api' };
    const wrong = { from: 'local/start/start.ts', to: 'local/kube-api/store.ts' };
    expect(findForbidden([named, wrong], rules)).toEqual([wrong]);
  });

  test('the embedded Kubernetes API stands alone, with its tests', () => {
    const wrong = { from: 'local/kube-api/store.test.ts', to: 'test/support/manifests.ts' };
    expect(findForbidden([wrong], rules)).toEqual([wrong]);
  });

  test('tests beside the code may import from test/ besides, and from nowhere else', () => {
    const allowed = { from: 'shared/decide/decide.test.ts', to: 'test/support/inference.ts' };
    const wrong = { from: 'shared/decide/decide.test.ts', to: 'shared/kube/cluster.ts' };
    expect(findForbidden([allowed, wrong], rules)).toEqual([wrong]);
  });
});
