import { describe, expect, test } from 'vitest';
import { binding, objective, pool, poolBinding } from '../support/manifests.ts';
import { type TestNamespace, eventually, toWritten, useCluster, well } from '../support/test-cluster.ts';

const cluster = await useCluster();
await cluster.startQuietStack();

const a = binding();
const b = binding('binding-b', { objectiveRef: { name: 'objective-b' } });

/** A namespace in which binding-a and binding-b ask for the same container. */
async function collide(): Promise<TestNamespace> {
  const here = await cluster.namespace();
  await here.create(pool(), objective(), objective('objective-b'), a, b);
  await bothRefused(here);
  return here;
}

/** The same, with a pool for each that selects the same pods. */
async function collideByTwoPools(): Promise<TestNamespace> {
  const here = await cluster.namespace();
  const spec = { poolRef: { name: 'pool-b' }, objectiveRef: { name: 'objective-b' } };
  await here.create(pool(), pool('pool-b'), objective(), objective('objective-b', { name: 'pool-b' }));
  await here.create(a, binding('binding-b', spec));
  await bothRefused(here);
  return here;
}

async function bothRefused(here: TestNamespace, by = 'container name'): Promise<void> {
  expect(await here.refused('binding-a', 'Conflict', 'IdentityCollision')).toBe(
    `identity collision with bindings binding-b: PerObjective bindings must not share the same pod selector and ${by}`,
  );
  expect(await here.refused('binding-b', 'Conflict', 'IdentityCollision')).toBe(
    `identity collision with bindings binding-a: PerObjective bindings must not share the same pod selector and ${by}`,
  );
}

async function bothReady(here: TestNamespace): Promise<void> {
  for (const name of ['binding-a', 'binding-b']) {
    await here.ready(name);
    expect((await here.status(name)).conflicts).toBeUndefined();
  }
}

describe.concurrent('two bindings that ask for one container', () => {
  test('are both refused and have no output, whichever came first', async () => {
    const here = await collide();
    for (const name of ['binding-a', 'binding-b']) {
      const { trustDomain, clusterSPIFFEIDClassName } = await here.status(name);
      expect({ trustDomain, clusterSPIFFEIDClassName }).toEqual({ trustDomain: 'kleym.sonda.red' });
    }
    expect(await here.outputs()).toEqual([]);
  });

  test('name each other by uid in their status', async () => {
    const here = await collide();
    const { uid } = (await here.get(b)).metadata;
    expect((await here.status('binding-a')).conflicts).toEqual([
      { name: 'binding-b', uid, reason: 'IdentityCollision' },
    ]);
  });

  test('are refused even if one of them was ready before', async () => {
    const here = await cluster.namespace();
    await here.create(pool(), objective(), objective('objective-b'), a);
    await here.ready('binding-a');
    await here.create(b);
    await bothRefused(here);
  });

  test('are refused although the objective is the same', async () => {
    const here = await cluster.namespace();
    await here.create(pool(), objective(), a, binding('binding-b'));
    await bothRefused(here);
  });

  test('are refused although their pools have different names, if the selectors are equal', async () => {
    await collideByTwoPools();
  });

  test('name all of their peers, sorted, and never themselves', async () => {
    const here = await cluster.namespace();
    await here.create(pool(), objective(), binding('binding-c'), binding('binding-a'), binding('binding-b'));
    await eventually(async () => {
      const message = await here.refused('binding-a', 'Conflict', 'IdentityCollision');
      expect(message).toContain('with bindings binding-b, binding-c: ');
    });
    await eventually(async () => {
      const message = await here.refused('binding-c', 'Conflict', 'IdentityCollision');
      expect(message).toContain('with bindings binding-a, binding-b: ');
    });
  });
});

describe.concurrent('two bindings that collided are both ready again', () => {
  test('when the container of one is edited', async () => {
    const here = await collide();
    await here.edit(b, { spec: { containerName: 'sidecar' } });
    await bothReady(here);
  });

  test('when the service account of one is edited', async () => {
    const here = await collide();
    await here.edit(b, { spec: { serviceAccountName: 'other-sa' } });
    await bothReady(here);
  });

  test('when one names other pod labels', async () => {
    const here = await cluster.namespace();
    const podLabels = { 'llm-d.ai/role': 'prefill' };
    const names = ['binding-a', 'binding-b'];
    await here.create(pool(), objective(), ...names.map((name) => binding(name, { podLabels })));
    await bothRefused(here);
    await here.edit(b, { spec: { podLabels: { 'llm-d.ai/role': 'decode' } } });
    await bothReady(here);
  });

  test('when one becomes PoolOnly', async () => {
    const here = await collide();
    await here.edit(b, { spec: { mode: 'PoolOnly', containerName: null, objectiveRef: null } });
    await bothReady(here);
  });

  test('when one refers to another pool', async () => {
    const here = await collide();
    await here.create(pool('pool-b', { app: 'other' }), objective('objective-c', { name: 'pool-b' }));
    await here.edit(b, { spec: { poolRef: { name: 'pool-b' }, objectiveRef: { name: 'objective-c' } } });
    await bothReady(here);
  });

  test('when the selector of one of their pools is edited', async () => {
    const here = await collideByTwoPools();
    await here.edit(pool('pool-b'), { spec: { selector: { matchLabels: { app: 'other' } } } });
    await bothReady(here);
  });

  test('although somebody edited the status of one', async () => {
    const here = await collide();
    const { conditions = [] } = await here.status('binding-b');
    await cluster.kube.edit(
      { ...b, metadata: { name: 'binding-b', namespace: here.name } },
      {
        status: {
          conflicts: null,
          conditions: conditions.map((condition) => ({ ...condition, message: 'something else' })),
        },
      },
      'status',
    );
    await here.edit(b, { spec: { containerName: 'sidecar' } });
    await bothReady(here);
  });
});

describe.concurrent('the binding that is left of two that collided is ready', () => {
  test('when the other is deleted', async () => {
    const here = await collide();
    await here.delete(a);
    await here.gone('binding-a');
    await here.ready('binding-b');
  });

  test('when the objective of the other is deleted', async () => {
    const here = await collide();
    await here.delete(objective());
    await here.refused('binding-a', 'InvalidRef', 'TargetObjectiveNotFound');
    await here.ready('binding-b');
  });

  test('when the pool of the other is deleted', async () => {
    const here = await collideByTwoPools();
    await here.delete(pool('pool-b'));
    await here.refused('binding-b', 'InvalidRef', 'TargetPoolNotFound');
    await here.ready('binding-a');
  });

  test('when the other refers to a pool that does not exist', async () => {
    const here = await collide();
    await here.edit(a, { spec: { poolRef: { name: 'nowhere' } } });
    await here.refused('binding-a', 'InvalidRef', 'TargetPoolNotFound');
    await here.ready('binding-b');
  });

  test('when the selector of the pool of the other becomes invalid', async () => {
    const here = await collideByTwoPools();
    await here.edit(pool('pool-b'), { spec: { selector: { matchLabels: { role: '' } } } });
    await here.refused('binding-b', 'UnsafeSelector', 'InvalidPoolSelector');
    await here.ready('binding-a');
  });

  test('but two of three still collide when one is deleted', async () => {
    const here = await collide();
    await here.create(binding('binding-c'));
    await here.refused('binding-c', 'Conflict', 'IdentityCollision');
    await here.delete(binding('binding-c'));
    await here.gone('binding-c');
    await eventually(() => bothRefused(here));
  });
});

describe.concurrent('bindings that cannot select the same container', () => {
  test('are never in conflict if they are PoolOnly', async () => {
    const here = await cluster.namespace();
    await here.create(pool(), poolBinding(), poolBinding('binding-b'));
    await bothReady(here);
  });

  test('with different service accounts are both ready', async () => {
    const here = await cluster.namespace();
    await here.create(pool(), objective(), a, binding('binding-b', { serviceAccountName: 'other-sa' }));
    await bothReady(here);
  });

  test('with different pod labels are both ready', async () => {
    const here = await cluster.namespace();
    const prefill = binding('binding-a', { podLabels: { 'llm-d.ai/role': 'prefill' } });
    const decode = binding('binding-b', { podLabels: { 'llm-d.ai/role': 'decode' } });
    await here.create(pool(), objective(), prefill, decode);
    await bothReady(here);
    expect((await here.status('binding-a')).conflicts).toBeUndefined();
  });

  test('in different namespaces are both ready', async () => {
    const [here, there] = [await cluster.namespace(), await cluster.namespace()];
    await here.create(pool(), objective(), a);
    await there.create(pool(), objective(), a);
    await here.ready('binding-a');
    await there.ready('binding-a');
  });

  test('with different containers never change each other', async () => {
    const here = await cluster.namespace();
    await here.create(pool(), objective(), a);
    const before = await here.ready('binding-a');
    const resourceVersion = (await here.get(a)).metadata.resourceVersion;
    await here.create(binding('binding-b', { containerName: 'other' }));
    await here.ready('binding-b');
    expect((await here.get(a)).metadata.resourceVersion).toBe(resourceVersion);
    expect(toWritten(await here.ready('binding-a'))).toEqual(toWritten(before));
  });
});

describe.concurrent('bindings that may select the same container', () => {
  const image = `registry.example.org/server@sha256:${'0'.repeat(64)}`;

  test('are both ready, and each names the other as a possible overlap', async () => {
    const here = await cluster.namespace();
    const other = binding('binding-b', {
      poolRef: { name: 'pool-b' },
      objectiveRef: { name: 'objective-b' },
    });
    await here.create(pool(), pool('pool-b', { app: 'model-server', tier: 'gpu' }));
    await here.create(objective(), objective('objective-b', { name: 'pool-b' }), a, other);
    for (const [name, peer] of [
      ['binding-a', 'binding-b'],
      ['binding-b', 'binding-a'],
    ] as const) {
      await eventually(async () => {
        expect(await here.said(name)).toEqual(well);
        const { conflicts = [] } = await here.status(name);
        expect(conflicts.map(({ name: is, reason }) => [is, reason])).toEqual([[peer, 'PossibleOverlap']]);
      });
    }
    await eventually(async () => {
      const events = await here.events('binding-b');
      expect(events.map(({ said }) => said)).toContain('Warning PossibleOverlap');
    });
  });

  test('because one names pod labels and the other none are both ready, and report it', async () => {
    const here = await cluster.namespace();
    await here.create(pool(), objective(), a, binding('binding-b', { podLabels: { role: 'prefill' } }));
    await eventually(async () => {
      for (const [name, peer] of [
        ['binding-a', 'binding-b'],
        ['binding-b', 'binding-a'],
      ] as const) {
        const { conflicts = [] } = await here.status(name);
        expect(await here.said(name)).toEqual(well);
        expect(conflicts.map(({ name: is, reason }) => [is, reason])).toEqual([[peer, 'PossibleOverlap']]);
      }
    });
  });

  test('by an image and by a container name are reported as a possible overlap', async () => {
    const here = await cluster.namespace();
    await here.create(pool(), objective(), a);
    await here.create(binding('binding-b', { containerName: undefined, containerImage: image }));
    await eventually(async () => {
      const { conflicts = [] } = await here.status('binding-b');
      expect(conflicts.map(({ name, reason }) => [name, reason])).toEqual([['binding-a', 'PossibleOverlap']]);
    });
    const output = await here.ready('binding-b');
    expect(output['spec']).toMatchObject({
      workloadSelectorTemplates: expect.arrayContaining([`k8s:container-image:${image}`]),
    });
  });

  test('two bindings of one image and no container name collide', async () => {
    const here = await cluster.namespace();
    const spec = { containerName: undefined, containerImage: image };
    await here.create(pool(), objective(), binding('binding-a', spec), binding('binding-b', spec));
    await bothRefused(here, 'container image');
  });
});
