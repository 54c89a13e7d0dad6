import { z } from 'zod';
import { isMap } from './bounded.ts';

/**
 * A list of strings. zod's own makes an issue of each member that is none, and an event has room for 700,000 of them: the
 * thread would stand still for seconds. This one stops at the first.
 */
export const StringList = z.custom<string[]>(
  (value) => Array.isArray(value) && value.every(isString),
  'expected a list of texts',
);

/** Texts by keys, such as labels. An issue has no key in it, which may be as long as the whole event. */
export const StringMap = z.custom<Record<string, string>>(
  (value) => isMap(value) && Object.values(value).every(isString),
  'expected texts by keys',
);

function isString(value: unknown): boolean {
  return typeof value === 'string';
}
