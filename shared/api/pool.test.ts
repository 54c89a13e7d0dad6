import { describe, expect, test } from 'vitest';
import { Pool, poolResources } from './pool.ts';

test('pools are looked for in the present group before the older one', () => {
  expect(poolResources.map(({ group, version }) => `${group}/${version}`)).toEqual([
    'inference.networking.k8s.io/v1',
    'inference.networking.x-k8s.io/v1alpha2',
  ]);
});

const metadata = { name: 'pool-a', namespace: 'default', uid: 'u', resourceVersion: '1' };

function labels(count: number): Record<string, string> {
  return Object.fromEntries(Array.from({ length: count }, (_, index) => [`l${index}`, 'x']));
}

function read(selector: unknown): unknown {
  return Pool.parse({ metadata, spec: { selector } }).spec?.selector;
}

describe('a pool', () => {
  test.each([
    ['labels', { matchLabels: { app: 'model-server' } }],
    ['a flat map', { app: 'model-server' }],
    ['nothing', null],
  ])('is read whatever its selector is: %s', (_what, selector) => {
    expect(Pool.parse({ metadata, spec: { selector } })).toEqual({ metadata, spec: { selector } });
  });

  test('is read with no more of its selector than can matter', () => {
    expect(read(1)).toBe(null);
    expect(read({ matchLabels: labels(64) })).toEqual({ matchLabels: labels(64) });
    expect(read({ matchLabels: labels(65) })).toEqual({ labelCount: 65 });
    expect(read(labels(2000))).toEqual({ labelCount: 2000 });
    expect(read({ app: 'x'.repeat(1_000_000), more: ['x'.repeat(1_000_000)] })).toEqual({
      app: 'x'.repeat(400),
      more: null,
    });
  });

  test.each([{}, { spec: {} }, { spec: null }, { spec: 'x' }])(
    'is read where it has no selector: %o',
    (rest) => {
      expect(Pool.parse({ metadata, ...rest }).spec?.selector).toBeUndefined();
    },
  );
});
