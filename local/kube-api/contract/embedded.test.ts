import { startCluster } from '../cluster.ts';
import { testContract } from './contract.ts';

testContract(async () => {
  const cluster = await startCluster({});
  return {
    url: cluster.url,
    kubeconfig: cluster.kubeconfig(),
    expire: () => Promise.resolve(cluster.compact()),
    stop: () => cluster.close(),
  };
});
