import { describe, expect, test } from 'vitest';
import { toDigest, toLegacyDigest } from './digest.ts';

describe('a digest', () => {
  test('is the beginning of the SHA-256 of the text', () => {
    expect(toDigest('abc')).toBe('ba7816bf8f01cfea414140de5dae2223');
    expect(toDigest('abc', 64)).toBe('ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad');
  });

  test('is taken of the UTF-8 of the text', () => {
    expect(toDigest('ö', 8)).toBe('6dbd11fd');
  });
});

test('the digest of the Go operator is eight digits of SHA-1 [§1]', () => {
  expect(toLegacyDigest('abc')).toBe('a9993e36');
});
