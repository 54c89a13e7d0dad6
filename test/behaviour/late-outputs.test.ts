import { expect, test } from 'vitest';
import { renderIdentity } from '../../shared/identity/render-identity.ts';
import { createBinding, createSources, perObjective } from '../support/inference.ts';
import { eventually, testSettings, useCluster } from '../support/test-cluster.ts';

const cluster = await useCluster();
await cluster.startQuietStack();

test('an output that appears after its binding is gone is deleted because of its own event, before any sweep', async () => {
  // Nothing ever happened in this namespace, so no other event leads here.
  const here = await cluster.namespace();
  const gone = createBinding(perObjective, 'gone', here.name);
  const { outcome } = renderIdentity(gone, createSources(), testSettings);
  if (outcome.kind !== 'done') throw new Error(outcome.message);
  const { metadata, spec } = outcome.value.output;
  await cluster.kube.create({
    apiVersion: 'spire.spiffe.io/v1alpha1',
    kind: 'ClusterSPIFFEID',
    metadata: { ...metadata },
    spec,
  });
  await eventually(async () => expect(await here.outputs()).toEqual([]));
});
