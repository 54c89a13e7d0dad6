import { expect, test } from 'vitest';
import { bindingOf, storedCluster } from '../../test/support/stored-cluster.ts';
import { readSources } from './read-sources.ts';

test('of a group that is not served, one pool and one objective are asked for, however many are named', async () => {
  const { cluster, calls } = storedCluster({});
  const bindings = ['a', 'b', 'c'].map((name) =>
    bindingOf(name, { poolRef: { name }, objectiveRef: { name } }),
  );
  const { sources } = await readSources(cluster, 'default', bindings);
  expect(calls.toSorted()).toEqual([
    'get objective a of inference.networking.k8s.io',
    'get objective a of inference.networking.x-k8s.io',
    'get objective a of llm-d.ai',
    'get objective b of llm-d.ai',
    'get objective c of llm-d.ai',
    'get pool a of inference.networking.k8s.io',
    'get pool a of inference.networking.x-k8s.io',
    'get pool b of inference.networking.k8s.io',
    'get pool c of inference.networking.k8s.io',
  ]);
  expect(sources.pools).toEqual({
    'inference.networking.k8s.io': new Map(),
    'inference.networking.x-k8s.io': 'unserved',
  });
});
