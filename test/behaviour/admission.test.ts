import { describe, expect, test } from 'vitest';
import { binding, poolBinding } from '../support/manifests.ts';
import { KubeError } from '../support/kube-client.ts';
import { useCluster } from '../support/test-cluster.ts';

const cluster = await useCluster();
const here = await cluster.namespace();
const digest = `sha256:${'a'.repeat(64)}`;

describe.concurrent('the API server takes', () => {
  test.each([
    ['a PerObjective binding', binding('a1', { mode: 'PerObjective' })],
    [
      'a binding of a container image',
      binding('a1-image', { containerName: undefined, containerImage: `registry.example.org/a@${digest}` }),
    ],
    [
      'a binding of a container name and its image',
      binding('a1-both', { containerImage: `registry.example.org/a@${digest}` }),
    ],
    ['a PoolOnly binding', poolBinding('a1-pool')],
    [
      'a PoolOnly binding with an objective',
      poolBinding('a1-pool-objective', { objectiveRef: { name: 'o' } }),
    ],
    ['a PoolOnly binding with an empty container name', poolBinding('a1-pool-empty', { containerName: '' })],
    ['a name of 253 characters', binding('n'.repeat(253))],
    ['references with dots', binding('a1-dots', { poolRef: { name: 'a.b' }, objectiveRef: { name: 'c.d' } })],
  ])('%s', async (_case, manifest) => {
    const [created] = await here.create(manifest);
    expect(created?.['spec']).toMatchObject(JSON.parse(JSON.stringify(manifest['spec'])) as object);
  });

  test('a binding without a mode, and makes it PerObjective', async () => {
    const [created] = await here.create(binding('a2'));
    expect(created?.['spec']).toMatchObject({ mode: 'PerObjective' });
  });
});

describe.concurrent('the API server refuses, and says what to do about', () => {
  test.each([
    [
      'no objective',
      binding('a3', { objectiveRef: undefined }),
      'objectiveRef is required when mode is PerObjective (including default mode)',
    ],
    [
      'a container in PoolOnly',
      poolBinding('a4', { containerName: 'main' }),
      'containerName must be empty when mode is PoolOnly',
    ],
    [
      'an image in PoolOnly',
      poolBinding('a4-image', { containerImage: `registry.example.org/a@${digest}` }),
      'containerImage must be empty when mode is PoolOnly',
    ],
    [
      'neither container nor image',
      binding('a5', { containerName: undefined }),
      'containerName is required when mode is PerObjective (including default mode), or containerImage in its place',
    ],
    [
      'a pool name that is a path',
      binding('a6', { poolRef: { name: 'a/b' } }),
      'poolRef.name must be the name of an InferencePool',
    ],
    [
      'a pool name in blanks',
      binding('a6-blank', { poolRef: { name: ' a ' } }),
      'poolRef.name must be the name of an InferencePool',
    ],
    [
      'an objective name that is a path',
      binding('a6-objective', { objectiveRef: { name: '..' } }),
      'objectiveRef.name must be the name of an InferenceObjective',
    ],
    ['no pool name', binding('a7', { poolRef: { name: '' } }), 'spec.poolRef.name'],
    [
      'a group of no pool',
      binding('a8', { poolRef: { name: 'a', group: 'example.org' } }),
      'Unsupported value: "example.org"',
    ],
    [
      'a group of no objective',
      binding('a9', { objectiveRef: { name: 'a', group: 'example.org' } }),
      'Unsupported value: "example.org"',
    ],
    [
      'a service account that is no name',
      binding('a10', { serviceAccountName: 'bad_service_account' }),
      'spec.serviceAccountName',
    ],
    [
      'no service account',
      binding('a11', { serviceAccountName: undefined }),
      'spec.serviceAccountName: Required value',
    ],
    [
      'a container that is no name',
      binding('a12', { containerName: 'model_server' }),
      'containerName must be the name of a container',
    ],
    [
      'an image by its tag',
      binding('a13', { containerImage: 'registry.example.org/a:latest' }),
      'containerImage must be a fully qualified digest reference',
    ],
    ['an unknown mode', binding('a14', { mode: 'Both' }), 'Unsupported value: "Both"'],
  ])('%s', async (_case, manifest, message) => {
    const refusal = await here.create(manifest).then(
      () => undefined,
      (error: unknown) => error,
    );
    expect(refusal).toBeInstanceOf(KubeError);
    expect(refusal).toMatchObject({ status: 422, message: expect.stringContaining(message) });
  });
});
