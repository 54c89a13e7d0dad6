/** What a page brought: how many items, and how long it was as text. */
export interface SeenPage {
  readonly limit: number;
  readonly items: number;
  readonly length: number;
}

/**
 * Nothing is known yet of how large the objects are. etcd takes 1.5 MiB for one, so this many are 24 MiB at worst, which
 * `longestAnswer` cuts; and a list that is shorter than this, as most are, takes one request.
 */
const firstSize = 16;

/** Of small objects: the API server spends more on a request than on these, and 2 MB is not reached below 2 kB each. */
const largestSize = 1000;

/**
 * A page in memory is its bytes, its text and its objects: some 10 MB for this, and 20 ms of the thread to parse it. Two
 * may be there at once, one of them on its way.
 */
const aimedLength = 2_000_000;

/**
 * One page of small objects says little about the next: what a tenant has made large stands together in a list. So pages
 * grow step by step, but fast enough that a list of a thousand takes three requests.
 */
const mostGrowth = 8;
const recentPages = 3;
/** Of what was too long, so much less is tried. */
const shrinkage = 4;

/**
 * How many objects the next page is asked for: as many as make some 2 MB, if they are as large as in the heaviest of the
 * pages before it. The API server takes another limit with each page of a list: its token says only where to go on.
 */
export function toPageSize(seen: readonly SeenPage[]): number {
  const last = seen.at(-1);
  if (last === undefined) return firstSize;
  const heaviest = Math.max(
    ...seen.slice(-recentPages).map(({ items, length }) => length / Math.max(1, items)),
  );
  const fitting = Math.floor(aimedLength / heaviest);
  return Math.max(1, Math.min(fitting, largestSize, mostGrowth * last.limit));
}

/** The next try when that many were too long for one answer; `undefined`: fewer than one cannot be asked for. */
export function toSmallerSize(size: number): number | undefined {
  return size === 1 ? undefined : Math.max(1, Math.floor(size / shrinkage));
}
