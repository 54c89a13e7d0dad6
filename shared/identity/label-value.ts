import { toDigest } from './digest.ts';

const maxLength = 63;
const kept = 30;

/** A name as a label value: as it is where it fits, else its beginning and a hash of the whole. */
export function toLabelValue(name: string): string {
  if (name.length <= maxLength) return name;
  return `${name.slice(0, kept).replace(/[-.]+$/, '')}-${toDigest(name)}`;
}
