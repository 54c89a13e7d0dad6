import type { Binding, BindingSpec } from '../../shared/api/binding.ts';
import type { Objective } from '../../shared/api/objective.ts';
import type { Pool } from '../../shared/api/pool.ts';
import type { Settings } from '../../shared/identity/settings.ts';
import type { Sources } from '../../shared/identity/sources.ts';

/** How the platform team has set things up where a test does not say. */
export const exampleSettings: Settings = {
  trustDomain: 'example.org',
  className: undefined,
  namespaceSelector: true,
  overlapPolicy: 'report',
};

/** A complete PerObjective spec. */
export const perObjective = {
  poolRef: { name: 'pool-a' },
  objectiveRef: { name: 'objective-a' },
  serviceAccountName: 'inference-sa',
  mode: 'PerObjective',
  containerName: 'main',
} as const satisfies BindingSpec;

/** A complete PoolOnly spec. */
export const poolOnly = {
  poolRef: { name: 'pool-a' },
  serviceAccountName: 'inference-sa',
  mode: 'PoolOnly',
} as const satisfies BindingSpec;

/** A binding as the API server hands it out. */
export function createBinding(spec: BindingSpec, name = 'binding-a', namespace = 'default'): Binding {
  return {
    metadata: { name, namespace, uid: `uid-of-${name}`, resourceVersion: '1', generation: 1 },
    spec,
  };
}

/** A pool as the API server hands it out; without a selector it has no spec at all. */
export function createPool(
  selector: unknown = { matchLabels: { app: 'model-server' } },
  name = 'pool-a',
): Pool {
  return {
    metadata: { name, namespace: 'default', uid: `uid-of-${name}`, resourceVersion: '1', generation: 3 },
    spec: { selector },
  };
}

/** An objective as the API server hands it out. */
export function createObjective(poolRef: unknown = { name: 'pool-a' }, name = 'objective-a'): Objective {
  return {
    metadata: { name, namespace: 'default', uid: `uid-of-${name}`, resourceVersion: '1', generation: 2 },
    spec: { poolRef },
  };
}

/** Objects of a group, as they are looked up. */
export function serve<T extends { readonly metadata: { readonly name: string } }>(
  ...objects: T[]
): ReadonlyMap<string, T> {
  return new Map(objects.map((object) => [object.metadata.name, object]));
}

/** A namespace with one pool and the one objective that means it, as a cluster of today serves them. */
export function createSources(pool: Pool = createPool(), objective: Objective = createObjective()): Sources {
  return {
    pools: { 'inference.networking.k8s.io': serve(pool), 'inference.networking.x-k8s.io': 'unserved' },
    objectives: { 'llm-d.ai': serve(objective), 'inference.networking.x-k8s.io': 'unserved' },
  };
}
