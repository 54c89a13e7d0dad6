import { z } from 'zod';
import type { Output } from '../api/cluster-spiffe-id.ts';
import { maxSelectorLabels } from '../api/pool.ts';
import { StringMap } from '../api/strings.ts';
import { parseJson } from '../text/parse-json.ts';
import { compareText, toCanonical } from './canonical.ts';
import { toDigest } from './digest.ts';
import type { PodLabels } from './pod-labels.ts';
import { selectorPrefixes } from './workload-selectors.ts';
import type { Workload } from './workload.ts';

/** The workloads that a key stands for. What is undefined is not known, or does not matter: anything matches it. */
const Slice = z.object({
  pods: StringMap.optional().catch(undefined),
  serviceAccount: z.string().optional(),
  container: z.string().optional(),
  image: z.string().optional(),
});
export type Slice = z.infer<typeof Slice>;
type Parts = Record<keyof Slice, unknown>;

/** The workloads that a PerObjective identity claims for itself. PoolOnly claims none. */
export function toSlice(labels: PodLabels, workload: Workload): Slice | undefined {
  if (workload.container === undefined && workload.image === undefined) return undefined;
  const { serviceAccountName: serviceAccount, container, image } = workload;
  return { pods: labels, serviceAccount, container, image };
}

/** The key of a slice; equal slices have equal keys. */
export function toKey(slice: Slice): string {
  return toCanonical(slice);
}

/** The key of the workloads that a PerObjective identity claims for itself. */
export function toCollisionKey(labels: PodLabels, workload: Workload): string | undefined {
  const slice = toSlice(labels, workload);
  return slice && toKey(slice);
}

/**
 * By what a key selects: which labels, whether a container, and which image. Two different keys of one shape never
 * overlap, because they differ in the service account, the container, or the value of a label. A key of which not all is
 * known has no shape: it may overlap with any.
 */
export function toKeyShape({ pods, serviceAccount, container, image }: Slice): string | undefined {
  if (!pods || serviceAccount === undefined) return undefined;
  const labels = Object.keys(pods).toSorted(compareText);
  return toDigest(toCanonical({ labels, hasContainer: container !== undefined, image }));
}

/** What the label says of an output that claims nothing for itself alone; one without the label may hold any key. */
export const noKey = 'none';

/** A key as a label or a selectable field says it: keys are longer than either may be. */
export function toKeyDigest(key: string): string {
  return toDigest(key);
}

/** The key that an output holds by being there, read off its selectors, whoever wrote them. */
export function toHeldKey(output: Output): string | undefined {
  const { workloadSelectorTemplates: selectors = [] } = output.spec;
  const container = valuesOf(selectors, selectorPrefixes.container);
  const image = valuesOf(selectors, selectorPrefixes.image);
  if (container === undefined && image === undefined) return undefined;
  const serviceAccount = valuesOf(selectors, selectorPrefixes.serviceAccount);
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
  return !areDisjoint(a.pods, b.pods);
}

function isOther(a: string | undefined, b: string | undefined): boolean {
  return a !== undefined && b !== undefined && a !== b;
}

/** Whether the pods differ in a label that both know. */
export function areDisjoint(a: Slice['pods'], b: Slice['pods']): boolean {
  if (!a || !b) return false;
  // Many are compared, so nothing is made for it; both are labels and have no keys but their own.
  for (const key in a) if (b[key] !== a[key] && Object.hasOwn(b, key)) return true;
  return false;
}

/** The labels alone where nothing else is said: the Go operator copies an empty `matchExpressions`, which says nothing. */
function podsOf({ spec }: Output): unknown {
  const { matchLabels = {}, ...others } = spec.podSelector ?? {};
  const said = Object.entries(others).filter(([, value]) => !Array.isArray(value) || value.length > 0);
  return said.length === 0 ? matchLabels : { matchLabels, ...Object.fromEntries(said) };
}

/** Several values of one kind are nothing that we render; together they still are something to compare. */
function valuesOf(selectors: readonly string[], prefix: string): string | undefined {
  const found = selectors.filter((selector) => selector.startsWith(prefix));
  if (found.length === 0) return undefined;
  return [...new Set(found.map((selector) => selector.slice(prefix.length)))].toSorted(compareText).join(',');
}
