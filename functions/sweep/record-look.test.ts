import { describe, expect, test } from 'vitest';
import { UncertainError } from '../../shared/api/uncertain-error.ts';
import type { Manifest } from '../../test/support/kube-client.ts';
import { recordLog } from '../../test/support/recorded-log.ts';
import { type Override, createSettling } from '../../test/support/settling.ts';
import { recordLook } from './record-look.ts';

const report: Manifest = {
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name: 'kleym-sweep', namespace: 'kleym-system', labels: { a: 'label' } },
};

async function withReport(override: Override = {}, manifests: readonly Manifest[] = [report]) {
  const { kube, cluster } = await createSettling(() => override);
  await kube.create({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'kleym-system' } });
  for (const manifest of manifests) await kube.create(manifest);
  const { log, lines } = recordLog();
  return {
    record: (found: Parameters<typeof recordLook>[1]['found']) =>
      recordLook(cluster, { namespaces: 1, found }, log),
    edit: (data: object) => kube.edit(report, { data }),
    stored: async () => {
      const found = await kube.get(report);
      return { labels: found?.metadata.labels, data: found?.['data'] as Record<string, string> };
    },
    logged: () => lines.map((line) => JSON.parse(line) as object),
  };
}

describe('a look of the sweep', () => {
  test('is added to the report, and leaves what others put beside it', async () => {
    const { record, edit, stored, logged } = await withReport();
    await edit({ note: 'of the platform team' });
    await record({ 'hand-edit': 1 });
    await record({ orphan: 2 });
    const { data, labels } = await stored();
    expect(data).toMatchObject({
      note: 'of the platform team',
      namespaces: '1',
      'found.orphan': '2',
      'total.hand-edit': '1',
      'total.orphan': '2',
    });
    expect(Object.keys(data)).not.toContain('found.hand-edit');
    expect(labels).toEqual({ a: 'label' });
    expect(logged()).toEqual([]);
  });

  test('begins the report anew where it cannot be read', async () => {
    const { record, edit, stored } = await withReport();
    await edit({ lookedAt: '<script>', 'total.orphan': '999' });
    await record({ orphan: 2 });
    expect(await stored()).toMatchObject({ data: { 'found.orphan': '2', 'total.orphan': '2' } });
  });

  test.each<[string, Override, object]>([
    [
      'may not be read',
      { readSweepReport: () => Promise.reject(new UncertainError('answered 403')) },
      { err: { message: 'answered 403' } },
    ],
    [
      'may not be written',
      { patchSweepReport: async () => ({ kind: 'rejected', forbidden: true, message: 'no' }) },
      { reason: 'no' },
    ],
    ['was just written', { patchSweepReport: async () => ({ kind: 'stale' }) }, { reason: 'stale' }],
    [
      'breaks in an unforeseen way',
      { readSweepReport: () => Promise.reject(new TypeError('a bug')) },
      { err: { type: 'TypeError', message: 'a bug' } },
    ],
  ])('goes on without a report that %s', async (_, override, facts) => {
    const { record, logged } = await withReport(override);
    await record({ orphan: 1 });
    expect(logged()).toMatchObject([{ level: 'warn', msg: 'sweep report not written', ...facts }]);
  });

  test('goes on where nobody installed the report', async () => {
    const { record, logged } = await withReport({}, []);
    await record({});
    expect(logged()).toMatchObject([
      { msg: 'sweep report not written', reason: 'its ConfigMap is not there' },
    ]);
  });
});
