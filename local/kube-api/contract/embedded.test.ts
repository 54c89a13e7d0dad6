import { startCluster } from '../cluster.ts';
import { testContract } from './contract.ts';
import { prepareSubject } from './subject.ts';

testContract(async () => {
  const cluster = await startCluster({});
  return await prepareSubject({
    url: cluster.url,
    kubeconfig: cluster.kubeconfig(),
    expire: () => Promise.resolve(cluster.compact()),
    stop: () => cluster.close(),
  });
});
