import { testContract } from '@kleym/kube-api/contract';
import { startControlPlane } from './control-plane.ts';

testContract(async () => {
  const { url, ca, adminToken, kubeconfig, compact, stop } = await startControlPlane();
  return { url, ca, token: adminToken, kubeconfig, expire: compact, stop };
});
