import type { CloudEvent } from 'cloudevents';
import { expect, onTestFinished, test } from 'vitest';
import { startStack } from '../local/start/stack.ts';
import { recordLog } from './support/recorded-log.ts';
import { binding, objective, pool } from './support/manifests.ts';
import { eventually, testSettings, useCluster } from './support/test-cluster.ts';

const cluster = await useCluster();

interface Line {
  readonly function?: string;
  readonly event?: { readonly id: string; readonly correlationId?: string };
}

async function start() {
  const { log, lines } = recordLog();
  const events: CloudEvent<unknown>[] = [];
  const stack = await startStack({
    kubeConfig: cluster.kubeConfig,
    settings: testSettings,
    log,
    functionsPort: 0,
    brokerPort: 0,
    onEvent: (event) => void events.push(event),
  });
  onTestFinished(() => stack.stop());
  return {
    /** The functions whose logs have this id, in the order of their lines. */
    functionsWith: (id: string) =>
      lines
        .map((line) => JSON.parse(line) as Line)
        .filter(({ event }) => event?.id === id || event?.correlationId === id)
        .map((line) => line.function),
    idsOf: (type: string, kind: string, namespace: string) =>
      events
        .filter(
          (event) => event.type.endsWith(type) && event['kind'] === kind && event['namespace'] === namespace,
        )
        .map(({ id }) => id),
  };
}

test('one id leads through the logs of all functions that a change goes through', async () => {
  const here = await cluster.namespace();
  const { functionsWith, idsOf } = await start();
  await here.create(pool(), objective(), binding());
  await here.ready('binding-a');
  const [added = ''] = idsOf('add', 'InferenceIdentityBinding', here.name);
  await eventually(async () => expect(functionsWith(added)).toEqual(['reconcile']));

  await here.edit(pool(), { spec: { selector: { matchLabels: { app: 'next' } } } });
  await eventually(async () => {
    const edits = idsOf('update', 'InferencePool', here.name);
    expect(edits.map(functionsWith)).toEqual([['map-pool', 'reconcile']]);
  });
});
