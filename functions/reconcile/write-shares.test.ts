import { expect, test } from 'vitest';
import type { WriteTarget, Cluster } from '../../shared/kube/cluster.ts';
import { createWriteShares } from './write-shares.ts';

const aim: WriteTarget = { name: 'output', uid: 'uid-1', resourceVersion: '1' };

/** A cluster whose deletions end when they are told to; it says how many have begun. */
function createSlowCluster() {
  const ends: (() => void)[] = [];
  const cluster = {
    deleteOutput: async () => {
      await new Promise<void>((resolve) => void ends.push(resolve));
      return { kind: 'written', object: undefined };
    },
  } as unknown as Cluster;
  return { cluster, begun: () => ends.length, endAll: () => ends.forEach((end) => end()) };
}

function send(cluster: Cluster, count: number): Promise<unknown> {
  return Promise.all(Array.from({ length: count }, () => cluster.deleteOutput(aim)));
}

async function untilIdle(): Promise<void> {
  await new Promise((resolve) => void setImmediate(resolve));
}

test('a run that is alone sends more writes at once than beside another one', async () => {
  const { cluster, begun, endAll } = createSlowCluster();
  const join = createWriteShares(cluster, { alone: 4, beside: 1 });
  const large = join();
  const others = send(large.cluster, 5);
  await untilIdle();
  expect(begun()).toBe(4);

  const small = join();
  const own = send(small.cluster, 2);
  await untilIdle();
  expect(begun()).toBe(4 + 1);
  endAll();
  await untilIdle();
  expect(begun()).toBe(5 + 2);
  endAll();
  await Promise.all([own, others]);
});

test('when the others have ended, what waits for them is sent', async () => {
  const { cluster, begun, endAll } = createSlowCluster();
  const join = createWriteShares(cluster, { alone: 3, beside: 1 });
  const [large, small] = [join(), join()];
  const all = send(large.cluster, 3);
  await untilIdle();
  expect(begun()).toBe(1);
  small.leave();
  await untilIdle();
  expect(begun()).toBe(3);
  endAll();
  await all;
});
