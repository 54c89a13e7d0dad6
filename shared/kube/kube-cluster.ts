import type { KubeConfig } from '@kubernetes/client-node';
import type { Cluster } from './cluster.ts';
import { type ClusterOptions, createCluster } from './create-cluster.ts';
import { openByKubeConfig } from './kube-config-server.ts';

// One import loads the client, which takes longer than all the rest.
export { loadKubeConfig } from './kube-config.ts';
export { openByKubeConfig } from './kube-config-server.ts';

interface ConnectOptions extends ClusterOptions {
  readonly kubeConfig: KubeConfig;
}

/** The cluster of the kubeconfig's current context. No call is made before the first one that is asked for. */
export function connect({ kubeConfig, ...options }: ConnectOptions): Cluster {
  return createCluster(openByKubeConfig(kubeConfig), options);
}
