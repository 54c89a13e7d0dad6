import { describe, expect, test } from 'vitest';
import { binding, objective, oldPool, pool, poolBinding } from '../support/manifests.ts';
import { eventually, useCluster } from '../support/test-cluster.ts';

const cluster = await useCluster();
await cluster.startQuietStack();

function selecting(matchLabels: Record<string, string | null>): object {
  return { spec: { selector: { matchLabels } } };
}

describe.concurrent('a change of a pool', () => {
  test('changes the output of a PerObjective binding in place', async () => {
    const here = await cluster.namespace();
    await here.create(pool(), objective(), binding());
    const before = await here.ready('binding-a');
    await here.edit(pool(), selecting({ app: 'next' }));
    await eventually(async () => {
      const after = await here.ready('binding-a');
      expect(after['spec']).toMatchObject({
        podSelector: { matchLabels: { app: 'next' } },
        workloadSelectorTemplates: expect.arrayContaining(['k8s:pod-label:app:next']),
      });
      expect(after.metadata.uid).toBe(before.metadata.uid);
    });
    const { renderedSelectors } = await here.status('binding-a');
    expect(renderedSelectors?.[0]?.selectors).toContain('k8s:pod-label:app:next');
  });

  test('changes the output of a PoolOnly binding in place', async () => {
    const here = await cluster.namespace();
    await here.create(pool(), poolBinding());
    const before = await here.ready('binding-a');
    await here.edit(pool(), selecting({ app: 'next', tier: 'gpu' }));
    await eventually(async () => {
      const after = await here.ready('binding-a');
      expect(after['spec']).toMatchObject({ podSelector: { matchLabels: { app: 'next', tier: 'gpu' } } });
      expect(after.metadata.uid).toBe(before.metadata.uid);
    });
  });

  test('withdraws the identity while it contradicts the pod labels of the binding, and brings it back', async () => {
    const here = await cluster.namespace();
    await here.create(pool(), objective(), binding('binding-a', { podLabels: { tier: 'gpu' } }));
    await here.ready('binding-a');
    await here.edit(pool(), selecting({ tier: 'cpu' }));
    expect(await here.refused('binding-a', 'RenderFailure', 'InvalidPodLabels')).toBe(
      'podLabels: label "tier" is "gpu", but the pool selects pods by "cpu"',
    );
    expect(await here.outputs()).toEqual([]);
    await here.edit(pool(), selecting({ tier: 'gpu' }));
    await here.ready('binding-a');
  });

  test('is observed with its uid and generation', async () => {
    const here = await cluster.namespace();
    await here.create(pool(), poolBinding());
    await here.ready('binding-a');
    await here.edit(pool(), selecting({ tier: 'gpu' }));
    const { metadata } = await here.get(pool());
    await eventually(async () => {
      const { observed } = await here.status('binding-a');
      expect(observed?.pool).toEqual({
        group: 'inference.networking.k8s.io',
        uid: metadata.uid,
        generation: metadata.generation,
      });
    });
  });

  test('writes nothing to the binding if only the status of the pool changes', async () => {
    const here = await cluster.namespace();
    await here.create(pool(), poolBinding(), poolBinding('binding-b', { poolRef: { name: 'pool-b' } }));
    await here.ready('binding-a');
    const before = await here.get(poolBinding());
    await here.edit(pool(), { metadata: { labels: { touched: 'yes' } } });
    // What comes after on the same way shows that the first has been looked at.
    await here.create(pool('pool-b'));
    await here.ready('binding-b');
    expect((await here.get(poolBinding())).metadata.resourceVersion).toBe(before.metadata.resourceVersion);
  });

  test.each([
    ['is empty', { role: '' }, 'pool selector labels must contain non-empty values: label "role" has none'],
    [
      'has a key that is none',
      { 'app/name/extra': 'x' },
      'pool selector label key "app/name/extra" is not a valid label key',
    ],
  ])('withdraws the identity while a label %s, and brings it back', async (_case, labels, message) => {
    const here = await cluster.namespace();
    await here.create(oldPool(), poolBinding());
    await here.ready('binding-a');
    await here.edit(oldPool(), { spec: { selector: labels } });
    expect(await here.refused('binding-a', 'UnsafeSelector', 'InvalidPoolSelector')).toBe(message);
    await here.edit(oldPool(), {
      spec: { selector: Object.fromEntries(Object.keys(labels).map((key) => [key, null])) },
    });
    await here.ready('binding-a');
  });

  test('refuses a binding on a pool that selects nothing', async () => {
    const here = await cluster.namespace();
    await here.create(oldPool('pool-a', {}), poolBinding());
    expect(await here.refused('binding-a', 'UnsafeSelector', 'InvalidPoolSelector')).toBe(
      'pool selector must contain at least one label',
    );
  });

  test('changes both outputs if two pools swap their selectors', async () => {
    const here = await cluster.namespace();
    await here.create(pool('pool-a', { app: 'one' }), pool('pool-b', { app: 'two' }));
    await here.create(objective(), objective('objective-b', { name: 'pool-b' }));
    const b = binding('binding-b', { poolRef: { name: 'pool-b' }, objectiveRef: { name: 'objective-b' } });
    await here.create(binding(), b);
    await here.ready('binding-a');
    await here.ready('binding-b');
    await here.edit(pool('pool-a'), selecting({ app: 'two' }));
    await here.edit(pool('pool-b'), selecting({ app: 'one' }));
    await eventually(async () => {
      expect((await here.ready('binding-a'))['spec']).toMatchObject({
        podSelector: { matchLabels: { app: 'two' } },
      });
      expect((await here.ready('binding-b'))['spec']).toMatchObject({
        podSelector: { matchLabels: { app: 'one' } },
      });
    });
  });
});
