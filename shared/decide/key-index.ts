import { type Slice, mayOverlap, parseSlice } from '../identity/collision-key.ts';

type BySome<T> = ReadonlyMap<string | undefined, T>;

/** Keys by what keeps most of them apart: their service account, and then their container. */
export type KeyIndex = BySome<BySome<ReadonlyMap<string, Slice>>>;

/** Indexes keys, so that the bindings of a large namespace are not compared pair by pair. */
export function indexKeys(keys: readonly string[]): KeyIndex {
  const slices = keys.map((key) => [key, parseSlice(key)] as const);
  const accounts = Map.groupBy(slices, ([, { serviceAccount }]) => serviceAccount);
  return mapValues(accounts, (account) => {
    const containers = Map.groupBy(account, ([, { container }]) => container);
    return mapValues(containers, (entries) => new Map(entries));
  });
}

/** The indexed keys that differ from this one and may yet meet it in one container; no more is compared than is asked for. */
export function* findOverlaps(index: KeyIndex, key: string): Generator<string> {
  const slice = parseSlice(key);
  for (const account of near(index, slice.serviceAccount))
    for (const slices of near(account, slice.container))
      for (const [other, otherSlice] of slices)
        if (other !== key && mayOverlap(slice, otherSlice)) yield other;
}

/** What has this value, or may have it because its own is not known. */
function near<T>(groups: BySome<T>, value: string | undefined): T[] {
  if (value === undefined) return [...groups.values()];
  return [value, undefined].flatMap((known) => groups.get(known) ?? []);
}

function mapValues<T, U>(map: BySome<T>, convert: (value: T) => U): Map<string | undefined, U> {
  return new Map([...map].map(([key, value]) => [key, convert(value)]));
}
