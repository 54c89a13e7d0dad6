import { testContract } from '../../local/kube-api/contract/contract.ts';
import { prepareSubject } from '../../local/kube-api/contract/subject.ts';
import { startControlPlane } from './control-plane.ts';

testContract(async () => {
  const { url, ca, adminToken, kubeconfig, compact, stop } = await startControlPlane();
  return await prepareSubject({ url, ca, token: adminToken, kubeconfig, expire: compact, stop });
});
