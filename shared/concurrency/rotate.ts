import { toDigest } from '../identity/digest.ts';

/** The items in their order, beginning with another of them for each seed: what is slow must not always come first. */
export function rotate<T>(items: readonly T[], seed: string): T[] {
  const start = Number.parseInt(toDigest(seed, 8), 16) % Math.max(items.length, 1);
  return [...items.slice(start), ...items.slice(0, start)];
}
