import type { KubeConfig } from '@kubernetes/client-node';
import type { ApiServer } from '../../shared/kube/api-server.ts';
import { openByKubeConfig } from '../../shared/kube/kube-config-server.ts';

/** Whom the API server shall take us for. */
export interface Impersonation {
  readonly as?: string | undefined;
  readonly groups?: readonly string[] | undefined;
  readonly uid?: string | undefined;
}

/** The headers of an impersonation. Groups are one header each. */
function toImpersonationHeaders({ as, groups = [], uid }: Impersonation): Record<string, string | string[]> {
  return {
    ...(as !== undefined && { 'impersonate-user': as }),
    ...(groups.length > 0 && { 'impersonate-group': [...groups] }),
    ...(uid !== undefined && { 'impersonate-uid': uid }),
  };
}

/** The API server of a kubeconfig's current context. */
export function openApiServer(kubeConfig: KubeConfig, impersonation: Impersonation): ApiServer {
  return openByKubeConfig(kubeConfig, toImpersonationHeaders(impersonation));
}
