const most = 3;

/** The words that somebody may have meant who typed this one; the nearest first. */
export function suggest(typed: string, known: readonly string[]): readonly string[] {
  const reach = typed.length <= 3 ? 1 : 2;
  return known
    .filter((word) => isBeginning(typed, word) || Math.abs(word.length - typed.length) <= reach)
    .map((word) => ({ word, far: isBeginning(typed, word) ? 1 : distance(typed, word) }))
    .filter(({ far }) => far <= reach)
    .toSorted((a, b) => a.far - b.far)
    .slice(0, most)
    .map(({ word }) => word);
}

/** The same as the end of a message. */
export function toSuggestion(typed: string, known: readonly string[], prefix = ''): string {
  const words = suggest(typed, known).map((word) => `${prefix}${word}`);
  return words.length === 0 ? '' : `; did you mean ${words.join(' or ')}?`;
}

// Comparing takes its time, and a set of manifests may have thousands of wrong names.
const mostCompared = 200;

/** What there is beside what was not found, as the end of a message: names that are like it come first. */
export function toOthers(typed: string, known: Iterable<string>): string {
  const all = new Set<string>();
  for (const word of known) if (all.size < mostCompared) all.add(word);
  const named = [...new Set([...suggest(typed, [...all]), ...all])].slice(0, most);
  if (named.length === 0) return '';
  const last = all.size > most ? 'others' : named.length > 1 ? named.pop() : undefined;
  const words = last === undefined ? named.join() : `${named.join(', ')} and ${last}`;
  return `; there ${all.size === 1 ? 'is' : 'are'} ${words}`;
}

function isBeginning(typed: string, word: string): boolean {
  return typed.length >= 3 && word.startsWith(typed);
}

/** How many letters must be added, left out, changed or swapped with the next. */
function distance(a: string, b: string): number {
  const rows = [Array.from({ length: b.length + 1 }, (_, column) => column)];
  for (let row = 1; row <= a.length; row++) {
    const last = rows[row - 1] ?? [];
    const next = [row];
    for (let column = 1; column <= b.length; column++) {
      const change = a[row - 1] === b[column - 1] ? 0 : 1;
      const isSwapped = a[row - 1] === b[column - 2] && a[row - 2] === b[column - 1];
      next.push(
        Math.min(
          (last[column] ?? 0) + 1,
          (next[column - 1] ?? 0) + 1,
          (last[column - 1] ?? 0) + change,
          isSwapped ? (rows[row - 2]?.[column - 2] ?? 0) + 1 : Infinity,
        ),
      );
    }
    rows.push(next);
  }
  return rows[a.length]?.[b.length] ?? 0;
}
