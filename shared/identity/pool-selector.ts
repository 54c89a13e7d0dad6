import { isMap } from '../api/bounded.ts';
import { type Outcome, done, refused } from '../api/outcome.ts';
import { maxSelectorLabels } from '../api/pool.ts';
import { compareText } from './canonical.ts';
import { isLabelKey, isLabelValue } from './object-names.ts';

/** Pod labels, sorted by key. */
export type PodLabels = Readonly<Record<string, string>>;

/**
 * The labels that a pool selects pods by, from `matchLabels` or from the flat map of the older group. Anything that
 * says more than label equality is refused: SPIRE could not be told the same.
 */
export function parsePoolSelector(selector: unknown): Outcome<PodLabels> {
  if (!isMap(selector)) return unsafe('pool selector must be a map of labels');
  if (typeof selector['labelCount'] === 'number') return tooManyLabels(selector['labelCount']);
  const labels = isStructured(selector) ? parseStructured(selector) : done(selector);
  if (labels.kind === 'refused') return labels;
  return parseLabels(labels.value);
}

/** In the flat map `matchLabels` may itself be a label, and then its value is a text. */
function isStructured(selector: Record<string, unknown>): boolean {
  return ['matchLabels', 'matchExpressions'].some(
    (field) => Object.hasOwn(selector, field) && typeof selector[field] !== 'string',
  );
}

function parseStructured(selector: Record<string, unknown>): Outcome<Record<string, unknown>> {
  const unknown = Object.keys(selector).find((key) => key !== 'matchLabels');
  if (unknown !== undefined)
    return unsafe(`pool selector field "${unknown}" is not supported: expected matchLabels alone`);
  const labels = selector['matchLabels'];
  if (!isMap(labels)) return unsafe('pool selector matchLabels must be a map of labels');
  return done(labels);
}

function parseLabels(labels: Record<string, unknown>): Outcome<PodLabels> {
  const unsorted = Object.entries(labels);
  if (unsorted.length === 0) return unsafe('pool selector must contain at least one label');
  if (unsorted.length > maxSelectorLabels) return tooManyLabels(unsorted.length);
  const entries = unsorted.toSorted(([a], [b]) => compareText(a, b));

  const checked: [string, string][] = [];
  for (const [key, value] of entries) {
    if (!isLabelKey(key)) return unsafe(`pool selector label key "${key}" is not a valid label key`);
    if (typeof value !== 'string')
      return unsafe(`pool selector label "${key}" must have a string as its value`);
    if (value === '')
      return unsafe(`pool selector labels must contain non-empty values: label "${key}" has none`);
    if (!isLabelValue(value)) return unsafe(`pool selector label "${key}" has the invalid value "${value}"`);
    checked.push([key, value]);
  }
  return done(Object.fromEntries(checked));
}

function tooManyLabels(count: number): Outcome<never> {
  return unsafe(`pool selector has ${count} labels: at most ${maxSelectorLabels} are supported`);
}

function unsafe(message: string): Outcome<never> {
  return refused('UnsafeSelector', 'InvalidPoolSelector', message);
}
