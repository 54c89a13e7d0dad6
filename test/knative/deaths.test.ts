import { beforeAll, expect, test } from 'vitest';
import { binding, objective, pool } from '../support/manifests.ts';
import { type TestNamespace, eventually, useCluster } from '../support/test-cluster.ts';
import { namespace, openTarget, report } from './installed.ts';
import { kubectl } from './kubectl.ts';

const target = await openTarget();
process.env['KLEYM_TEST_INSTALLED'] = 'true';
const cluster = await useCluster();

const names = Array.from({ length: 40 }, (_, index) => `binding-${index}`);
let here: TestNamespace;

beforeAll(async () => {
  here = await cluster.namespace();
  await here.create(pool(), objective());
});

// Half of them are rivals of their neighbours, so that the protocol has something to protect.
const manifests = names.map((name, index) =>
  binding(name, { containerName: index % 4 === 0 ? `shared-${index >> 3}` : name }),
);
const refused = names.filter((_, index) => index % 4 === 0);
const ready = names.filter((name) => !refused.includes(name));

test('functions that are killed during the work leave nothing undone', async () => {
  const applied = apply();
  const killed = new Set<string>();
  await untilDone(async () => {
    for (const { metadata } of await target.functionPods()) {
      if (metadata.deletionTimestamp !== undefined || killed.size >= 12) continue;
      killed.add(metadata.name);
      await kubectl(['-n', namespace, 'delete', 'pod', metadata.name, '--grace-period=0', '--force']);
    }
  });
  await applied;
  await expectEnd();
  report(`killed in the middle: ${killed.size} pods of functions`);
  expect(killed.size).toBeGreaterThan(1);
});

test('a Broker whose dispatcher, filter and ingress are restarted during the work leaves nothing undone', async () => {
  await removeAll();
  const applied = apply();
  await eventually(async () => expect((await here.outputs()).length).toBeGreaterThan(0));
  const deployments = ['imc-dispatcher', 'mt-broker-filter', 'mt-broker-ingress'];
  await kubectl([
    '-n',
    'knative-eventing',
    'delete',
    'pod',
    '--grace-period=0',
    '--force',
    '-l',
    'messaging.knative.dev/role=dispatcher',
  ]);
  await kubectl([
    '-n',
    'knative-eventing',
    'rollout',
    'restart',
    ...deployments.slice(1).map((name) => `deployment/${name}`),
  ]);
  await applied;
  for (const name of deployments)
    await kubectl(['-n', 'knative-eventing', 'rollout', 'status', `deployment/${name}`, '--timeout=300s']);
  await expectEnd();
  await removeAll();
});

async function apply(): Promise<void> {
  await kubectl(
    ['-n', here.name, 'apply', '-f', '-'],
    manifests.map((manifest) => JSON.stringify(manifest)).join('\n---\n'),
  );
}

async function removeAll(): Promise<void> {
  await kubectl(['-n', here.name, 'delete', 'iib', '--all', '--timeout=900s']);
  expect(await here.outputs()).toEqual([]);
}

/** Does harm, again and again, until the first outputs stand and there was time for more. */
async function untilDone(harm: () => Promise<void>): Promise<void> {
  for (let round = 0; round < 12; round += 1) {
    await harm();
    if ((await here.outputs()).length === ready.length) return;
  }
}

async function expectEnd(): Promise<void> {
  const start = performance.now();
  for (const name of refused) await here.refused(name, 'Conflict', 'IdentityCollision');
  for (const name of ready) await here.ready(name);
  expect(await here.outputs()).toHaveLength(ready.length);
  report(
    `all ${names.length} bindings at their end ${((performance.now() - start) / 1000).toFixed(1)} s later`,
  );
}
