import { expect, test } from 'vitest';
import { createCluster } from './create-cluster.ts';

test('no call waits longer for its answer than a claim counts on', () => {
  const apiServer = {
    send: () => Promise.reject(new Error('not called')),
  };
  expect(() => createCluster(apiServer, { callTimeoutMs: 10_001 })).toThrow(/may wait 10000 ms/);
  expect(() => createCluster(apiServer, { callTimeoutMs: 10_000 })).not.toThrow();
});
