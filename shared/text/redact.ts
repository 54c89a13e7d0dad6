import { shorten } from './shorten.ts';

const longest = 500;

/** Cuts a text for a log line, and removes what looks like a token. */
export function redact(text: string): string {
  const harmless = text
    .slice(0, 4 * longest)
    .replaceAll(/\b(bearer|basic)\s+[\w.~+/=-]+/gi, '$1 [redacted]')
    .replaceAll(/\beyJ[\w-]+\.[\w-]+(\.[\w-]+)?/g, '[redacted]');
  return shorten(harmless, longest);
}
