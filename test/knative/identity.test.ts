import { setTimeout as sleep } from 'node:timers/promises';
import { beforeAll, describe, expect, test } from 'vitest';
import { binding, objective, output, pool } from '../support/manifests.ts';
import { type TestNamespace, useCluster } from '../support/test-cluster.ts';
import { openTarget, report } from './installed.ts';
import { kubectl } from './kubectl.ts';
import { idlePod, idsOf, surelySeconds, untilIds } from './workload.ts';

const target = await openTarget();
process.env['KLEYM_TEST_INSTALLED'] = 'true';
const cluster = await useCluster();
const { image } = target;

let here: TestNamespace;
let elsewhere: TestNamespace;
let promised: string;

beforeAll(async () => {
  [here, elsewhere] = [await cluster.namespace(), await cluster.namespace()];
  promised = `spiffe://kleym.sonda.red/ns/${here.name}/objective/objective-a`;
  for (const place of [here, elsewhere])
    for (const name of ['inference-sa', 'other-sa'])
      await place.create({ apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name } });
  await here.create(
    pool(),
    objective(),
    idlePod(image, 'served'),
    idlePod(image, 'other-account', { account: 'other-sa' }),
    idlePod(image, 'other-label', { labels: { app: 'something-else' } }),
    idlePod(image, 'other-container', { container: 'sidecar' }),
  );
  await elsewhere.create(idlePod(image, 'other-namespace'));
  for (const { name } of [here, elsewhere])
    await kubectl(['-n', name, 'wait', '--for=condition=Ready', '--timeout=300s', 'pod', '--all']);
});

describe('a pod of the pool that ran before the binding', () => {
  test('has no identity yet', async () => {
    expect(await idsOf(here.name, 'served')).toEqual([]);
  });

  test('receives the X.509-SVID of its binding', async () => {
    const start = performance.now();
    await kubectl(['-n', here.name, 'apply', '-f', '-'], JSON.stringify(binding()));
    const ready = here.ready('binding-a').then(() => performance.now());
    await untilIds(here.name, 'served', [promised]);
    const got = performance.now();
    report(
      `from kubectl apply to SVID ${seconds(got - start)}, Ready was said after ${seconds((await ready) - start)}`,
    );
  });

  test('with another account, label, container or namespace receives nothing', async () => {
    await sleep(surelySeconds * 1000);
    expect(await idsOf(here.name, 'other-account')).toEqual([]);
    expect(await idsOf(here.name, 'other-label')).toEqual([]);
    expect(await idsOf(here.name, 'other-container', 'sidecar')).toEqual([]);
    expect(await idsOf(elsewhere.name, 'other-namespace')).toEqual([]);
    expect(await idsOf(here.name, 'served')).toEqual([promised]);
  });

  test('loses the SVID in a conflict, and gets it again after the conflict', async () => {
    const rival = binding('rival');
    let start = performance.now();
    await kubectl(['-n', here.name, 'apply', '-f', '-'], JSON.stringify(rival));
    await untilIds(here.name, 'served', []);
    report(`from a conflict to no SVID ${seconds(performance.now() - start)}`);
    expect(await here.refused('binding-a', 'Conflict', 'IdentityCollision')).toContain('rival');
    start = performance.now();
    await kubectl(['-n', here.name, 'delete', 'iib', 'rival']);
    await untilIds(here.name, 'served', [promised]);
    report(`from the end of the conflict to SVID ${seconds(performance.now() - start)}`);
  });

  test('loses the SVID with the binding', async () => {
    const start = performance.now();
    await kubectl(['-n', here.name, 'delete', 'iib', 'binding-a']);
    await untilIds(here.name, 'served', []);
    report(`from kubectl delete to no SVID ${seconds(performance.now() - start)}`);
  });

  test('receives the same from a ClusterSPIFFEID made by hand, which shows what SPIRE alone takes', async () => {
    const { name } = here;
    const byHand = output(`by-hand-${name}`, {
      spiffeIDTemplate: promised,
      podSelector: { matchLabels: { app: 'model-server' } },
      namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': name } },
      workloadSelectorTemplates: [`k8s:ns:${name}`, 'k8s:sa:inference-sa', 'k8s:container-name:main'],
    });
    const start = performance.now();
    await kubectl(['apply', '-f', '-'], JSON.stringify(byHand));
    await untilIds(here.name, 'served', [promised]);
    report(
      `SPIRE alone, a ClusterSPIFFEID made by hand: from kubectl apply to SVID ${seconds(performance.now() - start)}`,
    );
    await kubectl(['delete', 'clusterspiffeid', byHand.metadata.name]);
    await untilIds(here.name, 'served', []);
  });
});

test('each of two pods of one pool receives the SVID of its role alone, and a third without a role none', async () => {
  const place = await cluster.namespace();
  await place.create({ apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'inference-sa' } });
  const roles = ['prefill', 'decode'];
  const app = { app: 'model-server' };
  await place.create(
    pool(),
    idlePod(image, 'no-role'),
    ...roles.map((role) => idlePod(image, role, { labels: { ...app, 'llm-d.ai/role': role } })),
    ...roles.map((role) => objective(role)),
    ...roles.map((role) =>
      binding(role, { objectiveRef: { name: role }, podLabels: { 'llm-d.ai/role': role } }),
    ),
  );
  await kubectl(['-n', place.name, 'wait', '--for=condition=Ready', '--timeout=300s', 'pod', '--all']);
  for (const role of roles)
    await untilIds(place.name, role, [`spiffe://kleym.sonda.red/ns/${place.name}/objective/${role}`]);
  await sleep(surelySeconds * 1000);
  for (const role of roles)
    expect(await idsOf(place.name, role)).toEqual([
      `spiffe://kleym.sonda.red/ns/${place.name}/objective/${role}`,
    ]);
  expect(await idsOf(place.name, 'no-role')).toEqual([]);
});

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}
