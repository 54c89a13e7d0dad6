import { shorten } from './shorten.ts';

/** Shortens a text that is kept: a part of a long text would keep all of it in memory, so it is copied. */
export function keepShort(text: string, length: number): string {
  return text.length <= length ? text : Buffer.from(shorten(text, length)).toString();
}
