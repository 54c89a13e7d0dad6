import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { binding, objective, pool } from '../support/manifests.ts';
import type { Stored } from '../support/kube-client.ts';
import { type TestNamespace, eventually, useCluster } from '../support/test-cluster.ts';
import { broker } from './broker.ts';
import { conditionOf, openTarget, report, until } from './installed.ts';
import { kubectl } from './kubectl.ts';
import { allowSweeps, stopSweeps, untilNoneOrStuck } from './without-sweep.ts';

// What of 200 changes is lost when the programs that deliver them are killed. Nothing is swept meanwhile, so what is
// wrong in the end was lost; then the sweep must make it right.

const target = await openTarget();
process.env['KLEYM_TEST_INSTALLED'] = 'true';
const cluster = await useCluster();
const names = Array.from({ length: 200 }, (_, index) => `binding-${index}`);
let here: TestNamespace;

beforeAll(async () => {
  here = await cluster.namespace();
  await here.create(pool(), objective());
  await stopSweeps();
});
afterAll(() => allowSweeps(target));

interface Change {
  readonly title: string;
  readonly make: () => Promise<unknown>;
  /** The bindings that the change has not brought to where they belong. */
  readonly listWrong: () => Promise<string[]>;
}

const changes: readonly Change[] = [
  { title: 'created', make: () => apply('first'), listWrong: () => listWithout('first') },
  { title: 'changed', make: () => apply('second'), listWrong: () => listWithout('second') },
  {
    title: 'deleted',
    make: () => kubectl(['-n', here.name, 'delete', 'iib', '--all', '--wait=false']),
    listWrong: listLeft,
  },
];

interface Death {
  readonly title: string;
  readonly kill: () => Promise<void>;
}

const deaths: readonly Death[] = [
  { title: 'a dispatcher is killed', kill: () => killOne('knative-eventing', broker.dispatcherSelector) },
  ...(broker.store
    ? [
        {
          title: 'the store is killed',
          kill: () => killOne(broker.store?.namespace ?? '', broker.store?.selector ?? ''),
        },
      ]
    : []),
];

describe.each(deaths)('while $title, 200 bindings', ({ title: death, kill }) => {
  test.each(changes)('that are $title end where they belong', async ({ title, make, listWrong }) => {
    const made = make();
    await until(async () => (await listWrong()).length < names.length - 30, 'the work has begun');
    await kill();
    const start = performance.now();
    await made;
    const lost = await untilNoneOrStuck(listWrong);
    const seconds = ((performance.now() - start) / 1000).toFixed(1);
    report(`${death}, 200 bindings ${title}: ${lost.length} wait for the sweep; ${seconds} s`);
    if (lost.length === 0) return;
    await allowSweeps(target);
    (await cluster.startStack()).sweep();
    await eventually(async () => expect(await listWrong()).toEqual([]));
    await stopSweeps();
  });
});

async function apply(account: string): Promise<void> {
  const manifests = names.map((name) => binding(name, { containerName: name, serviceAccountName: account }));
  const text = manifests.map((manifest) => JSON.stringify(manifest)).join('\n---\n');
  await kubectl(['-n', here.name, 'apply', '-f', '-'], text);
}

/** The bindings that are not Ready with exactly one output, for this service account. */
async function listWithout(account: string): Promise<string[]> {
  const { apiVersion, kind } = binding();
  const [bindings, outputs] = await Promise.all([
    cluster.kube.list({ apiVersion, kind, namespace: here.name }),
    here.outputs(),
  ]);
  const right = bindings.filter((one) => isReady(one) && isServed(one.metadata.name, outputs, account));
  const rightNames = new Set(right.map(({ metadata }) => metadata.name));
  return names.filter((name) => !rightNames.has(name));
}

function isReady(object: Stored): boolean {
  const { observedGeneration } = (object['status'] ?? {}) as { observedGeneration?: number };
  return conditionOf(object, 'Ready')?.status === 'True' && observedGeneration === object.metadata.generation;
}

function isServed(name: string, outputs: readonly Stored[], account: string): boolean {
  const own = outputs
    .map(({ spec }) => spec as { hint: string; workloadSelectorTemplates: string[] })
    .filter(({ hint }) => hint === `${here.name}/${name}`);
  return own.length === 1 && own[0]?.workloadSelectorTemplates.includes(`k8s:sa:${account}`) === true;
}

/** The bindings that are still there, and outputs without one. */
async function listLeft(): Promise<string[]> {
  const { apiVersion, kind } = binding();
  const [bindings, outputs] = await Promise.all([
    cluster.kube.list({ apiVersion, kind, namespace: here.name }),
    here.outputs(),
  ]);
  const left = bindings.map(({ metadata }) => `${here.name}/${metadata.name}`);
  const held = outputs.map(({ spec }) => (spec as { hint: string }).hint);
  return [...new Set([...left, ...held])];
}

/** Kills the pod that has run for longest, and returns when as many run as before. */
async function killOne(namespace: string, labelSelector: string): Promise<void> {
  const pods = { apiVersion: 'v1', kind: 'Pod', namespace, labelSelector };
  const before = await cluster.kube.list(pods);
  const [oldest] = before.toSorted((a, b) => toCreation(a).localeCompare(toCreation(b)));
  if (oldest === undefined) throw new Error(`no pod in ${namespace} has ${labelSelector}`);
  await kubectl(['-n', namespace, 'delete', 'pod', oldest.metadata.name, '--grace-period=0', '--force']);
  await until(async () => {
    const now = await cluster.kube.list(pods);
    const ready = now.filter((pod) => conditionOf(pod, 'Ready')?.status === 'True');
    return (
      ready.length === before.length && !now.some(({ metadata }) => metadata.uid === oldest.metadata.uid)
    );
  }, 'its successor is ready');
}

function toCreation({ metadata }: Stored): string {
  return (metadata as { creationTimestamp?: string }).creationTimestamp ?? '';
}
