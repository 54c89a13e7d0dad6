import type { Manifest } from './kube-client.ts';

/** A pool of the present group. */
export function pool(name = 'pool-a', labels: Record<string, string> = { app: 'model-server' }): Manifest {
  return {
    apiVersion: 'inference.networking.k8s.io/v1',
    kind: 'InferencePool',
    metadata: { name },
    spec: {
      selector: { matchLabels: labels },
      targetPorts: [{ number: 8000 }],
      endpointPickerRef: { name: 'epp', port: { number: 9002 } },
    },
  };
}

/** A pool of the older group, whose selector is a flat map. */
export function oldPool(name = 'pool-a', labels: Record<string, string> = { app: 'model-server' }): Manifest {
  return {
    apiVersion: 'inference.networking.x-k8s.io/v1alpha2',
    kind: 'InferencePool',
    metadata: { name },
    spec: { selector: labels, targetPortNumber: 8000, extensionRef: { name: 'epp' } },
  };
}

/** An objective that points at a pool of the present group. */
export function objective(name = 'objective-a', poolRef: object = {}): Manifest {
  return {
    apiVersion: 'llm-d.ai/v1alpha2',
    kind: 'InferenceObjective',
    metadata: { name },
    spec: { poolRef: { name: 'pool-a', ...poolRef } },
  };
}

/** An objective of the older group. */
export function oldObjective(name = 'objective-a', poolRef: object = {}): Manifest {
  return { ...objective(name, poolRef), apiVersion: 'inference.networking.x-k8s.io/v1alpha2' };
}

const bindingType = { apiVersion: 'kleym.sonda.red/v1alpha1', kind: 'InferenceIdentityBinding' };

/** A binding of one container to objective-a on pool-a. */
export function binding(name = 'binding-a', spec: object = {}): Manifest {
  return {
    ...bindingType,
    metadata: { name },
    spec: {
      poolRef: { name: 'pool-a' },
      objectiveRef: { name: 'objective-a' },
      serviceAccountName: 'inference-sa',
      containerName: 'main',
      ...spec,
    },
  };
}

/** A binding of all of pool-a. */
export function poolBinding(name = 'binding-a', spec: object = {}): Manifest {
  return {
    ...bindingType,
    metadata: { name },
    spec: { mode: 'PoolOnly', poolRef: { name: 'pool-a' }, serviceAccountName: 'inference-sa', ...spec },
  };
}

/** A ClusterSPIFFEID. */
export function output(
  name: string,
  spec: object = {},
  metadata: Partial<Manifest['metadata']> = {},
): Manifest {
  return {
    apiVersion: 'spire.spiffe.io/v1alpha1',
    kind: 'ClusterSPIFFEID',
    metadata: { ...metadata, name },
    spec: { spiffeIDTemplate: 'spiffe://example.org/somebody-else', podSelector: {}, ...spec },
  };
}
