import { createHash } from 'node:crypto';
import { afterAll, afterEach, describe, expect, test } from 'vitest';
import { findReady } from '../../shared/api/conditions.ts';
import { binding, objective, output, pool, poolBinding } from '../support/manifests.ts';
import type { Manifest, Stored } from '../support/kube-client.ts';
import { startWriteRecorder } from '../support/write-recorder.ts';
import { eventually, useCluster } from '../support/test-cluster.ts';
import { startControlPlane } from './control-plane.ts';
import { openKeptProcesses } from './kept-processes.ts';
import { type StackProcess, createStackProcess } from './stack-process.ts';

/*
 * What kleym-operator of June 2026 leaves in a cluster, and what it looks at when it comes back. It knows its outputs by
 * three labels and by their names, and writes no annotation, no service account and no namespace selector.
 */
const controlPlane = await startControlPlane();
afterAll(() => controlPlane.stop());
const processes = await openKeptProcesses('kleym-change-over');
afterAll(() => processes.end());
const { kube, url } = await useCluster(controlPlane.kubeconfigFile);

const finalizer = 'kleym.sonda.red/inferenceidentitybinding-finalizer';
const collisionSuffix = ': PerObjective bindings must not share the same pod selector and container name';

/** The settings that both are run with. */
interface Setup {
  readonly trustDomain: string;
  readonly className?: string;
}

function place(namespace: string, manifest: Manifest): Manifest {
  return { ...manifest, metadata: { ...manifest.metadata, namespace } };
}

function clean(text: string): string {
  return text.replaceAll(/^-+|-+$/g, '');
}

/** The name that kleym-operator gives an output: the hash covers nothing but the SPIFFE ID. */
function juneName(namespace: string, name: string, mode: 'objective' | 'pool', spiffeId: string): string {
  const hash = createHash('sha1').update(spiffeId).digest('hex').slice(0, 8);
  const base = clean(`kleym-${namespace}-${name}`.toLowerCase().replaceAll(/[^a-z0-9]+/g, '-'));
  return `${clean(base.slice(0, 63 - mode.length - 10))}-${mode}-${hash}`;
}

/** A binding with everything that kleym-operator derives from it. */
interface June {
  readonly binding: Manifest;
  readonly output: Manifest;
  readonly spiffeId: string;
  readonly selectors: readonly string[];
}

function june(
  namespace: string,
  manifest: Manifest,
  labels: Readonly<Record<string, string>>,
  { trustDomain, className }: Setup,
): June {
  const spec = manifest['spec'] as {
    poolRef: { name: string };
    objectiveRef?: { name: string };
    serviceAccountName: string;
    containerName?: string;
    mode?: string;
  };
  const mode = spec.mode === 'PoolOnly' ? 'pool' : 'objective';
  const target = mode === 'pool' ? spec.poolRef.name : spec.objectiveRef?.name;
  const spiffeId = `spiffe://${trustDomain}/ns/${namespace}/${mode}/${target}`;
  const selectors = [
    ...(mode === 'pool' ? [] : [`k8s:container-name:${spec.containerName}`]),
    `k8s:ns:${namespace}`,
    ...Object.entries(labels).map(([key, value]) => `k8s:pod-label:${key}:${value}`),
    `k8s:sa:${spec.serviceAccountName}`,
  ];
  const { name } = manifest.metadata;
  const own = {
    spiffeIDTemplate: spiffeId,
    podSelector: { matchLabels: labels },
    workloadSelectorTemplates: selectors,
    fallback: false,
    hint: `${namespace}/${name}`,
    ...(className !== undefined && { className }),
  };
  const metadata = { labels: juneLabels(namespace, name) };
  const held = { ...manifest, metadata: { ...manifest.metadata, namespace, finalizers: [finalizer] } };
  return {
    binding: held,
    output: output(juneName(namespace, name, mode, spiffeId), own, metadata),
    spiffeId,
    selectors,
  };
}

function juneLabels(namespace: string, name: string): Record<string, string> {
  return {
    'kleym.sonda.red/managed-by': 'kleym',
    'kleym.sonda.red/binding-name': name,
    'kleym.sonda.red/binding-namespace': namespace,
  };
}

const wellInJune = [
  ['Ready', 'True', 'Reconciled', 'Binding reconciled'],
  ['Conflict', 'False', 'Resolved', 'No identity collision detected'],
  ['InvalidRef', 'False', 'Resolved', 'References are valid'],
  ['UnsafeSelector', 'False', 'Resolved', 'Selectors are safe'],
  ['RenderFailure', 'False', 'Resolved', 'Rendering is healthy'],
] as const;

function juneConditions(conditions: readonly (readonly string[])[]): object[] {
  return conditions.map(([type, status, reason, message]) => ({
    type,
    status,
    reason,
    message,
    observedGeneration: 1,
    lastTransitionTime: '2026-06-28T10:00:00Z',
  }));
}

function inConflict(peers: string): (readonly string[])[] {
  const message = `identity collision with bindings ${peers}${collisionSuffix}`;
  return wellInJune.map((condition) => {
    if (condition[0] === 'Ready') return ['Ready', 'False', 'IdentityCollision', message];
    return condition[0] === 'Conflict' ? ['Conflict', 'True', 'IdentityCollision', message] : condition;
  });
}

async function writeBinding(
  { binding: manifest, spiffeId, selectors }: June,
  setup: Setup,
  peers?: string,
): Promise<void> {
  await kube.create(manifest);
  const mode = (manifest['spec'] as { mode?: string }).mode ?? 'PerObjective';
  const computed = {
    computedSpiffeIDs: [{ mode, spiffeID: spiffeId }],
    renderedSelectors: [{ spiffeID: spiffeId, selectors }],
  };
  const status = {
    conditions: juneConditions(peers === undefined ? wellInJune : inConflict(peers)),
    trustDomain: setup.trustDomain,
    ...(setup.className !== undefined && { clusterSPIFFEIDClassName: setup.className }),
    ...(peers === undefined && computed),
  };
  await kube.edit(manifest, { status }, 'status');
}

/** A binding and the output that kleym-operator made for it, as the API server has them. */
async function write(one: June, setup: Setup): Promise<Stored> {
  await writeBinding(one, setup);
  return await kube.create(one.output);
}

async function isReady(namespace: string, name: string): Promise<void> {
  const found = await kube.get(place(namespace, binding(name)));
  const { conditions = [] } = (found?.['status'] ?? {}) as {
    conditions?: { type: string; status: string; observedGeneration: number }[];
  };
  const ready = findReady({ conditions });
  expect([name, ready?.status, ready?.observedGeneration]).toEqual([
    name,
    'True',
    found?.metadata.generation,
  ]);
  // Of June's status this is not true yet: what is ready has been looked at by us.
  expect(found?.['status']).toMatchObject({ claim: { kind: 'owning' } });
}

/** How kleym-operator would find a binding and its outputs: by their labels, their names and their conditions. */
async function lookAsOperator(
  namespace: string,
  name: string,
): Promise<{ binding: Stored; outputs: Stored[] }> {
  const found = await kube.get(place(namespace, binding(name)));
  if (!found) throw new Error(`${namespace}/${name} is gone`);
  const labels = Object.entries(juneLabels(namespace, name)).map((entry) => entry.join('='));
  const { apiVersion, kind } = output('any');
  return { binding: found, outputs: await kube.list({ apiVersion, kind, labelSelector: labels.join(',') }) };
}

/** What it would see there, where everything is as it left it. Its spec has no namespace selector, which it would take off in place. */
async function expectAsJuneLeftIt(one: June, setup: Setup): Promise<void> {
  const { namespace = '', name } = one.binding.metadata;
  const { binding: found, outputs } = await lookAsOperator(namespace, name);
  expect(found.metadata.finalizers).toEqual([finalizer]);
  const { conditions, computedSpiffeIDs, renderedSelectors, trustDomain, clusterSPIFFEIDClassName } = found[
    'status'
  ] as Record<string, unknown>;
  const said = (conditions as Record<string, string>[]).map(({ type, status, reason, message }) => [
    type,
    status,
    reason,
    message,
  ]);
  expect(said).toEqual(wellInJune);
  const generations = (conditions as { observedGeneration: number }[]).map(
    ({ observedGeneration }) => observedGeneration,
  );
  expect(generations).toEqual(Array(5).fill(found.metadata.generation));
  const mode = (one.binding['spec'] as { mode?: string }).mode ?? 'PerObjective';
  expect(computedSpiffeIDs).toEqual([{ mode, spiffeID: one.spiffeId }]);
  expect(renderedSelectors).toEqual([{ spiffeID: one.spiffeId, selectors: one.selectors }]);
  expect([trustDomain, clusterSPIFFEIDClassName]).toEqual([setup.trustDomain, setup.className]);

  expect(outputs.map(({ metadata }) => metadata.name)).toEqual([one.output.metadata.name]);
  const { namespaceSelector, ...spec } = (outputs[0]?.['spec'] ?? {}) as Record<string, unknown>;
  expect(namespaceSelector).toEqual({ matchLabels: { 'kubernetes.io/metadata.name': namespace } });
  expect(spec).toMatchObject(one.output['spec'] as object);
  expect(outputs[0]?.metadata.labels).toMatchObject(juneLabels(namespace, name));
  expect(outputs[0]?.metadata.finalizers).toBeUndefined();
}

async function prepare(namespace: string, ...manifests: readonly Manifest[]): Promise<void> {
  if (namespace !== 'default')
    await kube.create({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } });
  for (const manifest of manifests) await kube.create(place(namespace, manifest));
}

let stack: StackProcess | undefined;
afterEach(async () => {
  await stack?.kill();
  // Each test is about another setup, and a stack looks after everything that it finds.
  for (const type of [binding(), pool(), objective(), output('any')]) {
    for (const left of await kube.list(type)) {
      await kube.edit(left, { metadata: { finalizers: null } });
      await kube.delete(left).catch(() => undefined);
    }
  }
});

async function takeOver(setup: Setup): Promise<void> {
  stack = createStackProcess(processes, {
    name: 'stack',
    kubeconfig: controlPlane.kubeconfigFile,
    sweepSeconds: 2,
    ...setup,
  });
  await stack.start();
}

describe.each<[string, Setup]>([
  ['without a class', { trustDomain: 'example.org' }],
  ['with a class', { trustDomain: 'kleym.sonda.red', className: 'kleym' }],
])('a cluster of kleym-operator %s', (_case, setup) => {
  const suffix = setup.className === undefined ? 'plain' : 'class';
  const reference = `reference-${suffix}`;
  const referenceLabels = {
    'app.kubernetes.io/name': 'reference-model-server',
    'app.kubernetes.io/part-of': reference,
  };
  const app = { app: 'model-server' };

  test('is taken over and handed back without recreating an output', async () => {
    await prepare('default', pool(), objective());
    await prepare(
      reference,
      pool('reference-pool', referenceLabels),
      objective('reference-objective', { name: 'reference-pool' }),
    );
    const refs = { poolRef: { name: 'reference-pool' }, serviceAccountName: 'reference-inference' };
    const all = [
      june('default', poolBinding('pool-a'), app, setup),
      june('default', binding('binding-a'), app, setup),
      june(reference, poolBinding('pool-binding', refs), referenceLabels, setup),
      june(
        reference,
        binding('binding', {
          ...refs,
          objectiveRef: { name: 'reference-objective' },
          containerName: 'model-server',
        }),
        referenceLabels,
        setup,
      ),
    ];
    // The names that the operator's own tests assert.
    const asserted =
      setup.className === undefined
        ? ['kleym-default-pool-a-pool-02767e7b', 'kleym-default-binding-a-objective-046c582e']
        : ['kleym-default-pool-a-pool-ede236a0', 'kleym-default-binding-a-objective-3ace974d'];
    expect(all.slice(0, 2).map(({ output: { metadata } }) => metadata.name)).toEqual(asserted);
    const before = new Map<string, Stored>();
    for (const one of all) before.set(one.output.metadata.name, await write(one, setup));
    // What people and policies have added.
    const decorated = before.get(asserted[0] ?? '');
    if (!decorated) throw new Error('nothing was written');
    const added = {
      metadata: { labels: { 'example.org/team': 'a' }, annotations: { 'example.org/note': 'mine' } },
      spec: { ttl: '1h0m0s', federatesWith: ['other.example.org'] },
    };
    await kube.edit(decorated, added);

    const recorder = await startWriteRecorder(url);
    await takeOver(setup);
    await eventually(async () => {
      for (const {
        binding: { metadata },
      } of all)
        await isReady(metadata.namespace ?? '', metadata.name);
    }, 30_000);
    await stack?.kill();

    const touched = { metadata: { annotations: { touched: 'last' } } };
    await recorder.upTo(
      await kube.edit(all[0]?.binding ?? binding(), touched),
      await kube.edit(decorated, touched),
    );
    await recorder.stop();
    const outputsWritten = recorder.history().events.filter(({ kind }) => kind === 'output');
    expect(outputsWritten.filter(({ type }) => type !== 'MODIFIED')).toEqual([]);
    // One write each, and our own touch of the last.
    expect(outputsWritten).toHaveLength(all.length + 1);

    for (const one of all) {
      const { name } = one.output.metadata;
      expect([name, (await kube.get(one.output))?.metadata.uid]).toEqual([
        name,
        before.get(name)?.metadata.uid,
      ]);
      await expectAsJuneLeftIt(one, setup);
    }
    const kept = await kube.get(decorated);
    expect(kept?.metadata).toMatchObject(added.metadata);
    expect(kept?.['spec']).toMatchObject(added.spec);
  });

  test('is taken over although it drifted, moved, collided, was orphaned or half deleted', async () => {
    const here = `unruly-${suffix}`;
    await prepare(
      here,
      pool(),
      pool('pool-b', { app: 'moved' }),
      objective(),
      objective('objective-b', { name: 'pool-b' }),
    );
    const drifted = june(here, poolBinding('drifted'), app, setup);
    const moved = june(
      here,
      binding('moved', { poolRef: { name: 'pool-b' }, objectiveRef: { name: 'objective-b' } }),
      app,
      setup,
    );
    const before = [await write(drifted, setup), await write(moved, setup)];
    await kube.edit(drifted.output, { spec: { spiffeIDTemplate: 'spiffe://example.org/evil' } });
    const rivals = ['rival-1', 'rival-2'].map((name) =>
      june(here, binding(name, { containerName: 'same' }), app, setup),
    );
    await writeBinding(rivals[0] as June, setup, 'rival-2');
    await writeBinding(rivals[1] as June, setup, 'rival-1');
    // A rival whose output was left behind when the collision was reported, and a binding that nobody knows any more.
    const stale = await kube.create((rivals[0] as June).output);
    const orphan = await kube.create(june(here, poolBinding('gone'), app, setup).output);
    const deleting = june(here, poolBinding('deleting'), app, setup);
    await write(deleting, setup);
    await kube.delete(deleting.binding);

    await takeOver(setup);
    await eventually(async () => {
      await isReady(here, 'drifted');
      await isReady(here, 'moved');
      for (const gone of [stale, orphan, deleting.output, deleting.binding])
        expect(await kube.get(gone)).toBeUndefined();
    }, 30_000);
    const after = [await kube.get(drifted.output), await kube.get(moved.output)];
    expect(after.map((one) => one?.metadata.uid)).toEqual(before.map(({ metadata }) => metadata.uid));
    expect(after[0]?.['spec']).toMatchObject(drifted.output['spec'] as object);
    expect(after[1]?.['spec']).toMatchObject({ podSelector: { matchLabels: { app: 'moved' } } });

    // The operator learns from the text of a condition who collides, and finds no output of them.
    for (const [name, peer] of [
      ['rival-1', 'rival-2'],
      ['rival-2', 'rival-1'],
    ] as const) {
      await eventually(async () => {
        const { binding: found, outputs } = await lookAsOperator(here, name);
        const { conditions } = found['status'] as { conditions: Record<string, string>[] };
        const conflict = conditions.find(({ type }) => type === 'Conflict');
        expect([conflict?.['status'], conflict?.['message']]).toEqual([
          'True',
          `identity collision with bindings ${peer}${collisionSuffix}`,
        ]);
        expect(found['status']).not.toHaveProperty('computedSpiffeIDs');
        expect(outputs).toEqual([]);
      });
    }
    // And they recover as always.
    await kube.edit((rivals[1] as June).binding, { spec: { containerName: 'other' } });
    await eventually(async () => {
      await isReady(here, 'rival-1');
      await isReady(here, 'rival-2');
    }, 30_000);
  });

  test('has a binding that gains, changes and loses pod labels: its output stays the same object', async () => {
    const here = `narrowed-${suffix}`;
    await prepare(here, pool(), objective());
    // The operator knew no pod labels: its output is for the whole pool.
    const podLabels = { role: 'prefill' };
    const gained = june(here, binding('gained', { podLabels }), app, setup);
    const whole = june(here, poolBinding('whole', { podLabels }), app, setup);
    const before = [await write(gained, setup), await write(whole, setup)];

    await takeOver(setup);
    const isSelecting = (labels: Readonly<Record<string, string>>) =>
      eventually(async () => {
        for (const name of ['gained', 'whole']) await isReady(here, name);
        const after = [await kube.get(gained.output), await kube.get(whole.output)];
        expect(after.map((one) => one?.metadata.uid)).toEqual(before.map(({ metadata }) => metadata.uid));
        for (const one of after)
          expect(one?.['spec']).toMatchObject({
            podSelector: { matchLabels: labels },
            workloadSelectorTemplates: expect.arrayContaining(
              Object.entries(labels).map(([key, value]) => `k8s:pod-label:${key}:${value}`),
            ),
          });
      }, 30_000);
    await isSelecting({ ...app, role: 'prefill' });
    for (const one of [gained, whole])
      await kube.edit(one.binding, { spec: { podLabels: { role: 'decode' } } });
    await isSelecting({ ...app, role: 'decode' });
    for (const one of [gained, whole]) await kube.edit(one.binding, { spec: { podLabels: null } });
    await isSelecting(app);
    await stack?.kill();
    const kept = await Promise.all([gained, whole].map((one) => kube.get(one.output)));
    expect(kept.map((one) => one?.['spec'])).toEqual([
      expect.objectContaining({ podSelector: { matchLabels: app } }),
      expect.objectContaining({ podSelector: { matchLabels: app } }),
    ]);
  });

  const alike = [
    { team: 'team', names: ['a.b', 'a-b'] },
    {
      team: 'inference-production-eu-west-1',
      names: ['llama-3-70b-instruct-binding-a', 'llama-3-70b-instruct-binding-b'],
    },
  ];
  const shared = alike.flatMap(({ team, names }) => names.map((owner) => ({ team, names, owner })));

  test.each(shared)(
    'has bindings whose names it could not tell apart, and one output, of $owner: both get their own',
    async ({ team, names, owner }) => {
      const here = `${team}-${suffix}-${names.indexOf(owner)}`;
      await prepare(here, pool());
      const both = names.map((name) => june(here, poolBinding(name), app, setup));
      const ambiguous = both[0]?.output.metadata.name ?? '';
      expect(both[1]?.output.metadata.name).toBe(ambiguous);
      for (const one of both) await writeBinding(one, setup);
      const mine = both.find(({ binding: { metadata } }) => metadata.name === owner);
      const only = await kube.create(mine?.output ?? output('none'));

      await takeOver(setup);
      await eventually(async () => {
        for (const name of names) await isReady(here, name);
      }, 30_000);
      await stack?.kill();
      const found = await Promise.all(names.map((name) => lookAsOperator(here, name)));
      expect(found.map(({ outputs }) => outputs.length)).toEqual([1, 1]);
      const kept = found
        .flatMap(({ outputs }) => outputs)
        .map(({ metadata }) => [metadata.name, metadata.uid]);
      // The operator would find its name only where that means one binding, and take the others away as stale.
      expect(kept.map(([name]) => name === ambiguous)).toEqual(names.map((name) => name === 'a-b'));
      expect(kept.some(([, uid]) => uid === only.metadata.uid)).toBe(owner === 'a-b');
    },
  );
});
