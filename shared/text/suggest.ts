const most = 3;

/** The words that somebody may have meant who typed this one; the nearest first. */
export function suggest(typed: string, known: readonly string[]): readonly string[] {
  const reach = typed.length <= 3 ? 1 : 2;
  return known
    .map((word) => ({ word, far: isBeginning(typed, word) ? 1 : distance(typed, word, reach) }))
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

// Comparing takes its time, and somebody may have thousands of wrong names.
const mostCompared = 100;
const longestCompared = 63;

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

/**
 * How many letters must be added, left out, changed or swapped with the next; infinitely many, where that is more than
 * `reach`. Of each row only the columns are looked at that are no further from the diagonal than that.
 */
function distance(a: string, b: string, reach: number): number {
  if (Math.abs(a.length - b.length) > reach || a.length > longestCompared) return Infinity;
  const band = Array.from({ length: 2 * reach + 1 }, (_, index) => index - reach);
  let [beforeLast, last] = [band.map(() => Infinity), band.map((column) => (column < 0 ? Infinity : column))];
  for (let row = 1; row <= a.length; row++) {
    const next: number[] = [];
    for (const [index, offset] of band.entries()) {
      const column = row + offset;
      const change = a[row - 1] === b[column - 1] ? 0 : 1;
      const isSwapped = a[row - 1] === b[column - 2] && a[row - 2] === b[column - 1];
      const least = Math.min(
        (last[index] ?? Infinity) + change,
        (last[index + 1] ?? Infinity) + 1,
        (next[index - 1] ?? Infinity) + 1,
        isSwapped ? (beforeLast[index] ?? Infinity) + 1 : Infinity,
      );
      next.push(column < 0 || column > b.length ? Infinity : column === 0 ? row : least);
    }
    if (Math.min(...next, ...last) > reach) return Infinity;
    [beforeLast, last] = [last, next];
  }
  const far = last[b.length - a.length + reach] ?? Infinity;
  return far > reach ? Infinity : far;
}
