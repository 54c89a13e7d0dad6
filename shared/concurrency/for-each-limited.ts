/** Does something for each item, at most `limit` at a time. */
export async function forEachLimited<T>(
  items: Iterable<T> | AsyncIterable<T>,
  limit: number,
  act: (item: T) => Promise<void>,
): Promise<void> {
  const rest = Symbol.asyncIterator in items ? items[Symbol.asyncIterator]() : items[Symbol.iterator]();
  async function work(): Promise<void> {
    for (let next = await rest.next(); !next.done; next = await rest.next()) await act(next.value);
  }
  await Promise.all(Array.from({ length: limit }, work));
}

/** The results of something for each item, in their order, at most `limit` at a time. */
export async function mapLimited<T, U>(
  items: readonly T[],
  limit: number,
  convert: (item: T) => Promise<U>,
): Promise<U[]> {
  const results: U[] = [];
  await forEachLimited(items.entries(), limit, async ([index, item]) => {
    results[index] = await convert(item);
  });
  return results;
}
