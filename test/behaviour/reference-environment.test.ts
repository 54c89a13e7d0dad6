import { describe, expect, test } from 'vitest';
import { binding, objective, output, pool, poolBinding } from '../support/manifests.ts';
import { type TestNamespace, eventually, toWritten, useCluster, well } from '../support/test-cluster.ts';

const cluster = await useCluster();
await cluster.startQuietStack();

const labels = {
  'app.kubernetes.io/name': 'reference-model-server',
  'app.kubernetes.io/part-of': 'kleym-reference-inference',
};
const common = { poolRef: { name: 'reference-pool' }, serviceAccountName: 'reference-inference' };
const perObjective = binding('binding', {
  ...common,
  objectiveRef: { name: 'reference-objective' },
  containerName: 'model-server',
});
const wholePool = poolBinding('pool-binding', common);

async function prepare(): Promise<TestNamespace> {
  const here = await cluster.namespace();
  await here.create(
    pool('reference-pool', labels),
    objective('reference-objective', { name: 'reference-pool' }),
  );
  return here;
}

describe.concurrent('the reference environment', () => {
  test('compiles the PerObjective binding into the output that is written down for it', async () => {
    const here = await prepare();
    await here.create(perObjective);
    const { metadata, spec } = await here.ready('binding');
    const spiffeID = `spiffe://kleym.sonda.red/ns/${here.name}/objective/reference-objective`;
    const selectors = [
      'k8s:container-name:model-server',
      `k8s:ns:${here.name}`,
      'k8s:pod-label:app.kubernetes.io/name:reference-model-server',
      'k8s:pod-label:app.kubernetes.io/part-of:kleym-reference-inference',
      'k8s:sa:reference-inference',
    ];
    expect(spec).toEqual({
      spiffeIDTemplate: spiffeID,
      podSelector: { matchLabels: labels },
      namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': here.name } },
      workloadSelectorTemplates: selectors,
      fallback: false,
      hint: `${here.name}/binding`,
    });
    expect(metadata.name).toMatch(new RegExp(`^kleym-${here.name}-binding-objective-[0-9a-f]{8}$`));
    expect(metadata.labels).toEqual({
      'kleym.sonda.red/managed-by': 'kleym',
      'kleym.sonda.red/binding-name': 'binding',
      'kleym.sonda.red/binding-namespace': here.name,
      'kleym.sonda.red/service-account': 'reference-inference',
      'kleym.sonda.red/key': expect.stringMatching(/^[0-9a-f]{32}$/),
    });
    expect(await here.said('binding')).toEqual(well);
    expect(await here.status('binding')).toMatchObject({
      trustDomain: 'kleym.sonda.red',
      computedSpiffeIDs: [{ mode: 'PerObjective', spiffeID }],
      renderedSelectors: [{ spiffeID, selectors }],
    });
  });

  test('changes nothing when the same binding is applied again', async () => {
    const here = await prepare();
    const manifest = { ...perObjective, metadata: { name: 'binding', namespace: here.name } };
    await cluster.kube.apply(manifest);
    const before = await here.ready('binding');
    await cluster.kube.apply(manifest);
    const after = await here.ready('binding');
    expect(toWritten(after)).toEqual(toWritten(before));
    await here.delete(perObjective);
    await here.gone('binding');
  });

  test('compiles the PoolOnly binding into the output that is written down for it', async () => {
    const here = await prepare();
    await here.create(wholePool);
    const { metadata, spec } = await here.ready('pool-binding');
    expect(spec).toMatchObject({
      spiffeIDTemplate: `spiffe://kleym.sonda.red/ns/${here.name}/pool/reference-pool`,
      workloadSelectorTemplates: [
        `k8s:ns:${here.name}`,
        'k8s:pod-label:app.kubernetes.io/name:reference-model-server',
        'k8s:pod-label:app.kubernetes.io/part-of:kleym-reference-inference',
        'k8s:sa:reference-inference',
      ],
    });
    expect(metadata.name).toMatch(new RegExp(`^kleym-${here.name}-pool-binding-pool-[0-9a-f]{8}$`));
    await here.delete(wholePool);
    await here.gone('pool-binding');
  });

  test('gives the outputs the same names as kleym-operator', async () => {
    const namespace = {
      apiVersion: 'v1',
      kind: 'Namespace',
      metadata: { name: 'kleym-reference-inference' },
    };
    await cluster.kube.apply(namespace);
    const at = (manifest: typeof wholePool) => ({
      ...manifest,
      metadata: { ...manifest.metadata, namespace: namespace.metadata.name },
    });
    const manifests = [
      pool('reference-pool', labels),
      objective('reference-objective', { name: 'reference-pool' }),
      perObjective,
      wholePool,
    ].map(at);
    for (const manifest of manifests) await cluster.kube.apply(manifest);
    const names = [
      'kleym-kleym-reference-inference-binding-objective-3b2d9110',
      'kleym-kleym-reference-inference-pool-binding-pool-e2d8bd8d',
    ];
    const look = () => Promise.all(names.map((name) => cluster.kube.get(output(name))));
    await eventually(async () => expect((await look()).map((found) => found?.metadata.name)).toEqual(names));
    for (const manifest of manifests) await cluster.kube.delete(manifest);
    await eventually(async () => expect(await look()).toEqual([undefined, undefined]));
  });
});
