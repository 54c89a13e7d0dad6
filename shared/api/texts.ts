import { z } from 'zod';
import { isMap } from './bounded.ts';

/**
 * A list of texts. zod's own makes an issue of each member that is none, and an event has room for 700,000 of them: the
 * thread would stand still for seconds. This one stops at the first.
 */
export const Texts = z.custom<string[]>(
  (value) => Array.isArray(value) && value.every(isText),
  'expected a list of texts',
);

/** Texts by keys, such as labels. An issue has no key in it, which may be as long as the whole event. */
export const TextsByKey = z.custom<Record<string, string>>(
  (value) => isMap(value) && Object.values(value).every(isText),
  'expected texts by keys',
);

function isText(value: unknown): boolean {
  return typeof value === 'string';
}
