import { shorten } from './shorten.ts';

const longest = 500;

/** A text that may come from elsewhere, cut to a length for a log line and without anything that looks like a token. */
export function redact(text: string): string {
  const harmless = text
    .slice(0, 4 * longest)
    .replaceAll(/\b(bearer|basic)\s+[\w.~+/=-]+/gi, '$1 [redacted]')
    .replaceAll(/\beyJ[\w-]+\.[\w-]+(\.[\w-]+)?/g, '[redacted]');
  return shorten(harmless, longest);
}
