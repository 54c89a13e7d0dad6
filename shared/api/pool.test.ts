import { describe, expect, test } from 'vitest';
import { Pool, poolResources } from './pool.ts';

test('pools are looked for in the present group before the older one [F17]', () => {
  expect(poolResources.map(({ group, version }) => `${group}/${version}`)).toEqual([
    'inference.networking.k8s.io/v1',
    'inference.networking.x-k8s.io/v1alpha2',
  ]);
});

describe('a pool', () => {
  const metadata = { name: 'pool-a', namespace: 'default', uid: 'u', resourceVersion: '1' };

  test.each([
    ['labels', { matchLabels: { app: 'model-server' } }],
    ['a flat map', { app: 'model-server' }],
    ['a number', 1],
    ['nothing', null],
  ])('is read whatever its selector is: %s', (_what, selector) => {
    expect(Pool.parse({ metadata, spec: { selector } })).toEqual({ metadata, spec: { selector } });
  });

  test.each([{}, { spec: {} }, { spec: null }, { spec: 'x' }])(
    'is read where it has no selector: %o',
    (rest) => {
      expect(Pool.parse({ metadata, ...rest }).spec?.selector).toBeUndefined();
    },
  );
});
