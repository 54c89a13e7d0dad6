import type { CloudEvent } from 'cloudevents';
import { pino } from 'pino';
import { expect, onTestFinished, test } from 'vitest';
import { startStack } from '../local/start/stack.ts';
import { binding, objective, pool, poolBinding } from './support/manifests.ts';
import { createRandom } from './support/random.ts';
import { type TestNamespace, testSettings, useCluster } from './support/test-cluster.ts';

// A Broker that stores events delivers those of the last minutes again to a Trigger that is new, or whose delivery was
// edited. Any Broker delivers some twice, and late ones after newer ones.

const cluster = await useCluster();

async function start() {
  const events: CloudEvent<unknown>[] = [];
  const stack = await startStack({
    kubeConfig: cluster.kubeConfig,
    settings: testSettings,
    log: pino({ level: 'silent' }),
    functionsPort: 0,
    brokerPort: 0,
    sweepSeconds: 86_400,
    sweepOnGap: false,
    onEvent: (event) => void events.push(event),
  });
  onTestFinished(() => stack.stop());
  await stack.sources.ready();
  return { events, broker: stack.broker };
}

/** Bindings that come, change, collide, go, and come back under the same name. */
async function live(here: TestNamespace): Promise<void> {
  await here.create(pool(), pool('pool-b'), objective(), binding('kept', { containerName: 'kept' }));
  await here.create(poolBinding('moved'), binding('rival-1'), binding('rival-2'));
  await here.ready('kept');
  await here.ready('moved');
  await here.refused('rival-1', 'Conflict', 'IdentityCollision');
  await here.edit(poolBinding('moved'), { spec: { poolRef: { name: 'pool-b' } } });
  await here.edit(pool(), { spec: { selector: { matchLabels: { app: 'next' } } } });
  await here.delete(binding('rival-1'));
  await here.gone('rival-1');
  await here.ready('rival-2');
  await here.delete(binding('kept'));
  await here.gone('kept');
  await here.create(binding('kept', { containerName: 'another' }));
  await here.ready('kept');
  await here.delete(pool('pool-b'));
  await here.refused('moved', 'InvalidRef', 'TargetPoolNotFound');
}

async function listVersions(here: TestNamespace): Promise<string[]> {
  const { apiVersion, kind } = binding();
  const lists = await Promise.all([
    cluster.kube.list({ apiVersion, kind, namespace: here.name }),
    here.outputs(),
  ]);
  return lists.flat().map(({ metadata }) => `${metadata.name} ${metadata.uid} ${metadata.resourceVersion}`);
}

test.each([1, 2])(
  'all events of a history, delivered again twice and in any order, change nothing: seed %i',
  async (seed) => {
    const here = await cluster.namespace();
    const { events, broker } = await start();
    await live(here);
    await broker.idle();
    const before = await listVersions(here);
    const told = shuffle([...events, ...events], createRandom(seed));
    expect(told.length).toBeGreaterThan(60);

    for (const event of told) broker.send(event);
    await broker.idle();
    expect(await listVersions(here)).toEqual(before);
  },
);

function shuffle<T>(all: readonly T[], random: (below: number) => number): T[] {
  return all
    .map((one): [number, T] => [random(1_000_000), one])
    .toSorted(([a], [b]) => a - b)
    .map(([, one]) => one);
}
