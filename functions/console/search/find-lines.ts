import type { Line } from '../read-lines.ts';
import { type State, toState } from '../state.ts';

/** What is searched. */
export interface Search {
  readonly text: string;
  readonly state: State | undefined;
  readonly reason: string | undefined;
  readonly namespace: string | undefined;
}

/** The bindings in which every word of the text is found, whatever its case. */
export function findLines(
  lines: readonly Line[],
  { text, state, reason, namespace }: Search,
): readonly Line[] {
  const words = toWords(text);
  return lines.filter(
    (line) =>
      (state === undefined || toState(line) === state) &&
      (reason === undefined || (line.reason || 'NotEvaluated') === reason) &&
      (namespace === undefined || line.namespace === namespace) &&
      hasWords(toSearched(line), words),
  );
}

/** The words of a search. */
export function toWords(text: string): readonly string[] {
  return text.toLowerCase().split(/\s+/).filter(Boolean);
}

/** Whether all words are in a text. */
export function hasWords(text: string, words: readonly string[]): boolean {
  const searched = text.toLowerCase();
  return words.every((word) => searched.includes(word));
}

function toSearched(line: Line): string {
  const {
    namespace,
    name,
    pool,
    objective = '',
    spiffeID = '',
    serviceAccount,
    container,
    output,
    reason,
  } = line;
  return [`${namespace}/${name}`, pool, objective, spiffeID, serviceAccount, container, output, reason].join(
    ' ',
  );
}
