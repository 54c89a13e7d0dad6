import { shorten } from '../text/shorten.ts';

const maxLength = 100;

/** A value of somebody else's, short and on one line, for a message. */
export function quote(value: unknown): string {
  if (value === undefined) return 'nothing';
  const text = typeof value === 'string' ? value : (JSON.stringify(value) ?? typeof value);
  return JSON.stringify(shorten(text, maxLength));
}
