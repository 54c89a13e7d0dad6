import { z } from 'zod';

// An empty value is refused as Knative's webhook refuses it: it can never match, so it is always a mistake.
const comparisons = z
  .record(
    z.string().regex(/^[a-z0-9]+$/, 'attribute names are lower-case letters and digits'),
    z.string().min(1),
  )
  .refine((values) => Object.keys(values).length > 0, 'names no attribute');

/** A filter of a Trigger (CloudEvents Subscriptions API): one dialect an item, on attributes and extensions only. */
export type TriggerFilter =
  | { exact: Record<string, string> }
  | { prefix: Record<string, string> }
  | { suffix: Record<string, string> }
  | { all: TriggerFilter[] }
  | { any: TriggerFilter[] }
  | { not: TriggerFilter };

export const TriggerFilter: z.ZodType<TriggerFilter> = z.lazy(() =>
  z.union(
    [
      z.strictObject({ exact: comparisons }),
      z.strictObject({ prefix: comparisons }),
      z.strictObject({ suffix: comparisons }),
      z.strictObject({ all: z.array(TriggerFilter).min(1) }),
      z.strictObject({ any: z.array(TriggerFilter).min(1) }),
      z.strictObject({ not: TriggerFilter }),
    ],
    'expected one dialect an item: exact, prefix, suffix, all, any or not, with lower-case names and non-empty values',
  ),
);

/** Is an event with these attributes one that the filter lets pass? */
export function matchesFilter(filter: TriggerFilter, attributes: Readonly<Record<string, string>>): boolean {
  if ('exact' in filter) return every(filter.exact, attributes, (actual, wanted) => actual === wanted);
  if ('prefix' in filter)
    return every(filter.prefix, attributes, (actual, wanted) => actual.startsWith(wanted));
  if ('suffix' in filter)
    return every(filter.suffix, attributes, (actual, wanted) => actual.endsWith(wanted));
  if ('all' in filter) return filter.all.every((inner) => matchesFilter(inner, attributes));
  if ('any' in filter) return filter.any.some((inner) => matchesFilter(inner, attributes));
  return !matchesFilter(filter.not, attributes);
}

// An attribute that is absent matches nothing, so `not` around it lets the event pass.
function every(
  wanted: Record<string, string>,
  attributes: Readonly<Record<string, string>>,
  compare: (actual: string, wanted: string) => boolean,
): boolean {
  return Object.entries(wanted).every(([name, value]) => {
    const actual = attributes[name];
    return actual !== undefined && compare(actual, value);
  });
}
