import { z } from 'zod';
import { isMap } from './bounded.ts';

/**
 * A list of strings. zod's own array makes an issue for each wrong member, and an event has room for 700,000 of them,
 * which would block the thread for seconds. This one stops at the first.
 */
export const StringList = z.custom<string[]>(
  (value) => Array.isArray(value) && value.every(isString),
  'expected a list of texts',
);

/** A map of strings, such as labels. Its issue does not contain a key, which may be as long as the whole event. */
export const StringMap = z.custom<Record<string, string>>(
  (value) => isMap(value) && Object.values(value).every(isString),
  'expected texts by keys',
);

function isString(value: unknown): boolean {
  return typeof value === 'string';
}
