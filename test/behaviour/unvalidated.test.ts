import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { binding, objective, pool, poolBinding } from '../support/manifests.ts';
import { type Manifest } from '../support/kube-client.ts';
import { readDefinitions } from '../../local/crds/definitions.ts';
import { eventually, useCluster } from '../support/test-cluster.ts';

/** Without its checks, the definition of bindings takes what an older one might have taken. */
function relax(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(relax);
  if (typeof value !== 'object' || value === null) return value;
  const checks = ['x-kubernetes-validations', 'pattern', 'enum', 'minLength', 'maxLength'];
  const kept = Object.entries(value).filter(([key]) => !checks.includes(key));
  return Object.fromEntries(kept.map(([key, member]) => [key, relax(member)]));
}

const cluster = await useCluster();
const [definition] = await readDefinitions();
await cluster.kube.apply(relax(parse(definition ?? '')) as Manifest);
const probe = await cluster.namespace();
await eventually(async () => probe.create(binding('probe', { objectiveRef: undefined })));
await cluster.startQuietStack();

describe.concurrent('a binding that was created without admission', () => {
  test('is refused if it is PerObjective and names no objective', async () => {
    const here = await cluster.namespace();
    await here.create(pool(), binding('binding-a', { objectiveRef: undefined }));
    expect(await here.refused('binding-a', 'RenderFailure', 'MissingObjectiveRef')).toBe(
      'objectiveRef is required when mode is PerObjective',
    );
  });

  test('is read without the blanks around the names in its references', async () => {
    const here = await cluster.namespace();
    const spec = {
      poolRef: { name: ' pool-a ', group: ' inference.networking.k8s.io ' },
      objectiveRef: { name: ' objective-a ', group: ' llm-d.ai ' },
    };
    await here.create(pool(), objective(), binding('binding-a', spec));
    const { spec: rendered } = await here.ready('binding-a');
    expect(rendered).toMatchObject({
      spiffeIDTemplate: `spiffe://kleym.sonda.red/ns/${here.name}/objective/objective-a`,
    });
  });

  test.each([
    [
      'a pool of an unknown group',
      binding('binding-a', { poolRef: { name: 'pool-a', group: 'example.org' } }),
      'InvalidRef',
      'InvalidPoolRef',
    ],
    [
      'an objective of an unknown group',
      binding('binding-a', { objectiveRef: { name: 'objective-a', group: 'example.org' } }),
      'InvalidRef',
      'InvalidObjectiveRef',
    ],
    ['a pool by a path', binding('binding-a', { poolRef: { name: 'a/b' } }), 'InvalidRef', 'InvalidPoolRef'],
    [
      'an objective by a path',
      binding('binding-a', { objectiveRef: { name: '../../secrets' } }),
      'InvalidRef',
      'InvalidObjectiveRef',
    ],
    [
      'a service account that is no name',
      binding('binding-a', { serviceAccountName: 'bad_service_account' }),
      'RenderFailure',
      'InvalidServiceAccountName',
    ],
    [
      'a service account with a blank',
      binding('binding-a', { serviceAccountName: 'inference-sa ' }),
      'RenderFailure',
      'InvalidServiceAccountName',
    ],
    [
      'a container that is no name',
      binding('binding-a', { containerName: 'model_server' }),
      'RenderFailure',
      'InvalidContainerName',
    ],
    [
      'a container with a blank',
      binding('binding-a', { containerName: ' main' }),
      'RenderFailure',
      'InvalidContainerName',
    ],
    [
      'a container in PoolOnly',
      poolBinding('binding-a', { containerName: ' ' }),
      'RenderFailure',
      'UnexpectedContainerName',
    ],
    [
      'an image by its tag',
      binding('binding-a', { containerImage: 'a:latest' }),
      'RenderFailure',
      'InvalidContainerImage',
    ],
    [
      'a pod label that no pod can have',
      binding('binding-a', { podLabels: { 'a b': 'x' } }),
      'RenderFailure',
      'InvalidPodLabels',
    ],
    [
      'a pod label without a value',
      poolBinding('binding-a', { podLabels: { role: '' } }),
      'RenderFailure',
      'InvalidPodLabels',
    ],
    [
      'nothing that tells its container',
      binding('binding-a', { containerName: undefined }),
      'RenderFailure',
      'MissingContainerDiscriminator',
    ],
  ] as const)('with %s is refused, and can be deleted', async (_case, manifest, condition, reason) => {
    const here = await cluster.namespace();
    await here.create(pool(), objective(), manifest);
    await here.refused('binding-a', condition, reason);
    await here.delete(manifest);
    await here.gone('binding-a');
  });
});
