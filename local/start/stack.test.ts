import { startCluster } from '@kleym/kube-api';
import { KubeConfig } from '@kubernetes/client-node';
import { pino } from 'pino';
import { expect, test } from 'vitest';
import { binding, objective, pool } from '../../test/support/manifests.ts';
import { createKubeClient } from '../../test/support/kube-client.ts';
import { readDefinitions } from '../crds/definitions.ts';
import { eventually, testSettings } from '../../test/support/test-cluster.ts';
import { startStack } from './stack.ts';

test('a stack leads a binding to its output by the same manifests as Knative, and ends without a trace', async () => {
  const cluster = await startCluster({ crds: await readDefinitions() });
  const kubeConfig = new KubeConfig();
  kubeConfig.loadFromString(cluster.kubeconfig());
  const kube = createKubeClient(cluster.url);
  const delivered: string[] = [];
  const seen: string[] = [];
  const stack = await startStack({
    kubeConfig,
    settings: testSettings,
    log: pino({ level: 'silent' }),
    functionsPort: 0,
    brokerPort: 0,
    onEvent: ({ type }) => void seen.push(type),
    onDelivery: ({ trigger, outcome }) => void delivered.push(`${trigger} ${outcome}`),
  });
  await stack.sources.ready();
  for (const manifest of [binding(), objective(), pool()])
    await kube.create({ ...manifest, metadata: { ...manifest.metadata, namespace: 'default' } });
  const where = { apiVersion: 'spire.spiffe.io/v1alpha1', kind: 'ClusterSPIFFEID' };
  await eventually(async () => expect(await kube.list(where)).toHaveLength(1));
  expect(Object.keys(stack.functions.urls).toSorted()).toEqual([
    'map-binding',
    'map-objective',
    'map-output',
    'map-pool',
    'reconcile',
    'sweep',
  ]);
  expect(seen).toContain('dev.knative.apiserver.resource.add');
  await eventually(() =>
    expect(delivered).toEqual(
      expect.arrayContaining(['map-pool replied', 'reconcile-new-binding delivered', 'reconcile delivered']),
    ),
  );

  const { url } = stack.functions;
  await stack.stop();
  await expect(fetch(`${url}/reconcile`, { method: 'POST' })).rejects.toThrow('fetch failed');
  await cluster.close();
});
