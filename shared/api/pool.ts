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
 * The most labels that a selector may have, as in inference.networking.k8s.io. The older group allows any number, and
 * SPIRE compares each label for every pod, and kleym for every binding.
 */
export const maxSelectorLabels = 64;

/** A selector with more labels. Only their number is kept, so that a list of pools stays small. */
interface OversizedSelector {
  readonly labelCount: number;
}

/** Only leaves out what is too large; `identity/pool-selector.ts` checks the selector. */
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
