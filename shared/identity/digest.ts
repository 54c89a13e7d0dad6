import { sha1 } from '@noble/hashes/legacy.js';
import { sha256 } from '@noble/hashes/sha2.js';
import { bytesToHex, utf8ToBytes } from '@noble/hashes/utils.js';

/** The first `digits` hex digits of the SHA-256 of a text. */
export function toDigest(text: string, digits = 32): string {
  return bytesToHex(sha256(utf8ToBytes(text))).slice(0, digits);
}

/** SHA-1 stands in the names of the Go operator's outputs, and nothing rests on it here. */
export function toLegacyDigest(text: string): string {
  return bytesToHex(sha1(utf8ToBytes(text))).slice(0, 8);
}
