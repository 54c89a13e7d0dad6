import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Manifest } from '../support/kube-client.ts';
import { binding, objective, output, pool } from '../support/manifests.ts';
import { type TestNamespace, eventually, useCluster } from '../support/test-cluster.ts';
import { kleym } from './command.ts';
import { namespace as home, openTarget, report, until } from './installed.ts';
import { kubectl } from './kubectl.ts';
import type { OverlayValues } from './overlay.ts';
import { idlePod, idsOf, surelySeconds, untilIds } from './workload.ts';

// Ten ways in which a pod does not get its identity: what `kubectl kleym why pod` says in its first line, beside what
// the pod's container really gets.

const target = await openTarget();
process.env['KLEYM_TEST_INSTALLED'] = 'true';
const cluster = await useCluster();
const stack = await cluster.startStack();
const { image } = target;

let here: TestNamespace;
let elsewhere: TestNamespace;
let promised: string;

const astray = `registry.example.org/model@sha256:${'0'.repeat(64)}`;

beforeAll(async () => {
  [here, elsewhere] = [await cluster.namespace(), await cluster.namespace()];
  promised = `spiffe://kleym.sonda.red/ns/${here.name}/objective/objective-a`;
  for (const place of [here, elsewhere])
    for (const name of ['inference-sa', 'other-sa'])
      await place.create({ apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name } });
  const pods = [
    idlePod(image, 'served'),
    idlePod(image, 'other-label', { labels: { app: 'something-else' } }),
    idlePod(image, 'other-account', { account: 'other-sa' }),
    idlePod(image, 'other-container', { container: 'sidecar' }),
    idlePod(image, 'other-image', { labels: { app: 'by-image' } }),
    idlePod(image, 'contested', { labels: { app: 'contested' } }),
    idlePod(image, 'unsafe', { labels: { app: 'unsafe', tier: '' } }),
  ];
  await here.create(
    ...model('a', { app: 'model-server' }),
    ...model('image', { app: 'by-image' }, { containerName: undefined, containerImage: astray }),
    ...model('contested', { app: 'contested' }),
    binding('binding-rival', bindingTo('contested')),
    ...model('unsafe', { app: 'unsafe', tier: '' }),
    ...pods,
    idlePod(image, 'unscheduled', { nodeSelector: { 'test.kleym.sonda.red/node': 'none' } }),
  );
  await elsewhere.create(idlePod(image, 'other-namespace'));
  const names = pods.map(({ metadata }) => metadata.name);
  const wait = ['wait', '--for=condition=Ready', '--timeout=300s', 'pod'];
  await kubectl(['-n', here.name, ...wait, ...names]);
  await kubectl(['-n', elsewhere.name, ...wait, 'other-namespace']);
  await here.ready('binding-a');
  await here.ready('binding-image');
  await here.refused('binding-contested', 'Conflict', 'IdentityCollision');
  await here.refused('binding-unsafe', 'UnsafeSelector', 'InvalidPoolSelector');
  await untilIds(here.name, 'served', [promised]);
  await sleep(surelySeconds * 1000);
});

afterAll(async () => {
  await reinstall();
});

test('a pod that gets its identity is told which', async () => {
  expect(await firstLine(here, 'served')).toBe(
    `container main of pod ${here.name}/served matches binding binding-a: ${promised}`,
  );
});

describe('a pod that gets none is told why', () => {
  test.each([
    ['other-label', 'main', 'binding-a: label app "something-else" ≠ "model-server". To change it: label'],
    [
      'other-account',
      'main',
      'binding-a: service account "other-sa" ≠ "inference-sa". To change it: run the pod under',
    ],
    [
      'other-container',
      'sidecar',
      'binding-a: container name "sidecar" ≠ "main". To change it: call the container main',
    ],
    ['other-image', 'main', `binding-image: image "${image.replace(/:[^:/]+$/, '')}`],
    ['contested', 'main', 'binding-contested: binding binding-contested has no identity to give: '],
    [
      'unsafe',
      'main',
      'binding-unsafe: binding binding-unsafe has no identity to give: InvalidPoolSelector: ',
    ],
  ])('%s', async (pod, container, reason) => {
    expect(await firstLine(here, pod)).toContain(
      `container ${container} of pod ${here.name}/${pod} matches no binding; nearest is ${reason}`,
    );
    expect(await idsOf(here.name, pod, container)).toEqual([]);
  });

  test('other-namespace', async () => {
    expect(await firstLine(elsewhere, 'other-namespace')).toContain(
      `matches no binding; nearest is binding-a of namespace ${here.name}: namespace "${elsewhere.name}" ≠ "${here.name}". To change it: run`,
    );
    expect(await idsOf(elsewhere.name, 'other-namespace')).toEqual([]);
  });

  test('unscheduled, which nobody can ask for its identity', async () => {
    expect(await firstLine(here, 'unscheduled')).toContain(
      'nearest is binding-a: the pod is not scheduled to a node. To change it: "kubectl describe pod"',
    );
    await expect(idsOf(here.name, 'unscheduled')).rejects.toThrow('ended with 2');
  });
});

describe('where the installation is at fault, so is told', () => {
  test('the class is not that of SPIRE Controller Manager', async () => {
    await reinstall({ className: 'other' });
    await untilSaid('clusterSPIFFEIDClassName', 'other');
    await untilIds(here.name, 'served', []);
    expect((await kleym('doctor')).out).toContain(
      '× SPIRE Controller Manager acts only on outputs without a class, the outputs have "other"',
    );
    expect(await firstLine(here, 'served')).toContain(
      'nearest is binding-a: the ClusterSPIFFEID has class "other", SPIRE Controller Manager acts only on outputs without a class. To change it: set KLEYM_CLUSTERSPIFFEID_CLASS_NAME',
    );
  });

  test('the trust domain is not that of SPIRE, which therefore refuses the entry', async () => {
    await reinstall({ trustDomain: 'elsewhere.example' });
    await untilSaid('trustDomain', 'elsewhere.example');
    await untilIds(here.name, 'served', []);
    expect((await kleym('doctor')).out).toContain(
      '× SPIRE Controller Manager has the trust domain kleym.sonda.red, the functions have elsewhere.example',
    );
    expect(await firstLine(here, 'served')).toContain(
      'nearest is binding-a: the SPIFFE ID is of trust domain elsewhere.example, SPIRE Controller Manager has kleym.sonda.red. To change it: set KLEYM_TRUST_DOMAIN',
    );
    await reinstall();
    await untilSaid('trustDomain', 'kleym.sonda.red');
    await untilIds(here.name, 'served', [promised]);
  });

  test('SPIRE refuses a SPIFFE ID that somebody wrote into the output, and no event tells of it', async () => {
    await kubectl(['-n', home, 'delete', 'trigger', 'map-output']);
    const { metadata } = await here.ready('binding-a');
    const { apiVersion, kind } = output('any');
    await cluster.kube.edit(
      { apiVersion, kind, metadata: { name: metadata.name } },
      { spec: { spiffeIDTemplate: 'spiffe://kleym.sonda.red/spire/reserved' } },
    );
    await eventually(async () => {
      const { out } = await kleym('why', 'pod', 'served', '-n', here.name);
      expect(out).toContain(`SPIRE refused`);
      expect(out.split('\n')[0]).toContain(`ClusterSPIFFEID ${metadata.name} differs from what binding`);
    });
    await untilIds(here.name, 'served', []);
    await reinstall();
  });
});

/** A pool, an objective on it and a binding of that. */
function model(name: string, labels: Record<string, string>, spec: object = {}): Manifest[] {
  return [
    pool(`pool-${name}`, labels),
    objective(`objective-${name}`, { name: `pool-${name}` }),
    binding(`binding-${name}`, { ...bindingTo(name), ...spec }),
  ];
}

function bindingTo(name: string) {
  return { poolRef: { name: `pool-${name}` }, objectiveRef: { name: `objective-${name}` } };
}

async function firstLine({ name }: TestNamespace, pod: string): Promise<string> {
  const { out, err } = await kleym('why', 'pod', pod, '-n', name);
  const [line = ''] = out.split('\n');
  report(`${pod}: ${line}${err}`);
  return line;
}

async function reinstall(values: Partial<OverlayValues> = {}): Promise<void> {
  await target.install(values);
  await until(async () => (await target.unready()).length === 0, 'everything is Ready');
}

/** Sweeps until the Revision with the new settings did it. */
async function untilSaid(field: 'trustDomain' | 'clusterSPIFFEIDClassName', value: string): Promise<void> {
  await eventually(async () => {
    stack.sweep();
    await sleep(3000);
    expect((await here.status('binding-a'))[field]).toBe(value);
  });
}
