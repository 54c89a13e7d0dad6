import { z } from 'zod';

const LabelSelector = z.object({
  matchLabels: z.record(z.string(), z.string()).nullish(),
  matchExpressions: z
    .array(z.object({ key: z.string(), operator: z.string(), values: z.array(z.string()).nullish() }))
    .nullish(),
});

type Labels = Readonly<Record<string, string>>;

/** Whether a label selector of a ClusterSPIFFEID selects these labels. No selector selects everything. */
export function selectsLabels(selector: unknown, labels: Labels): boolean {
  if (selector === undefined || selector === null) return true;
  const { data } = LabelSelector.safeParse(selector);
  if (!data) return false;
  const isEqual = Object.entries(data.matchLabels ?? {}).every(([key, value]) => labels[key] === value);
  return isEqual && (data.matchExpressions ?? []).every((expression) => holds(expression, labels));
}

type Expression = NonNullable<NonNullable<z.infer<typeof LabelSelector>['matchExpressions']>>[number];

function holds({ key, operator, values }: Expression, labels: Labels): boolean {
  const value = labels[key];
  const isListed = value !== undefined && (values ?? []).includes(value);
  switch (operator) {
    case 'In':
      return isListed;
    case 'NotIn':
      return !isListed;
    case 'Exists':
      return value !== undefined;
    case 'DoesNotExist':
      return value === undefined;
    default:
      return false;
  }
}
