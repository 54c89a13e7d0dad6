import { z } from 'zod';
import type { Output } from '../api/cluster-spiffe-id.ts';
import { maxSelectorLabels } from '../api/pool.ts';
import { parseJson } from '../text/parse-json.ts';
import { compareText, toCanonical } from './canonical.ts';
import { toDigest } from './digest.ts';
import type { PodLabels } from './pod-labels.ts';
import { selectorPrefixes } from './workload-selectors.ts';
import type { Workload } from './workload.ts';

/** The workloads that a key stands for. What is undefined is not known, or does not matter: anything matches it. */
const Slice = z.object({
  pods: z.record(z.string(), z.string()).optional().catch(undefined),
  serviceAccount: z.string().optional(),
  container: z.string().optional(),
  image: z.string().optional(),
});
export type Slice = z.infer<typeof Slice>;
type Parts = Record<keyof Slice, unknown>;

/** The workload slice that a PerObjective identity claims for itself; equal slices have equal keys. PoolOnly has none. */
export function toCollisionKey(labels: PodLabels, workload: Workload): string | undefined {
  if (workload.container === undefined && workload.image === undefined) return undefined;
  const { serviceAccountName: serviceAccount, container, image } = workload;
  return toCanonical({ pods: labels, serviceAccount, container, image } satisfies Slice);
}

/** What the label says of an output that claims nothing for itself alone; one without the label may hold any key. */
export const noKey = 'none';

/** A key as a label or a selectable field says it: keys are longer than either may be. */
export function toKeyDigest(key: string): string {
  return toDigest(key);
}

/** The key that an output holds by being there, read off its selectors, whoever wrote them. */
export function toHeldKey(output: Output): string | undefined {
  const container = valuesOf(output, selectorPrefixes.container);
  const image = valuesOf(output, selectorPrefixes.image);
  if (container === undefined && image === undefined) return undefined;
  const serviceAccount = valuesOf(output, selectorPrefixes.serviceAccount);
  return toCanonical({ pods: podsOf(output), serviceAccount, container, image } satisfies Parts);
}

/** What a key stands for. Of one that we did not write nothing is known, and a namespace must not stand still for it. */
export function parseSlice(key: string): Slice {
  const parsed = Slice.safeParse(parseJson(key));
  if (!parsed.success) return {};
  // We write no more, and every label is compared: with more it counts as one that we cannot read.
  const isTooLarge = Object.keys(parsed.data.pods ?? {}).length > maxSelectorLabels;
  return isTooLarge ? { ...parsed.data, pods: undefined } : parsed.data;
}

/**
 * Whether two different slices may select one container. Only what excludes this for certain counts: different
 * service accounts, different container names, or a label on which the pods differ.
 */
export function mayOverlap(a: Slice, b: Slice): boolean {
  if (isOther(a.serviceAccount, b.serviceAccount) || isOther(a.container, b.container)) return false;
  return !isDisjoint(a.pods, b.pods);
}

function isOther(a: string | undefined, b: string | undefined): boolean {
  return a !== undefined && b !== undefined && a !== b;
}

function isDisjoint(a: Slice['pods'], b: Slice['pods']): boolean {
  if (!a || !b) return false;
  // Many are compared, so nothing is made for it; both come from a schema and have no keys but their own.
  for (const key in a) if (Object.hasOwn(b, key) && b[key] !== a[key]) return true;
  return false;
}

/** The labels alone where nothing else is said: the Go operator copies an empty `matchExpressions`, which says nothing. */
function podsOf({ spec }: Output): unknown {
  const { matchLabels = {}, ...others } = spec.podSelector ?? {};
  const said = Object.entries(others).filter(([, value]) => !Array.isArray(value) || value.length > 0);
  return said.length === 0 ? matchLabels : { matchLabels, ...Object.fromEntries(said) };
}

/** Several values of one kind are nothing that we render; together they still are something to compare. */
function valuesOf({ spec }: Output, prefix: string): string | undefined {
  const selectors = spec.workloadSelectorTemplates ?? [];
  const values = selectors
    .filter((selector) => selector.startsWith(prefix))
    .map((selector) => selector.slice(prefix.length));
  return values.length === 0 ? undefined : [...new Set(values)].toSorted(compareText).join(',');
}
