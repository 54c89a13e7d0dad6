import { describe, expect, test } from 'vitest';
import { redact } from './redact.ts';

describe('a text of somebody else', () => {
  test.each([
    ['a bearer token', 'Authorization: Bearer abc.def-ghi_jkl=', 'Authorization: Bearer [redacted]'],
    ['a bearer token in small letters', 'bearer abc', 'bearer [redacted]'],
    ['basic credentials', 'Basic dXNlcjpwYXNz', 'Basic [redacted]'],
    ['a JSON web token', 'token eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJrIn0.c2ln!', 'token [redacted]!'],
  ])('is logged without %s', (_what, text, redacted) => {
    expect(redact(text)).toBe(redacted);
  });

  test('is cut', () => {
    expect(redact('x'.repeat(10_000))).toBe(`${'x'.repeat(500)}…`);
  });
});
