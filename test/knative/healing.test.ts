import { beforeAll, describe, expect, test } from 'vitest';
import { binding, objective, output, pool, poolBinding } from '../support/manifests.ts';
import type { Manifest } from '../support/kube-client.ts';
import { type TestNamespace, eventually, useCluster } from '../support/test-cluster.ts';
import { namespace, openTarget, report, until } from './installed.ts';
import { breakingTheGlass, kubectl, tryKubectl } from './kubectl.ts';

const target = await openTarget();
process.env['KLEYM_TEST_INSTALLED'] = 'true';
const cluster = await useCluster();
let here: TestNamespace;

beforeAll(async () => {
  here = await cluster.namespace();
  await here.create(pool(), objective(), binding());
  await here.ready('binding-a');
});

describe('an output', () => {
  test('cannot be edited or deleted by an administrator who does not break the glass', async () => {
    const { metadata } = await here.ready('binding-a');
    const edited = await tryKubectl(edit(metadata.name));
    const deleted = await tryKubectl(['delete', 'clusterspiffeid', metadata.name]);
    for (const { code, err } of [edited, deleted]) {
      expect(code).toBe(1);
      expect(err).toContain('denied request');
    }
  });

  test('that is edited by hand is restored', async () => {
    const { metadata, ...before } = await here.ready('binding-a');
    await kubectl([...edit(metadata.name), ...breakingTheGlass]);
    await eventually(async () => {
      const after = await here.ready('binding-a');
      expect(after['spec']).toEqual(before['spec']);
      expect(after.metadata.generation).toBeGreaterThan(metadata.generation ?? 0);
    });
  });

  test('that is deleted by hand is created again', async () => {
    const { metadata } = await here.ready('binding-a');
    await kubectl(['delete', 'clusterspiffeid', metadata.name, ...breakingTheGlass]);
    await eventually(async () => {
      const after = await here.ready('binding-a');
      expect(after.metadata.uid).not.toBe(metadata.uid);
    });
  });
});

describe('an event that was lost', () => {
  test('is made up for by the sweep: no subscriber got the event of a pool', async () => {
    await kubectl(['-n', namespace, 'delete', 'trigger', 'map-pool']);
    // Until its Subscription is gone, too, the event would be tried again and again, and find the next Trigger.
    await until(async () => !(await subscriptions()).includes('map-pool'), 'nobody subscribes for map-pool');
    await losesMove('moved');
    await target.install();
    await timed('lost with a Trigger', () => untilSelecting('moved'));
  });

  test('is made up for by the sweep: the source of the pools was down', async () => {
    expect(await adapterPods('pools')).not.toEqual([]);
    await kubectl(['-n', namespace, 'delete', 'apiserversource', 'pools']);
    await until(async () => (await adapterPods('pools')).length === 0, 'nobody watches the pools');
    await losesMove('again');
    await target.install();
    await timed('lost with a source', () => untilSelecting('again'));
    await eventually(async () => expect(await target.unready()).toEqual([]));
  });
});

describe('a namespace', () => {
  test('may be created together with its binding, which gets its output by an event or by the sweep', async () => {
    const name = 'kleym-test-at-once';
    const at = (manifest: Manifest) => ({ ...manifest, metadata: { ...manifest.metadata, namespace: name } });
    const all = [
      {
        apiVersion: 'v1',
        kind: 'Namespace',
        metadata: { name, labels: { 'test.kleym.sonda.red/place': 'taken' } },
      },
      ...[pool(), objective(), poolBinding()].map(at),
    ];
    await timed('a namespace with a binding', async () => {
      await kubectl(['apply', '-f', '-'], all.map((one) => JSON.stringify(one)).join('\n---\n'));
      await until(async () => (await cluster.kube.list(outputsOf(name))).length === 1, 'it has its output');
    });
    await kubectl(['-n', name, 'delete', 'iib', '--all']);
  });
});

function edit(name: string): string[] {
  return [
    'patch',
    'clusterspiffeid',
    name,
    '--type=merge',
    '-p',
    '{"spec":{"podSelector":{"matchLabels":{"app":"mine"}}}}',
  ];
}

function toPodLabels({ spec }: Manifest): unknown {
  return (spec as { podSelector: { matchLabels: object } }).podSelector.matchLabels;
}

function outputsOf(name: string): { apiVersion: string; kind: string; labelSelector: string } {
  const { apiVersion, kind } = output('any');
  return { apiVersion, kind, labelSelector: `kleym.sonda.red/binding-namespace=${name}` };
}

async function subscriptions(): Promise<string> {
  return await kubectl(['-n', namespace, 'get', 'subscriptions.messaging.knative.dev', '-o', 'name']);
}

/** The names of the pods that watch for a source. */
async function adapterPods(source: string): Promise<string[]> {
  const pods = { apiVersion: 'v1', kind: 'Pod', namespace };
  const labelSelector = `eventing.knative.dev/sourceName=${source}`;
  return (await target.kube.list({ ...pods, labelSelector })).map(({ metadata }) => metadata.name);
}

/** Moves the pool to other pods, and sees that nobody was told of it. */
async function losesMove(app: string): Promise<void> {
  const before = await selectedPods();
  await settled();
  await betweenSweeps();
  await here.edit(pool(), { spec: { selector: { matchLabels: { app } } } });
  await settled();
  expect(await selectedPods()).toEqual(before);
}

/** The sweep comes at every minute that 5 divides, and would make good at once what is to be seen lost. */
async function betweenSweeps(): Promise<void> {
  await until(async () => {
    const seconds = (Date.now() / 1000) % 300;
    return seconds > 60 && seconds < 180;
  }, 'the last sweep is over and the next one is not near');
}

async function selectedPods(): Promise<unknown[]> {
  return (await here.outputs('binding-a')).map(toPodLabels);
}

async function untilSelecting(app: string): Promise<void> {
  await eventually(async () => expect(await selectedPods()).toEqual([{ app }]));
}

/** Nothing that could still be on its way is, once a later change of another binding has gone all the way. */
async function settled(): Promise<void> {
  const name = `later-${Date.now()}`;
  await here.create(poolBinding(name, { serviceAccountName: name }));
  await here.ready(name);
  await here.delete(poolBinding(name));
  await here.gone(name);
}

async function timed(what: string, wait: () => Promise<void>): Promise<void> {
  const start = performance.now();
  await wait();
  report(`${what}: healed after ${((performance.now() - start) / 1000).toFixed(1)} s`);
}
