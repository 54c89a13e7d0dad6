import { z } from 'zod';
import { NamespacedMeta, type Resource } from './object-meta.ts';

const kind = { kind: 'InferenceObjective', plural: 'inferenceobjectives' } as const;

/** The groups that serve objectives, the preferred one first. */
export const objectiveResources = [
  { group: 'llm-d.ai', version: 'v1alpha2', ...kind },
  { group: 'inference.networking.x-k8s.io', version: 'v1alpha2', ...kind },
  { group: 'inference.networking.k8s.io', version: 'v1', ...kind },
] as const satisfies readonly Resource[];

/** The reference stays unknown here: a server without the real schema may hold anything in it. */
export const Objective = z.object({
  metadata: NamespacedMeta,
  spec: z.object({ poolRef: z.unknown().optional() }).optional().catch(undefined),
});
export type Objective = z.infer<typeof Objective>;
