import { Pod } from '../../shared/explain/workloads/pod.ts';
import type { Manifest } from './kube-client.ts';

/** What a pod of a test is like, where it is not like the others. */
export interface PodTraits {
  readonly name?: string;
  readonly namespace?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly serviceAccountName?: string;
  readonly nodeName?: string | null;
  readonly containers?: readonly string[];
  readonly imageID?: string;
}

/** A pod of pool-a, scheduled, with the container of the usual binding and a sidecar. */
export function podManifest(traits: PodTraits = {}): Manifest {
  const {
    name = 'pod-a',
    namespace = 'default',
    labels = { app: 'model-server' },
    nodeName = 'node-1',
  } = traits;
  const { serviceAccountName = 'inference-sa', containers = ['main', 'proxy'], imageID } = traits;
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace, labels },
    spec: {
      serviceAccountName,
      ...(nodeName !== null && { nodeName }),
      containers: containers.map((container) => ({ name: container, image: `example.org/${container}:1` })),
    },
    status: {
      phase: 'Running',
      containerStatuses: containers.map((container) => ({
        name: container,
        image: `example.org/${container}:1`,
        ...(imageID !== undefined && { imageID }),
      })),
    },
  };
}

/** The same as the API server shows it. */
export function createPod(traits: PodTraits = {}): Pod {
  return Pod.parse(podManifest(traits));
}
