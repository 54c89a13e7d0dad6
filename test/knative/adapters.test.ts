import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { binding, objective, pool } from '../support/manifests.ts';
import { type TestNamespace, eventually, placeLabel, useCluster } from '../support/test-cluster.ts';
import { namespace, openTarget, report } from './installed.ts';
import { kubectl } from './kubectl.ts';
import { allowSweeps, stopSweeps, untilNoneOrStuck } from './without-sweep.ts';

// Which events are lost when the adapters of the sources are replaced, or die? While it happens ten bindings a second are
// created, and nothing is swept.

const target = await openTarget();
process.env['KLEYM_TEST_INSTALLED'] = 'true';
const cluster = await useCluster();
let here: TestNamespace;

beforeAll(stopSweeps);
beforeEach(async () => {
  here = await cluster.namespace();
  await here.create(pool(), objective());
});
afterAll(async () => {
  await scaleAdapter(1);
  await allowSweeps(target);
});

const adapterOfBindings = ['-l', 'eventing.knative.dev/sourceName=bindings'];

test.each<[string, () => Promise<unknown>]>([
  ['eight namespaces come, one every twelve seconds', addNamespaces],
  ['the only adapter of the bindings is deleted', deleteAdapter],
  ['one of two adapters of the bindings is deleted', deleteOneOfTwo],
])('while %s: each binding gets its output', async (title, happen) => {
  const done = happen();
  const names = await createUntil(done);
  const lost = await untilNoneOrStuck(() => listUnserved(names), 20_000);
  report(`${title}: ${lost.length} of ${names.length} bindings wait for the sweep`);
  if (lost.length > 0) await heal(() => listUnserved(names));
});

// An adapter sends one event after the other, so many deletions at once wait in it.
test('while the adapter of the bindings is replaced 400 bindings are deleted at once: no output is left', async () => {
  const names = Array.from({ length: 400 }, (_, index) => `binding-${index}`);
  await Promise.all(names.map((name) => here.create(binding(name, { containerName: name }))));
  expect(await untilNoneOrStuck(() => listUnserved(names))).toEqual([]);

  const restarted = restartAdapter();
  await sleep(1500);
  await kubectl(['-n', here.name, 'delete', 'iib', '--all', '--wait=false']);
  await restarted;
  const left = await untilNoneOrStuck(listOutputs, 30_000);
  report(`replaced while 400 are deleted: ${left.length} outputs wait for the sweep`);
  if (left.length > 0) await heal(listOutputs);
});

async function listOutputs(): Promise<string[]> {
  return (await here.outputs()).map(({ metadata }) => metadata.name);
}

async function heal(listWrong: () => Promise<readonly string[]>): Promise<void> {
  await allowSweeps(target);
  (await cluster.startStack()).sweep();
  await eventually(async () => expect(await listWrong()).toEqual([]));
  await stopSweeps();
}

async function restartAdapter(): Promise<void> {
  await kubectl(['-n', namespace, 'rollout', 'restart', 'deployment', ...adapterOfBindings]);
  await kubectl(['-n', namespace, 'rollout', 'status', 'deployment', ...adapterOfBindings]);
}

/** Creates bindings until it is done, and for three seconds more. */
async function createUntil(done: Promise<unknown>): Promise<string[]> {
  const names: string[] = [];
  const over = new AbortController();
  const ended = done.then(() => sleep(3000)).finally(() => over.abort());
  while (!over.signal.aborted) {
    const name = `binding-${names.length}`;
    await here.create(binding(name, { containerName: name }));
    names.push(name);
    await sleep(100);
  }
  await ended;
  return names;
}

async function listUnserved(names: readonly string[]): Promise<string[]> {
  const served = new Set((await here.outputs()).map(({ spec }) => (spec as { hint: string }).hint));
  return names.filter((name) => !served.has(`${here.name}/${name}`));
}

async function addNamespaces(): Promise<void> {
  for (let index = 0; index < 8; index += 1) {
    const metadata = { name: `${here.name}-more-${index}`, labels: { [placeLabel]: 'taken' } };
    await cluster.kube.create({ apiVersion: 'v1', kind: 'Namespace', metadata });
    await sleep(12_000);
  }
}

async function deleteAdapter(): Promise<void> {
  await sleep(3000);
  await kubectl(['-n', namespace, 'delete', 'pod', ...adapterOfBindings]);
  await kubectl(['-n', namespace, 'rollout', 'status', 'deployment', ...adapterOfBindings]);
}

async function deleteOneOfTwo(): Promise<void> {
  await scaleAdapter(2);
  const names = await kubectl(['-n', namespace, 'get', 'pod', ...adapterOfBindings, '-o', 'name']);
  const [first = ''] = names.split('\n');
  await kubectl(['-n', namespace, 'delete', first]);
  await kubectl(['-n', namespace, 'rollout', 'status', 'deployment', ...adapterOfBindings]);
}

async function scaleAdapter(replicas: number): Promise<void> {
  await kubectl(['-n', namespace, 'scale', 'deployment', ...adapterOfBindings, `--replicas=${replicas}`]);
  await kubectl(['-n', namespace, 'rollout', 'status', 'deployment', ...adapterOfBindings]);
}
