import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { toLabelValue } from './label-value.ts';
import { isLabelValue } from './object-names.ts';

describe('a name as a label value', () => {
  test.each(['a', 'binding.a', 'b'.repeat(63)])('is the name itself where it fits: %s', (name) => {
    expect(toLabelValue(name)).toBe(name);
  });

  test('is the beginning and a hash of a name that is too long', () => {
    expect(toLabelValue('b'.repeat(64))).toBe(
      'bbbbbbbbbbbbbbbbbbbbbbbbbbbbbb-a0fab1377f49a759b57f63318262ebe8',
    );
  });

  test('has no dot before the hash', () => {
    expect(toLabelValue(`${'b'.repeat(29)}.${'b'.repeat(40)}`)).toBe(
      'bbbbbbbbbbbbbbbbbbbbbbbbbbbbb-8cc44f3b724b6cbf90773c3022024b45',
    );
  });

  test('differs for long names that differ at their ends only', () => {
    expect(toLabelValue(`${'b'.repeat(252)}a`)).not.toBe(toLabelValue(`${'b'.repeat(252)}b`));
  });

  test('may be the name of another binding, which is why nobody is known by a label alone', () => {
    const shortened = toLabelValue('b'.repeat(64));
    expect(toLabelValue(shortened)).toBe(shortened);
  });

  test('is one for every name that an object can have', () => {
    const name = fc.stringMatching(/^[a-z0-9]([-.a-z0-9]{0,250}[a-z0-9])?$/);
    fc.assert(
      fc.property(name, (text) => {
        expect(isLabelValue(toLabelValue(text))).toBe(true);
      }),
    );
  });
});
