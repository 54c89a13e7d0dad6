import { hash } from 'node:crypto';

/** The first `digits` hex digits of the SHA-256 of a text. */
export function toDigest(text: string, digits = 32): string {
  return hash('sha256', text).slice(0, digits);
}

/** SHA-1 stands in the names of the Go operator's outputs, and nothing rests on it here. */
export function toLegacyDigest(text: string): string {
  return hash('sha1', text).slice(0, 8);
}
