import type { BindingLine } from '../../shared/explain/status/binding-line.ts';

/** What a binding has come to, in the words of the console; what needs somebody comes first. */
export const states = ['refused', 'waiting', 'ready'] as const;
export type State = (typeof states)[number];

const byResult = {
  ERROR: 'refused',
  WARNING: 'waiting',
  OK: 'ready',
} as const satisfies Record<BindingLine['result'], State>;

/** What a binding has come to. */
export function toState({ result }: Pick<BindingLine, 'result'>): State {
  return byResult[result];
}

/** How many bindings have come to what. */
export type Counts = Readonly<Record<State, number>>;

/** Counts bindings by what they have come to. */
export function countStates(lines: readonly Pick<BindingLine, 'result'>[]): Counts {
  const counts = { refused: 0, waiting: 0, ready: 0 };
  for (const line of lines) counts[toState(line)]++;
  return counts;
}

/** All that are counted. */
export function toTotal({ refused, waiting, ready }: Counts): number {
  return refused + waiting + ready;
}
