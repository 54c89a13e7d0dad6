import { z } from 'zod';
import { NamespacedMeta, type Resource } from './object-meta.ts';

const kind = { kind: 'InferencePool', plural: 'inferencepools' } as const;

/** The groups that serve pools, the preferred one first. */
export const poolResources = [
  { group: 'inference.networking.k8s.io', version: 'v1', ...kind },
  { group: 'inference.networking.x-k8s.io', version: 'v1alpha2', ...kind },
] as const satisfies readonly Resource[];

/** The selector stays unknown here: every shape it may have is the business of `identity/pool-selector.ts`. */
export const Pool = z.object({
  metadata: NamespacedMeta,
  spec: z.object({ selector: z.unknown().optional() }).optional().catch(undefined),
});
export type Pool = z.infer<typeof Pool>;
