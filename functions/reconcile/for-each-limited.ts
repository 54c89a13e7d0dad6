/** Does something for each item, at most `limit` at a time. */
export async function forEachLimited<T>(
  items: readonly T[],
  limit: number,
  act: (item: T) => Promise<void>,
): Promise<void> {
  const rest = items.values();
  async function work(): Promise<void> {
    for (const item of rest) await act(item);
  }
  await Promise.all(Array.from({ length: Math.min(limit, items.length) }, work));
}
