import type { BindingSpec } from '../api/binding.ts';
import { type Outcome, done, refused } from '../api/outcome.ts';
import { maxSelectorLabels } from '../api/pool.ts';
import { compareText } from './canonical.ts';
import { isLabelKey, isLabelValue } from './object-names.ts';

/** Pod labels, sorted by key. */
export type PodLabels = Readonly<Record<string, string>>;

/**
 * The most labels that a binding may name beside those of its pool: what a platform tells pods of one pool apart by is
 * one or two, and admission looks at each with two expressions.
 */
export const maxPodLabels = 8;

/** Sorts labels that pods can have. What says more than equality with a value is refused: SPIRE could not be told it. */
export function parsePodLabels(
  labels: Readonly<Record<string, unknown>>,
  refuse: (words: string) => Outcome<never>,
): Outcome<PodLabels> {
  const checked: [string, string][] = [];
  for (const [key, value] of Object.entries(labels).toSorted(([a], [b]) => compareText(a, b))) {
    if (!isLabelKey(key)) return refuse(`label key "${key}" is not a valid label key`);
    if (typeof value !== 'string') return refuse(`label "${key}" must have a string as its value`);
    if (value === '') return refuse(`labels must contain non-empty values: label "${key}" has none`);
    if (!isLabelValue(value)) return refuse(`label "${key}" has the invalid value "${value}"`);
    checked.push([key, value]);
  }
  return done(Object.fromEntries(checked));
}

/**
 * The labels of the pods that a binding means: those of its pool, and its own beside them. A label that both have with
 * one value says nothing new; with two values no pod could have it.
 */
export function narrowPods(pool: PodLabels, { podLabels = {} }: BindingSpec): Outcome<PodLabels> {
  const count = Object.keys(podLabels).length;
  if (count === 0) return done(pool);
  if (count > maxPodLabels)
    return invalid(`${count} labels were found: at most ${maxPodLabels} are supported`);
  const own = parsePodLabels(podLabels, invalid);
  if (own.kind === 'refused') return own;

  for (const [key, value] of Object.entries(own.value)) {
    const selected = Object.hasOwn(pool, key) ? pool[key] : undefined;
    if (selected !== undefined && selected !== value)
      return invalid(`label "${key}" is "${value}", but the pool selects pods by "${selected}"`);
  }
  const all = Object.entries({ ...pool, ...own.value });
  if (all.length > maxSelectorLabels) {
    return invalid(
      `${all.length} labels were found together with those of the pool: at most ${maxSelectorLabels} are supported`,
    );
  }
  return done(Object.fromEntries(all.toSorted(([a], [b]) => compareText(a, b))));
}

function invalid(words: string): Outcome<never> {
  return refused('RenderFailure', 'InvalidPodLabels', `podLabels: ${words}`);
}
