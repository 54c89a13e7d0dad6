import { expect, test } from 'vitest';
import { binding, objective, output, pool, poolBinding } from '../support/manifests.ts';
import { type TestNamespace, eventually, useCluster } from '../support/test-cluster.ts';

const cluster = await useCluster();
const stack = await cluster.startQuietStack();

/** One of everything that a binding can come to. */
async function fill(here: TestNamespace): Promise<void> {
  const taken = binding('taken', { containerName: 'taken' });
  await here.create(pool(), pool('unsafe', { role: '' }), objective(), taken);
  const { metadata } = await here.ready('taken');
  await here.delete(taken);
  await here.gone('taken');
  await here.create(
    output(metadata.name),
    taken,
    binding('ready', { containerName: 'ready' }),
    poolBinding('whole-pool'),
    binding('rival-1'),
    binding('rival-2'),
    binding('image', {
      containerName: undefined,
      containerImage: `r.example.org/a@sha256:${'0'.repeat(64)}`,
    }),
    poolBinding('lost', { poolRef: { name: 'nowhere' } }),
    poolBinding('unsafe', { poolRef: { name: 'unsafe' } }),
  );
  await here.ready('ready');
  await here.ready('whole-pool');
  await here.ready('image');
  await here.refused('taken', 'RenderFailure', 'OutputNameTaken');
  await here.refused('rival-1', 'Conflict', 'IdentityCollision');
  await here.refused('rival-2', 'Conflict', 'IdentityCollision');
  await here.refused('lost', 'InvalidRef', 'TargetPoolNotFound');
  await here.refused('unsafe', 'UnsafeSelector', 'InvalidPoolSelector');
}

async function versions(here: TestNamespace): Promise<Record<string, string>> {
  const namespace = here.name;
  const lists = await Promise.all([
    cluster.kube.list({
      apiVersion: 'kleym.sonda.red/v1alpha1',
      kind: 'InferenceIdentityBinding',
      namespace,
    }),
    cluster.kube.list({ apiVersion: 'events.k8s.io/v1', kind: 'Event', namespace }),
    here.outputs(),
  ]);
  return Object.fromEntries(
    lists.flat().map(({ kind, metadata }) => [`${kind} ${metadata.name}`, metadata.resourceVersion]),
  );
}

/** Whether an object is in a namespace that another test has left, and that may still be on its way out. */
function isOfAnother(path: string, here: TestNamespace): boolean {
  const [, namespace] = /\/namespaces\/([^/]+)\//.exec(path) ?? [];
  return namespace !== undefined && ![here.name, 'kleym-system'].includes(namespace);
}

test('the sweep writes nothing to a stable cluster', async () => {
  const here = await cluster.namespace();
  await fill(here);
  // What the API server refused is asked about at each sweep: 200 names that one binding, and nothing is written.
  await eventually(async () => expect(await stack.sweepNow()).toBe(200));
  let before = await versions(here);
  await eventually(async () => {
    const last = before;
    before = await versions(here);
    expect(before).toEqual(last);
  });
  const writes: string[] = [];
  const looked = Promise.withResolvers<void>();
  stack.proxy.intercept(({ method, path, query }) => {
    if (method !== 'GET' && !query.has('dryRun') && !isOfAnother(path, here))
      writes.push(`${method} ${path}`);
    // The dry run is the last thing that a sweep leads to here.
    if (query.has('dryRun')) looked.resolve();
    return 'pass';
  });
  stack.sweep();
  await looked.promise;
  expect(await stack.sweepNow()).toBe(200);
  expect(writes).toEqual([]);
  expect(await versions(here)).toEqual(before);
});
