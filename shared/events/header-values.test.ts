import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decodeHeaderValue, encodeHeaderValue } from './header-values.ts';

describe('the value of an attribute in a header', () => {
  test.each([
    ['is what it says', '/apis/v1/namespaces//pods/p', '/apis/v1/namespaces//pods/p'],
    ['may be empty', '', ''],
    ['is percent-decoded', 'Euro%20%E2%82%AC%20%F0%9F%98%80', 'Euro € 😀'],
    ['is percent-decoded with small digits', '%e2%82%ac', '€'],
    ['is percent-decoded once', '%2541', '%41'],
    ['is unescaped where it is quoted', '"a \\"b\\" \\\\ c"', 'a "b" \\ c'],
    ['keeps a percent sign that begins no escape', '100% of %zz', '100% of %zz'],
    ['may be bare UTF-8, which arrives as Latin-1', 'Gr\u{c3}\u{bc}n', 'Grün'],
  ])('%s', (_what, header, value) => {
    expect(decodeHeaderValue(header)).toBe(value);
  });

  test.each([
    ['an overlong blank', '%C0%A0'],
    ['half a character', '%E2%82'],
    ['bare Latin-1', 'Gr\u{fc}n'],
  ])('with %s cannot be decoded', (_what, header) => {
    expect(decodeHeaderValue(header)).toBeUndefined();
  });

  test('is encoded as the specification shows', () => {
    expect(encodeHeaderValue('Euro € 😀')).toBe('Euro%20%E2%82%AC%20%F0%9F%98%80');
    expect(encodeHeaderValue('"100%"')).toBe('%22100%25%22');
  });

  test('survives a round trip, whatever it is, and is printable ASCII on the way', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        const header = encodeHeaderValue(text);
        expect(header).toMatch(/^[\x21-\x7e]*$/);
        expect(decodeHeaderValue(header)).toBe(text.toWellFormed());
      }),
    );
  });
});
