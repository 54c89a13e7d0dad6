import { isMap } from '../api/bounded.ts';
import { type Outcome, done, refused } from '../api/outcome.ts';
import { maxSelectorLabels } from '../api/pool.ts';
import { type PodLabels, parsePodLabels } from './pod-labels.ts';

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
  const count = Object.keys(labels).length;
  if (count === 0) return unsafe('pool selector must contain at least one label');
  if (count > maxSelectorLabels) return tooManyLabels(count);
  return parsePodLabels(labels, (words) => unsafe(`pool selector ${words}`));
}

function tooManyLabels(count: number): Outcome<never> {
  return unsafe(`pool selector has ${count} labels: at most ${maxSelectorLabels} are supported`);
}

function unsafe(message: string): Outcome<never> {
  return refused('UnsafeSelector', 'InvalidPoolSelector', message);
}
