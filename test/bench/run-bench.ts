import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { type KubeConfig, KubernetesObjectApi } from '@kubernetes/client-node';
import { pino } from 'pino';
import { forEachLimited } from '../../functions/reconcile/for-each-limited.ts';
import { startStack } from '../../local/stack.ts';
import { type Binding, bindingFinalizer, bindingResource } from '../../shared/api/binding.ts';
import { outputLabels } from '../../shared/api/cluster-spiffe-id.ts';
import { objectiveResources } from '../../shared/api/objective.ts';
import { toApiVersion } from '../../shared/api/object-meta.ts';
import { poolResources } from '../../shared/api/pool.ts';
import { toContentDigest } from '../../shared/identity/content.ts';
import { managedBy, toHint } from '../../shared/identity/ownership.ts';
import type { Cluster } from '../../shared/kube/cluster.ts';
import { connect } from '../../shared/kube/kube-cluster.ts';

/** What one run measured; times in milliseconds. */
export interface Figures {
  readonly bare: number;
  readonly bareSingle: number;
  readonly burst: number;
  readonly single: number;
  readonly move: number;
  readonly rewritten: number;
}

const atOnce = 16;
const singles = 10;
const settings = {
  trustDomain: 'example.org',
  className: undefined,
  namespaceSelector: true,
  overlapPolicy: 'report',
} as const;

/** Measures a bare client, then the product, in namespaces of their own. */
export async function runBench(kubeConfig: KubeConfig, size: number): Promise<Figures> {
  const cluster = connect({ kubeConfig });
  const objects = KubernetesObjectApi.makeApiClient(kubeConfig);
  const floor = await prepare(objects, 'floor', size + singles);
  const bare = await time(() =>
    forEachLimited(range(size), atOnce, (index) => writeBare(cluster, objects, floor, index)),
  );
  const bareSingle =
    (await time(() =>
      forEachLimited(range(singles), 1, (index) => writeBare(cluster, objects, floor, size + index)),
    )) / singles;

  const stack = await startStack({
    kubeConfig,
    settings,
    log: pino({ level: 'silent' }),
    functionsPort: 0,
    brokerPort: 0,
  });
  await stack.sources.ready();
  await stack.broker.idle();
  try {
    const namespace = await prepare(objects, 'burst', size + singles);
    const burst = await time(async () => {
      await forEachLimited(range(size), atOnce, (index) => createBinding(objects, namespace, index));
      await until(async () => (await readyCount(cluster, namespace)) === size);
    });
    const single =
      (await time(() =>
        forEachLimited(range(singles), 1, (index) =>
          createUntilReady(cluster, objects, namespace, size + index),
        ),
      )) / singles;
    const move = await time(() => moveAll(cluster, objects, namespace, size + singles));
    await stack.broker.idle();
    const before = await versions(cluster, namespace);
    await fetch(stack.functions.urls['sweep'] ?? '', { method: 'POST', headers: toPing() });
    await stack.broker.idle();
    const after = await versions(cluster, namespace);
    return {
      bare,
      bareSingle,
      burst,
      single,
      move,
      rewritten: after.filter((version) => !before.includes(version)).length,
    };
  } finally {
    await stack.stop();
  }
}

/** A namespace with a pool and its objectives. */
async function prepare(objects: KubernetesObjectApi, purpose: string, count: number): Promise<string> {
  const namespace = `bench-${purpose}-${randomUUID().slice(0, 8)}`;
  const [pool] = poolResources;
  const [objective] = objectiveResources;
  await objects.create({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } });
  const poolObject = {
    apiVersion: toApiVersion(pool),
    kind: pool.kind,
    metadata: { name: 'pool', namespace },
    spec: {
      selector: { matchLabels: { app: 'one' } },
      targetPorts: [{ number: 8000 }],
      endpointPickerRef: { name: 'epp', port: { number: 9002 } },
    },
  };
  await objects.create(poolObject);
  await forEachLimited(range(count), atOnce, async (index) => {
    const object = {
      apiVersion: toApiVersion(objective),
      kind: objective.kind,
      metadata: { name: `o-${index}`, namespace },
      spec: { poolRef: { name: 'pool' } },
    };
    await objects.create(object);
  });
  return namespace;
}

async function createBinding(objects: KubernetesObjectApi, namespace: string, index: number): Promise<void> {
  const binding = {
    apiVersion: toApiVersion(bindingResource),
    kind: bindingResource.kind,
    metadata: { name: `b-${index}`, namespace },
    spec: {
      poolRef: { name: 'pool' },
      objectiveRef: { name: `o-${index}` },
      serviceAccountName: 'sa',
      containerName: `c-${index}`,
    },
  };
  await objects.create(binding);
}

/** The five writes that the protocol makes for a binding, without a look at anything. */
async function writeBare(
  cluster: Cluster,
  objects: KubernetesObjectApi,
  namespace: string,
  index: number,
): Promise<void> {
  await createBinding(objects, namespace, index);
  const name = `b-${index}`;
  const created = await cluster.getBinding(namespace, name);
  if (typeof created === 'string') throw new Error(`${name} is ${created}`);
  const held = await cluster.patchFinalizers(namespace, toAim(created), [bindingFinalizer]);
  const announced =
    held.kind === 'written'
      ? await cluster.replaceStatus(namespace, toAim(held.object), { observedGeneration: 0 })
      : held;
  await cluster.createOutput(toBareOutput(namespace, name));
  if (announced.kind === 'written')
    await cluster.replaceStatus(namespace, toAim(announced.object), { observedGeneration: 1 });
  await cluster.announce({
    name: `${name}.bench`,
    binding: created,
    type: 'Normal',
    reason: 'Bench',
    message: 'bench',
  });
}

function toBareOutput(namespace: string, name: string) {
  const labels = { [outputLabels.bindingNamespace]: namespace };
  const spec = {
    spiffeIDTemplate: `spiffe://example.org/ns/${namespace}/objective/${name}`,
    hint: toHint(namespace, name),
    className: managedBy,
  };
  const output = { metadata: { name: `bench-${namespace}-${name}`, labels, annotations: {} }, spec };
  return { ...output, metadata: { ...output.metadata, annotations: { content: toContentDigest(output) } } };
}

async function createUntilReady(
  cluster: Cluster,
  objects: KubernetesObjectApi,
  namespace: string,
  index: number,
): Promise<void> {
  await createBinding(objects, namespace, index);
  await until(async () => {
    const binding = await cluster.getBinding(namespace, `b-${index}`);
    return typeof binding !== 'string' && isReady(binding);
  });
}

async function moveAll(
  cluster: Cluster,
  objects: KubernetesObjectApi,
  namespace: string,
  count: number,
): Promise<void> {
  const [pool] = poolResources;
  const edit = {
    apiVersion: toApiVersion(pool),
    kind: pool.kind,
    metadata: { name: 'pool', namespace },
    spec: { selector: { matchLabels: { app: 'two' } } },
  };
  await objects.patch(edit, undefined, undefined, undefined, undefined, 'application/merge-patch+json');
  await until(async () => {
    const outputs = await cluster.listOutputs({
      [outputLabels.bindingNamespace]: namespace,
      [outputLabels.managedBy]: managedBy,
    });
    if (outputs === 'unserved') return false;
    return (
      outputs.items.filter(({ spec }) => spec.podSelector?.matchLabels?.['app'] === 'two').length === count
    );
  });
}

async function readyCount(cluster: Cluster, namespace: string): Promise<number> {
  return (await listBindings(cluster, namespace)).filter(isReady).length;
}

async function versions(cluster: Cluster, namespace: string): Promise<string[]> {
  return (await listBindings(cluster, namespace)).map(
    ({ metadata }) => `${metadata.name} ${metadata.resourceVersion}`,
  );
}

async function listBindings(cluster: Cluster, namespace: string): Promise<readonly Binding[]> {
  const bindings = await cluster.listBindings({ namespace });
  return bindings === 'unserved' ? [] : bindings.items;
}

function isReady({ status }: Binding): boolean {
  return status?.conditions?.some(({ type, status: value }) => type === 'Ready' && value === 'True') ?? false;
}

function toAim({ metadata }: Binding) {
  return { name: metadata.name, uid: metadata.uid, resourceVersion: metadata.resourceVersion };
}

function toPing(): Record<string, string> {
  return {
    'ce-specversion': '1.0',
    'ce-id': randomUUID(),
    'ce-source': '/bench',
    'ce-type': 'dev.knative.sources.ping',
  };
}

function range(count: number): number[] {
  return Array.from({ length: count }, (_, index) => index);
}

async function time(work: () => Promise<unknown>): Promise<number> {
  const since = performance.now();
  await work();
  return performance.now() - since;
}

async function until(isTrue: () => Promise<boolean>): Promise<void> {
  while (!(await isTrue())) await sleep(5);
}
