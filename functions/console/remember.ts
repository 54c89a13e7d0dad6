/** How long, how many, and by which clock. */
interface Remembering {
  readonly keepMs: number;
  readonly most: number;
  readonly elapsed: () => number;
}

/**
 * Reads at most once in a while: who asks for the same meanwhile is given the same. So many open pages cost the API
 * server no more than one. What failed is forgotten at once.
 */
export function remember<T>(
  read: (key: string) => Promise<T>,
  { keepMs, most, elapsed }: Remembering,
): (key: string) => Promise<T> {
  const known = new Map<string, { readonly value: Promise<T>; until: number }>();

  return async function readOnce(key) {
    const found = known.get(key);
    if (found && elapsed() < found.until) return await found.value;
    const entry = { value: read(key), until: Infinity };
    known.delete(key);
    known.set(key, entry);
    for (const oldest of known.keys()) {
      if (known.size <= most) break;
      known.delete(oldest);
    }
    try {
      const value = await entry.value;
      entry.until = elapsed() + keepMs;
      return value;
    } catch (error) {
      if (known.get(key) === entry) known.delete(key);
      throw error;
    }
  };
}
