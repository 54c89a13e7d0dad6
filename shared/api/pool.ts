import { z } from 'zod';
import { isMap, toBoundedText } from './bounded.ts';
import { NamespacedMeta, type Resource } from './object-meta.ts';

const kind = { kind: 'InferencePool', plural: 'inferencepools' } as const;

/** The groups that serve pools, the preferred one first. */
export const poolResources = [
  { group: 'inference.networking.k8s.io', version: 'v1', ...kind },
  { group: 'inference.networking.x-k8s.io', version: 'v1alpha2', ...kind },
] as const satisfies readonly Resource[];

/**
 * As many labels as a selector may have: those of inference.networking.k8s.io have no more. The older group allows any
 * number, and each label is a selector that SPIRE compares for every pod and that we compare for every binding.
 */
export const maxSelectorLabels = 64;

/** A selector with more labels, of which only their number is kept: a list of pools shall not be as large as they please. */
interface OversizedSelector {
  readonly labelCount: number;
}

/** What its shape says is the business of `identity/pool-selector.ts`; here only what is too large is left out. */
function toBoundedSelector(selector: unknown): unknown {
  if (!isMap(selector)) return null;
  const entries = Object.entries(selector);
  const labels: unknown = selector['matchLabels'];
  const labelCount = Math.max(entries.length, isMap(labels) ? Object.keys(labels).length : 0);
  if (labelCount > maxSelectorLabels) return { labelCount } satisfies OversizedSelector;
  const bounded = entries.map(([key, value]) => [
    toBoundedText(key),
    key === 'matchLabels' && isMap(value) ? toBoundedLabels(value) : toBoundedText(value),
  ]);
  return Object.fromEntries(bounded);
}

function toBoundedLabels(labels: Record<string, unknown>): object {
  return Object.fromEntries(
    Object.entries(labels).map(([key, value]) => [toBoundedText(key), toBoundedText(value)]),
  );
}

export const Pool = z.object({
  metadata: NamespacedMeta,
  spec: z
    .object({ selector: z.unknown().transform(toBoundedSelector).optional() })
    .optional()
    .catch(undefined),
});
export type Pool = z.infer<typeof Pool>;
