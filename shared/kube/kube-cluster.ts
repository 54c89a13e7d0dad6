import { type HttpLibrary, IsomorphicFetchHttpLibrary, type KubeConfig } from '@kubernetes/client-node';
import type { ApiServer } from './api-server.ts';
import type { Cluster } from './cluster.ts';
import { type ClusterOptions, createCluster } from './create-cluster.ts';
import { openByKubeConfig } from './kube-config-server.ts';

// One import loads the client, which takes longer than all the rest.
export { loadKubeConfig } from './kube-config.ts';

export interface ConnectOptions extends ClusterOptions {
  readonly kubeConfig: KubeConfig;
  readonly http?: HttpLibrary;
}

/** The API server of the kubeconfig's current context. */
export function openKubeConfig(kubeConfig: KubeConfig): ApiServer {
  return openByKubeConfig(kubeConfig, new IsomorphicFetchHttpLibrary());
}

/** The cluster of the kubeconfig's current context. No call is made before the first one that is asked for. */
export function connect({ kubeConfig, http, ...options }: ConnectOptions): Cluster {
  return createCluster(openByKubeConfig(kubeConfig, http ?? new IsomorphicFetchHttpLibrary()), options);
}
