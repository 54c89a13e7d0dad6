import { describe, expect, test } from 'vitest';
import { binding, objective, output, pool, poolBinding } from '../support/manifests.ts';
import { type Stored } from '../support/kube-client.ts';
import { eventually, refusedBy, toWritten, useCluster, well } from '../support/test-cluster.ts';

const cluster = await useCluster();
const stack = await cluster.startQuietStack();
const finalizer = 'kleym.sonda.red/inferenceidentitybinding-finalizer';

/** The annotations of an output; the nonce of its claim comes and goes. */
function ours(stored: Stored): object {
  const { annotations } = stored.metadata;
  return { ...annotations, 'kleym.sonda.red/claim': undefined, 'kleym.sonda.red/sent-at': undefined };
}

describe.concurrent('a binding', () => {
  test('says which SPIFFE ID and selectors its workloads get', async () => {
    const here = await cluster.namespace();
    await here.create(pool(), objective(), binding());
    await here.ready('binding-a');
    const spiffeID = `spiffe://kleym.sonda.red/ns/${here.name}/objective/objective-a`;
    expect(await here.status('binding-a')).toMatchObject({
      computedSpiffeIDs: [{ mode: 'PerObjective', spiffeID }],
      renderedSelectors: [
        {
          spiffeID,
          selectors: [
            'k8s:container-name:main',
            `k8s:ns:${here.name}`,
            'k8s:pod-label:app:model-server',
            'k8s:sa:inference-sa',
          ],
        },
      ],
      trustDomain: 'kleym.sonda.red',
    });
  });

  test('that becomes PoolOnly replaces its output by one under another name', async () => {
    const here = await cluster.namespace();
    await here.create(pool(), objective(), binding());
    const before = await here.ready('binding-a');
    await here.edit(binding(), { spec: { mode: 'PoolOnly', containerName: null, objectiveRef: null } });
    await eventually(async () => {
      const after = await here.ready('binding-a');
      expect(after.metadata.name).not.toBe(before.metadata.name);
      const { computedSpiffeIDs = [] } = await here.status('binding-a');
      expect(computedSpiffeIDs).toEqual([
        { mode: 'PoolOnly', spiffeID: `spiffe://kleym.sonda.red/ns/${here.name}/pool/pool-a` },
      ]);
      expect(after['spec']).toMatchObject({ spiffeIDTemplate: computedSpiffeIDs[0]?.spiffeID });
    });
    expect(await here.outputs()).toHaveLength(1);
  });

  test('that becomes PerObjective again gets an output under the first name', async () => {
    const here = await cluster.namespace();
    await here.create(pool(), objective(), poolBinding());
    await here.ready('binding-a');
    await here.edit(poolBinding(), {
      spec: { mode: 'PerObjective', containerName: 'main', objectiveRef: { name: 'objective-a' } },
    });
    await eventually(async () => {
      const { metadata } = await here.ready('binding-a');
      expect(metadata.name).toContain('-objective-');
    });
  });

  test('that gains, changes and loses pod labels moves its output in place', async () => {
    const here = await cluster.namespace();
    await here.create(pool(), objective(), binding());
    const before = await here.ready('binding-a');
    for (const role of ['prefill', 'decode', null]) {
      await here.edit(binding(), { spec: { podLabels: { role } } });
      const labels = { app: 'model-server', ...(role !== null && { role }) };
      await eventually(async () => {
        const { metadata, spec } = await here.ready('binding-a');
        expect(spec).toMatchObject({ podSelector: { matchLabels: labels } });
        expect(metadata.uid).toBe(before.metadata.uid);
      });
    }
    const after = await here.ready('binding-a');
    expect({ ...after.metadata.labels, ...ours(after) }).toEqual({
      ...before.metadata.labels,
      ...ours(before),
    });
    expect(after['spec']).toEqual(before['spec']);
  });

  test('that is edited reports its new generation in all five conditions', async () => {
    const here = await cluster.namespace();
    await here.create(pool(), objective(), binding());
    await here.ready('binding-a');
    const { metadata } = await here.edit(binding(), { spec: { containerName: 'other' } });
    expect(metadata.generation).toBe(2);
    await eventually(async () => {
      const { conditions = [] } = await here.status('binding-a');
      expect(conditions.map(({ observedGeneration }) => observedGeneration)).toEqual([2, 2, 2, 2, 2]);
      expect(await here.said('binding-a')).toEqual(well);
    });
  });

  test('keeps lastTransitionTime of a condition that did not change', async () => {
    const here = await cluster.namespace();
    await here.create(pool(), objective(), binding());
    await here.ready('binding-a');
    const before = (await here.status('binding-a')).conditions ?? [];
    await here.edit(binding(), { spec: { containerName: 'other' } });
    await eventually(async () => expect((await here.status('binding-a')).observedGeneration).toBe(2));
    await here.ready('binding-a');
    const after = (await here.status('binding-a')).conditions ?? [];
    const timeOf = (conditions: typeof before) =>
      conditions.find(({ type }) => type === 'InvalidRef')?.lastTransitionTime;
    expect(timeOf(after)).toBe(timeOf(before));
  });

  test('that is deleted takes its output with it', async () => {
    const here = await cluster.namespace();
    await here.create(pool(), objective(), binding());
    await here.ready('binding-a');
    await here.delete(binding());
    await here.gone('binding-a');
  });

  test('that is deleted and created again at once gets a new output', async () => {
    const here = await cluster.namespace();
    await here.create(pool(), objective(), binding());
    const before = await here.ready('binding-a');
    await here.delete(binding());
    await here.gone('binding-a');
    await here.create(binding());
    const after = await here.ready('binding-a');
    expect(after.metadata.uid).not.toBe(before.metadata.uid);
    const { metadata } = await here.get(binding());
    expect(after.metadata.annotations?.['kleym.sonda.red/binding-uid']).toBe(metadata.uid);
  });

  test.each([
    ['64 characters', 64],
    ['253 characters', 253],
  ])('with a name of %s has an output and can be deleted', async (_case, length) => {
    const here = await cluster.namespace();
    const name = `${'long-name.'.repeat(30).slice(0, length - 1)}z`;
    await here.create(pool(), objective(), binding(name));
    const { metadata } = await here.ready(name);
    expect(metadata.name.length).toBeLessThanOrEqual(63);
    expect(metadata.annotations?.['kleym.sonda.red/binding-name']).toBe(name);
    await here.delete(binding(name));
    await here.gone(name);
  });

  test('shares its output with no other, however alike their names are', async () => {
    const here = await cluster.namespace();
    const names = ['a.b', 'a-b', 'a--b'];
    await here.create(pool(), ...names.map((name) => poolBinding(name)));
    for (const name of names) await here.ready(name);
    const outputs = await here.outputs();
    expect(new Set(outputs.map(({ metadata }) => metadata.name)).size).toBe(3);
    await here.delete(poolBinding('a.b'));
    await here.gone('a.b');
    expect((await here.outputs()).length).toBe(2);
  });

  test('keeps the finalizers of others', async () => {
    const here = await cluster.namespace();
    const manifest = poolBinding();
    await here.create(pool(), {
      ...manifest,
      metadata: { ...manifest.metadata, finalizers: ['example.org/hold'] },
    });
    await here.ready('binding-a');
    await here.delete(manifest);
    await eventually(async () => {
      expect((await here.get(manifest)).metadata.finalizers).toEqual(['example.org/hold']);
      expect(await here.outputs()).toEqual([]);
    });
    await here.edit(manifest, { metadata: { finalizers: null } });
    await here.gone('binding-a');
  });

  test('whose finalizer is taken off by hand gets it back', async () => {
    const here = await cluster.namespace();
    await here.create(pool(), poolBinding());
    await here.ready('binding-a');
    await here.edit(poolBinding(), { metadata: { finalizers: null } });
    await eventually(async () =>
      expect((await here.get(poolBinding())).metadata.finalizers).toEqual([finalizer]),
    );
  });

  test('that goes with its namespace is released and leaves no output', async () => {
    const here = await cluster.namespace();
    await here.create(pool(), objective(), binding(), binding('binding-b', { containerName: 'other' }));
    await here.ready('binding-a');
    await here.ready('binding-b');
    await cluster.kube.delete({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: here.name } });
    // What the namespace controller does; a bare API server has none.
    await here.delete(binding()).catch(() => undefined);
    await here.delete(binding('binding-b')).catch(() => undefined);
    await here.gone('binding-a');
    await here.gone('binding-b');
  });
});

describe.concurrent('an output', () => {
  test('that a foreign finalizer holds keeps its binding until the finalizer is removed', async () => {
    const here = await cluster.namespace();
    await here.create(pool(), objective(), binding());
    const held = await here.ready('binding-a');
    await here.edit(held, { metadata: { finalizers: ['example.org/hold'] } });
    await here.delete(binding());
    await eventually(async () => {
      const { metadata } = await here.get(binding());
      expect(metadata.finalizers).toEqual([finalizer]);
      expect((await here.get(held)).metadata.deletionTimestamp).toBeDefined();
    });
    await here.edit(held, { metadata: { finalizers: null } });
    await here.gone('binding-a');
  });

  test('that a foreign finalizer holds is not reported as withdrawn', async () => {
    const here = await cluster.namespace();
    await here.create(pool(), objective(), binding());
    const held = await here.ready('binding-a');
    await here.edit(held, { metadata: { finalizers: ['example.org/hold'] } });
    await here.create(binding('binding-b'));
    await eventually(async () => {
      expect((await here.said('binding-a'))['Ready']).toBe('Unknown Waiting');
      const ready = (await here.status('binding-a')).conditions?.[0];
      expect(ready?.message).toBe(
        `ClusterSPIFFEID ${held.metadata.name} is being deleted; its finalizers hold it: example.org/hold`,
      );
    });
    await here.edit(held, { metadata: { finalizers: null } });
    await here.refused('binding-a', 'Conflict', 'IdentityCollision');
  });

  test('that is edited by hand is restored, and keeps fields that are not ours', async () => {
    const here = await cluster.namespace();
    await here.create(pool(), objective(), binding());
    const before = await here.ready('binding-a');
    await here.edit(before, {
      metadata: { labels: { 'example.org/team': 'a' } },
      spec: {
        spiffeIDTemplate: 'spiffe://example.org/evil',
        ttl: '1h0m0s',
        podSelector: { matchLabels: { app: 'evil' } },
      },
    });
    await eventually(async () => {
      const healed = await here.ready('binding-a');
      expect(healed['spec']).toEqual({ ...(before['spec'] as object), ttl: '1h0m0s' });
      expect(healed.metadata.labels).toEqual({ ...before.metadata.labels, 'example.org/team': 'a' });
      expect(healed.metadata.uid).toBe(before.metadata.uid);
    });
  });

  test('that is deleted by hand is created again', async () => {
    const here = await cluster.namespace();
    await here.create(pool(), objective(), binding());
    const before = await here.ready('binding-a');
    await here.delete(before);
    await eventually(async () => {
      const after = await here.ready('binding-a');
      expect(after.metadata.uid).not.toBe(before.metadata.uid);
      expect(after.metadata.name).toBe(before.metadata.name);
    });
  });

  test.each([
    ['the label by which it is found', 'kleym.sonda.red/managed-by'],
    ['the label that names its binding', 'kleym.sonda.red/binding-name'],
    ['the label that names its namespace', 'kleym.sonda.red/binding-namespace'],
    ['the label of its service account', 'kleym.sonda.red/service-account'],
  ])('from which %s is taken gets it back', async (_case, label) => {
    const here = await cluster.namespace();
    await here.create(pool(), objective(), binding());
    const before = await here.ready('binding-a');
    await here.edit(before, { metadata: { labels: { [label]: null } } });
    await eventually(async () => {
      const after = await here.ready('binding-a');
      expect(after.metadata.labels).toEqual(before.metadata.labels);
      expect(after.metadata.uid).toBe(before.metadata.uid);
    });
  });

  test('that loses all its labels gets them back', async () => {
    const here = await cluster.namespace();
    await here.create(pool(), objective(), binding());
    const before = await here.ready('binding-a');
    await here.edit(before, { metadata: { labels: null } });
    await eventually(async () =>
      expect((await here.ready('binding-a')).metadata.labels).toEqual(before.metadata.labels),
    );
  });

  test.each([
    ['annotations', { metadata: { annotations: null } }],
    ['annotations and its hint', { metadata: { annotations: null }, spec: { hint: 'nobody/nothing' } }],
    ['annotations and its labels', { metadata: { annotations: null, labels: null } }],
    ['labels and its hint', { metadata: { labels: null }, spec: { hint: 'nobody/nothing' } }],
  ])('that loses its %s gets them back', async (_case, damage) => {
    const here = await cluster.namespace();
    await here.create(pool(), objective(), binding());
    const before = await here.ready('binding-a');
    await here.edit(before, damage);
    await eventually(async () => expect(ours(await here.ready('binding-a'))).toEqual(ours(before)));
  });

  test('whose status SPIRE writes causes no write', async () => {
    const here = await cluster.namespace();
    await here.create(pool(), poolBinding(), poolBinding('binding-b', { poolRef: { name: 'pool-b' } }));
    const before = await here.ready('binding-a');
    const { metadata } = await here.get(poolBinding());
    await cluster.kube.edit(before, { status: { stats: { podsSelected: 3 } } }, 'status');
    await here.create(pool('pool-b'));
    await here.ready('binding-b');
    expect((await here.get(poolBinding())).metadata.resourceVersion).toBe(metadata.resourceVersion);
  });

  test('is confined to its namespace', async () => {
    const here = await cluster.namespace();
    await here.create(pool(), poolBinding());
    const { spec } = await here.ready('binding-a');
    expect(spec).toMatchObject({
      namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': here.name } },
      fallback: false,
      hint: `${here.name}/binding-a`,
    });
  });

  test('of kleym-operator is taken over without being recreated', async () => {
    const here = await cluster.namespace();
    await here.create(pool(), poolBinding());
    const ours = await here.ready('binding-a');
    await here.delete(poolBinding());
    await here.gone('binding-a');
    const labels = {
      'kleym.sonda.red/managed-by': 'kleym',
      'kleym.sonda.red/binding-name': 'binding-a',
      'kleym.sonda.red/binding-namespace': here.name,
    };
    const { namespaceSelector: _none, ...spec } = ours['spec'] as Record<string, unknown>;
    const [created] = await here.create(poolBinding(), output(ours.metadata.name, spec, { labels }));
    expect(created?.metadata.name).toBe('binding-a');
    await eventually(async () => {
      const taken = await here.ready('binding-a');
      expect(taken['spec']).toEqual(ours['spec']);
    });
  });

  test('that nobody owns is withdrawn by the sweep', async () => {
    const here = await cluster.namespace();
    await here.create(pool(), poolBinding());
    const ours = await here.ready('binding-a');
    const labels = { ...ours.metadata.labels, 'kleym.sonda.red/binding-name': 'nobody' };
    await here.create(output(`kleym-${here.name}-nobody`, { hint: `${here.name}/nobody` }, { labels }));
    stack.sweep();
    await eventually(async () => expect(await here.outputs('nobody')).toEqual([]));
  });

  test('of somebody else that carries our labels is left alone', async () => {
    const here = await cluster.namespace();
    const labels = {
      'kleym.sonda.red/managed-by': 'kleym',
      'kleym.sonda.red/binding-name': 'binding-a',
      'kleym.sonda.red/binding-namespace': here.name,
    };
    const foreign = output(`somebody-${here.name}`, {}, { labels });
    const orphan = output(`kleym-${here.name}-binding-a`, { hint: `${here.name}/binding-a` }, { labels });
    const [before] = await here.create(foreign);
    await here.create(pool(), poolBinding());
    await eventually(async () => expect(await here.said('binding-a')).toEqual(well));
    await here.delete(poolBinding());
    await eventually(async () => expect(await here.isGone(poolBinding())).toBe(true));
    // An orphan that the same sweep withdraws shows that it has passed.
    await here.create(orphan);
    stack.sweep();
    await eventually(async () => expect(await here.isGone(orphan)).toBe(true));
    expect(toWritten(await here.get(foreign))).toEqual(before && toWritten(before));
    await here.delete(foreign);
  });
});

describe.concurrent('Kubernetes Events', () => {
  test('record each transition of a binding once', async () => {
    const here = await cluster.namespace();
    await here.create(pool(), objective(), binding());
    const { metadata } = await here.ready('binding-a');
    await here.create(binding('binding-b'));
    await here.refused('binding-a', 'Conflict', 'IdentityCollision');
    await here.edit(binding('binding-b'), { spec: { containerName: 'sidecar' } });
    await here.ready('binding-a');
    stack.sweep();
    await eventually(async () => {
      const events = await here.events('binding-a');
      expect(events.map(({ said }) => said).toSorted()).toEqual([
        'Normal IdentityCollisionResolved',
        'Normal Reconciled',
        'Normal Reconciled',
        'Warning IdentityCollision',
      ]);
      expect(events[0]?.note).toBe(`reconciled ClusterSPIFFEID "${metadata.name}"`);
    });
  });

  test('are not recorded again when nothing changes', async () => {
    const here = await cluster.namespace();
    await here.create(poolBinding());
    await here.refused('binding-a', 'InvalidRef', 'TargetPoolNotFound');
    await here.edit(poolBinding(), { metadata: { annotations: { touched: 'yes' } } });
    await here.edit(poolBinding(), { spec: { serviceAccountName: 'other-sa' } });
    await eventually(async () => {
      expect(await here.said('binding-a')).toEqual(refusedBy('InvalidRef', 'TargetPoolNotFound'));
      expect((await here.status('binding-a')).observedGeneration).toBe(2);
    });
    await eventually(async () => {
      const events = await here.events('binding-a');
      expect(events).toEqual([
        {
          said: 'Warning TargetPoolNotFound',
          note: `poolRef "pool-a" was not found in namespace "${here.name}" (looked in inference.networking.k8s.io and inference.networking.x-k8s.io)`,
        },
      ]);
    });
  });
});
