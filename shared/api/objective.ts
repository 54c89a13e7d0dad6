import { z } from 'zod';
import { isMap, toBoundedText } from './bounded.ts';
import { NamespacedMeta, type Resource } from './object-meta.ts';

const kind = { kind: 'InferenceObjective', plural: 'inferenceobjectives' } as const;

/** The groups that serve objectives, the preferred one first. */
export const objectiveResources = [
  { group: 'llm-d.ai', version: 'v1alpha2', ...kind },
  { group: 'inference.networking.x-k8s.io', version: 'v1alpha2', ...kind },
  { group: 'inference.networking.k8s.io', version: 'v1', ...kind },
] as const satisfies readonly Resource[];

/** A server without the real schema may store anything in a reference. What cannot matter is left out. */
function toBoundedReference(reference: unknown): unknown {
  if (!isMap(reference)) return null;
  const fields = ['name', 'group', 'kind', 'namespace'].filter((field) => reference[field] !== undefined);
  return Object.fromEntries(fields.map((field) => [field, toBoundedText(reference[field])]));
}

export const Objective = z.object({
  metadata: NamespacedMeta,
  spec: z
    .object({ poolRef: z.unknown().transform(toBoundedReference).optional() })
    .optional()
    .catch(undefined),
});
export type Objective = z.infer<typeof Objective>;
