import { describe, expect, test } from 'vitest';
import { Objective, objectiveResources } from './objective.ts';

test('objectives are looked for where they live now, then in the older groups', () => {
  expect(objectiveResources.map(({ group, version }) => `${group}/${version}`)).toEqual([
    'llm-d.ai/v1alpha2',
    'inference.networking.x-k8s.io/v1alpha2',
    'inference.networking.k8s.io/v1',
  ]);
});

describe('an objective', () => {
  const metadata = { name: 'objective-a', namespace: 'default', uid: 'u', resourceVersion: '1' };

  test.each([
    {},
    { spec: {} },
    { spec: null },
    { spec: [] },
    { spec: { poolRef: null } },
    { spec: { poolRef: ['pool-a'] } },
  ])('is read whatever it says about its pool: %o', (rest) => {
    expect(Objective.safeParse({ metadata, ...rest }).success).toBe(true);
  });
});
