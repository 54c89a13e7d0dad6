import { z } from 'zod';
import type { Output } from '../api/cluster-spiffe-id.ts';
import { compareText, toCanonical } from './canonical.ts';
import type { PodLabels } from './pool-selector.ts';
import { selectorPrefixes } from './workload-selectors.ts';
import type { Workload } from './workload.ts';

const Slice = z.object({
  pods: z.unknown(),
  serviceAccount: z.string(),
  container: z.string().optional(),
  image: z.string().optional(),
});
export type Slice = z.infer<typeof Slice>;

const Labels = z.record(z.string(), z.string());

/** The workload slice that a PerObjective identity claims for itself; equal slices have equal keys. PoolOnly has none. */
export function toCollisionKey(labels: PodLabels, workload: Workload): string | undefined {
  if (workload.container === undefined && workload.image === undefined) return undefined;
  const { serviceAccountName: serviceAccount, container, image } = workload;
  return toCanonical({ pods: labels, serviceAccount, container, image } satisfies Slice);
}

/** The key that an output holds by being there, read off its selectors, whoever wrote them. */
export function toHeldKey(output: Output): string | undefined {
  const container = valuesOf(output, selectorPrefixes.container);
  const image = valuesOf(output, selectorPrefixes.image);
  if (container === undefined && image === undefined) return undefined;
  const { matchLabels = {}, ...others } = output.spec.podSelector ?? {};
  const pods = Object.keys(others).length === 0 ? matchLabels : { matchLabels, ...others };
  const serviceAccount = valuesOf(output, selectorPrefixes.serviceAccount) ?? '';
  return toCanonical({ pods, serviceAccount, container, image } satisfies Slice);
}

/** What a key stands for. */
export function parseSlice(key: string): Slice {
  return Slice.parse(JSON.parse(key));
}

/**
 * Whether two different slices may select one container. Only what excludes this for certain counts: different
 * service accounts, different container names, or a label on which the pods differ.
 */
export function mayOverlap(a: Slice, b: Slice): boolean {
  if (a.serviceAccount !== b.serviceAccount) return false;
  if (a.container !== undefined && b.container !== undefined && a.container !== b.container) return false;
  return !isDisjoint(a.pods, b.pods);
}

function isDisjoint(a: unknown, b: unknown): boolean {
  const [one, other] = [Labels.safeParse(a), Labels.safeParse(b)];
  if (!one.success || !other.success) return false;
  return Object.entries(one.data).some(
    ([key, value]) => Object.hasOwn(other.data, key) && other.data[key] !== value,
  );
}

/** Several values of one kind never match any container; together they still are something to compare. */
function valuesOf(output: Output, prefix: string): string | undefined {
  const selectors = output.spec.workloadSelectorTemplates ?? [];
  const values = selectors
    .filter((selector) => selector.startsWith(prefix))
    .map((selector) => selector.slice(prefix.length));
  return values.length === 0 ? undefined : values.toSorted(compareText).join(',');
}
