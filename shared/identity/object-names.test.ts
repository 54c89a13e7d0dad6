import { describe, expect, test } from 'vitest';
import { isDnsLabel, isDnsSubdomain, isLabelKey, isLabelValue } from './object-names.ts';

const neverNames = [
  '',
  ' ',
  '-',
  '.',
  '..',
  'a/b',
  'a b',
  ' a',
  'a ',
  'a\n',
  '\na',
  'a\0',
  'ä',
  '𝒶',
  '{{a}}',
  'a:b',
  'a%2fb',
];

describe('the name of a container', () => {
  test.each(['a', '0', 'main', 'a-b', 'a--b', 'a'.repeat(63)])('may be %s', (text) => {
    expect(isDnsLabel(text)).toBe(true);
  });

  test.each([...neverNames, 'A', 'a_b', 'a.b', '-a', 'a-', 'a'.repeat(64)])('cannot be %j', (text) => {
    expect(isDnsLabel(text)).toBe(false);
  });
});

describe('the name of an object', () => {
  test.each(['a', '0', 'a.b', 'a-b.c-d', 'a--b', 'a'.repeat(253), '127.0.0.1'])('may be %s', (text) => {
    expect(isDnsSubdomain(text)).toBe(true);
  });

  test.each([...neverNames, 'A', 'a_b', 'a..b', '.a', 'a.', 'a.-b', 'a-.b', '-a', 'a-', 'a'.repeat(254)])(
    'cannot be %j',
    (text) => {
      expect(isDnsSubdomain(text)).toBe(false);
    },
  );

  test('is told soon, however long the text is that is none', () => {
    expect(isDnsSubdomain('a-'.repeat(1_000_000))).toBe(false);
    expect(isDnsSubdomain('a.'.repeat(1_000_000))).toBe(false);
  });
});

describe('a label value', () => {
  test.each(['a', 'A', '0', 'model-server', 'a_b', 'a.b', 'decode.v1', 'constructor', 'a'.repeat(63)])(
    'may be %s',
    (text) => {
      expect(isLabelValue(text)).toBe(true);
    },
  );

  test.each([...neverNames, '_a', 'a_', '-a', 'a-', '.a', 'a.', '__proto__', 'a'.repeat(64)])(
    'cannot be %j',
    (text) => {
      expect(isLabelValue(text)).toBe(false);
    },
  );
});

describe('a label key', () => {
  test.each([
    'app',
    'App_1',
    'matchLabels',
    'app.kubernetes.io/name',
    'inference.networking.x-k8s.io/role',
    `${'a'.repeat(253)}/${'b'.repeat(63)}`,
  ])('may be %s', (text) => {
    expect(isLabelKey(text)).toBe(true);
  });

  test.each([
    ...neverNames.filter((text) => text !== 'a/b'),
    'Example.com/app',
    'app/name/extra',
    '/app',
    'app/',
    'a_b/app',
    '__proto__',
    `${'a'.repeat(254)}/b`,
    `a/${'b'.repeat(64)}`,
  ])('cannot be %j', (text) => {
    expect(isLabelKey(text)).toBe(false);
  });
});
