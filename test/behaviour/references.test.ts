import { describe, expect, test } from 'vitest';
import { binding, objective, oldObjective, oldPool, pool, poolBinding } from '../support/manifests.ts';
import { eventually, useCluster } from '../support/test-cluster.ts';

const cluster = await useCluster();
await cluster.startQuietStack();

describe.concurrent('how references are resolved', () => {
  test('a binding whose pool is absent is refused', async () => {
    const here = await cluster.namespace();
    await here.create(objective(), binding());
    expect(await here.refused('binding-a', 'InvalidRef', 'TargetPoolNotFound')).toBe(
      `poolRef "pool-a" was not found in namespace "${here.name}" (looked in inference.networking.k8s.io and inference.networking.x-k8s.io)`,
    );
  });

  test('a PoolOnly binding needs no objective', async () => {
    const here = await cluster.namespace();
    await here.create(pool(), poolBinding());
    await here.ready('binding-a');
  });

  test('a binding whose objective is absent is refused, and recovers when it comes', async () => {
    const here = await cluster.namespace();
    await here.create(pool(), binding());
    expect(await here.refused('binding-a', 'InvalidRef', 'TargetObjectiveNotFound')).toBe(
      `objectiveRef "objective-a" was not found in namespace "${here.name}" (looked in llm-d.ai and inference.networking.x-k8s.io)`,
    );
    await here.create(objective());
    await here.ready('binding-a');
  });

  test.each([
    [
      'that points at another pool',
      { name: 'pool-other' },
      (ns: string) => `objectiveRef "objective-a" points at poolRef "${ns}/pool-other", want "${ns}/pool-a"`,
    ],
    [
      'that points at a group that no pool has',
      { group: 'inference.example.com' },
      () =>
        'objectiveRef "objective-a" points at poolRef group "inference.example.com", want "inference.networking.k8s.io"',
    ],
    [
      'that points at the other served group',
      { group: 'inference.networking.x-k8s.io' },
      () =>
        'objectiveRef "objective-a" points at poolRef group "inference.networking.x-k8s.io", want "inference.networking.k8s.io"',
    ],
    [
      'that points at another kind',
      { kind: 'Service' },
      () => 'objectiveRef "objective-a": poolRef.kind is not usable: expected InferencePool, or none',
    ],
  ])('a binding is refused whose objective is one %s', async (_case, poolRef, toMessage) => {
    const here = await cluster.namespace();
    await here.create(pool(), objective('objective-a', poolRef), binding());
    const message = await here.refused('binding-a', 'InvalidRef', 'InvalidObjectiveRef');
    expect(message).toBe(toMessage(here.name));
  });

  test('an objective that says nothing about the group means the default one, and so not an old pool', async () => {
    const here = await cluster.namespace();
    await here.create(oldPool(), objective(), binding());
    const message = await here.refused('binding-a', 'InvalidRef', 'InvalidObjectiveRef');
    expect(message).toBe(
      'objectiveRef "objective-a" points at poolRef group "inference.networking.k8s.io", want "inference.networking.x-k8s.io"',
    );
  });

  test('an objective that names the old group goes with an old pool', async () => {
    const here = await cluster.namespace();
    await here.create(
      oldPool(),
      oldObjective('objective-a', { group: 'inference.networking.x-k8s.io' }),
      binding(),
    );
    const output = await here.ready('binding-a');
    expect(output['spec']).toMatchObject({ podSelector: { matchLabels: { app: 'model-server' } } });
  });

  test('a PoolOnly binding works on a pool of the old group', async () => {
    const here = await cluster.namespace();
    await here.create(oldPool('pool-a', { app: 'model-server', role: 'prefill' }), poolBinding());
    const output = await here.ready('binding-a');
    expect(output['spec']).toMatchObject({
      podSelector: { matchLabels: { app: 'model-server', role: 'prefill' } },
      workloadSelectorTemplates: [
        `k8s:ns:${here.name}`,
        'k8s:pod-label:app:model-server',
        'k8s:pod-label:role:prefill',
        'k8s:sa:inference-sa',
      ],
    });
  });

  test('a PoolOnly binding with an objective that is absent is refused', async () => {
    const here = await cluster.namespace();
    await here.create(pool(), poolBinding('binding-a', { objectiveRef: { name: 'objective-a' } }));
    await here.refused('binding-a', 'InvalidRef', 'TargetObjectiveNotFound');
    await here.create(objective());
    await here.ready('binding-a');
  });

  test('a binding that waits for its pool has the finalizer', async () => {
    const here = await cluster.namespace();
    await here.create(poolBinding());
    await here.refused('binding-a', 'InvalidRef', 'TargetPoolNotFound');
    const { metadata } = await here.get(poolBinding());
    expect(metadata.finalizers).toEqual(['kleym.sonda.red/inferenceidentitybinding-finalizer']);
  });

  test('of two objectives with one name, the one of the preferred group is observed', async () => {
    const here = await cluster.namespace();
    await here.create(pool(), oldObjective(), objective(), binding());
    await here.ready('binding-a');
    const { observed } = await here.status('binding-a');
    expect([observed?.pool?.group, observed?.objective?.group]).toEqual([
      'inference.networking.k8s.io',
      'llm-d.ai',
    ]);
  });

  test('a group in the reference selects the object, whatever else has the name', async () => {
    const here = await cluster.namespace();
    await here.create(
      pool('pool-a', { app: 'new' }),
      oldPool('pool-a', { app: 'old' }),
      poolBinding('binding-a', { poolRef: { name: 'pool-a', group: 'inference.networking.x-k8s.io' } }),
    );
    const output = await here.ready('binding-a');
    expect(output['spec']).toMatchObject({ podSelector: { matchLabels: { app: 'old' } } });
  });

  test('a binding is refused if two objectives with its name point at different pools, until it names a group', async () => {
    const here = await cluster.namespace();
    await here.create(pool(), objective(), oldObjective('objective-a', { name: 'pool-b' }), binding());
    const message = await here.refused('binding-a', 'InvalidRef', 'AmbiguousObjectiveRef');
    expect(message).toContain('set objectiveRef.group');
    await here.edit(binding(), { spec: { objectiveRef: { group: 'llm-d.ai' } } });
    await here.ready('binding-a');
  });

  test('pointing an objective at another pool withdraws the identity', async () => {
    const here = await cluster.namespace();
    await here.create(pool(), pool('pool-b', { app: 'other' }), objective(), binding());
    await here.ready('binding-a');
    await here.edit(objective(), { spec: { poolRef: { name: 'pool-b' } } });
    await here.refused('binding-a', 'InvalidRef', 'InvalidObjectiveRef');
    await here.edit(binding(), { spec: { poolRef: { name: 'pool-b' } } });
    const output = await here.ready('binding-a');
    expect(output['spec']).toMatchObject({ podSelector: { matchLabels: { app: 'other' } } });
  });

  test('deleting a pool withdraws the identity, and creating it again restores it', async () => {
    const here = await cluster.namespace();
    await here.create(pool(), poolBinding());
    await here.ready('binding-a');
    await here.delete(pool());
    await here.refused('binding-a', 'InvalidRef', 'TargetPoolNotFound');
    await here.create(pool());
    await here.ready('binding-a');
  });

  test('deleting an objective withdraws the identity', async () => {
    const here = await cluster.namespace();
    await here.create(pool(), objective(), binding());
    await here.ready('binding-a');
    await here.delete(objective());
    await here.refused('binding-a', 'InvalidRef', 'TargetObjectiveNotFound');
  });

  test('an event of an objective changes only the bindings that name it', async () => {
    const here = await cluster.namespace();
    const other = binding('binding-b', { objectiveRef: { name: 'objective-b' }, containerName: 'other' });
    await here.create(pool(), objective(), objective('objective-b'), binding(), other);
    await here.ready('binding-a');
    await here.ready('binding-b');
    const before = await here.get(other);
    await here.delete(objective());
    await here.refused('binding-a', 'InvalidRef', 'TargetObjectiveNotFound');
    expect((await here.get(other)).metadata.resourceVersion).toBe(before.metadata.resourceVersion);
  });

  test('an event of a pool changes only the bindings that name it, with its group or without one', async () => {
    const here = await cluster.namespace();
    const pinned = poolBinding('pinned', {
      poolRef: { name: 'pool-a', group: 'inference.networking.k8s.io' },
    });
    const elsewhere = poolBinding('elsewhere', { poolRef: { name: 'pool-b' } });
    await here.create(pool(), pool('pool-b', { app: 'b' }), poolBinding('any'), pinned, elsewhere);
    for (const name of ['any', 'pinned', 'elsewhere']) await here.ready(name);
    const before = [await here.get(pinned), await here.get(elsewhere)];
    await here.create(oldPool('pool-a', { app: 'old' }));
    await here.refused('any', 'InvalidRef', 'AmbiguousPoolRef');
    const after = [await here.get(pinned), await here.get(elsewhere)];
    expect(after.map(({ metadata }) => metadata.resourceVersion)).toEqual(
      before.map(({ metadata }) => metadata.resourceVersion),
    );
  });
});

describe.concurrent('a pool that two groups serve', () => {
  test('is one pool if the selectors are equal, and its outputs stay during the migration', async () => {
    const here = await cluster.namespace();
    await here.create(oldPool(), poolBinding());
    const before = await here.ready('binding-a');
    await here.create(pool());
    await eventually(async () => {
      const { observed } = await here.status('binding-a');
      expect(observed?.pool?.group).toBe('inference.networking.k8s.io');
    });
    await here.delete(oldPool());
    const after = await here.ready('binding-a');
    expect(after.metadata.uid).toBe(before.metadata.uid);
  });

  test('is refused if the selectors differ, until they are equal', async () => {
    const here = await cluster.namespace();
    await here.create(oldPool('pool-a', { app: 'old' }), poolBinding());
    await here.ready('binding-a');
    await here.create(pool('pool-a', { app: 'new' }));
    const message = await here.refused('binding-a', 'InvalidRef', 'AmbiguousPoolRef');
    expect(message).toBe(
      'poolRef "pool-a" is served by inference.networking.k8s.io and by inference.networking.x-k8s.io with different selectors: set poolRef.group, or make the selectors equal',
    );
    await here.edit(oldPool(), { spec: { selector: { app: 'new' } } });
    const output = await here.ready('binding-a');
    expect(output['spec']).toMatchObject({ podSelector: { matchLabels: { app: 'new' } } });
  });
});
