import { expect, test } from 'vitest';
import { findWrongSetting, resolveSettings } from './resolve-settings.ts';

const status = { trustDomain: 'example.org', clusterSPIFFEIDClassName: 'spire' };

test('what a binding says is used where no flag says more', () => {
  expect(resolveSettings({}, status)).toEqual({
    settings: {
      trustDomain: 'example.org',
      className: 'spire',
      namespaceSelector: true,
      overlapPolicy: 'report',
    },
    trustDomainSource: 'bindingStatus',
    classNameSource: 'bindingStatus',
    isDiscovered: true,
  });
});

test('a flag wins, and an empty class is none', () => {
  expect(
    resolveSettings({ 'trust-domain': 'other.org', 'class-name': '', 'overlap-policy': 'refuse' }, status),
  ).toEqual({
    settings: {
      trustDomain: 'other.org',
      className: undefined,
      namespaceSelector: true,
      overlapPolicy: 'refuse',
    },
    trustDomainSource: 'flag',
    classNameSource: 'flag',
    isDiscovered: true,
  });
});

test('where nothing is known there is a default', () => {
  expect(resolveSettings({ 'clusterspiffeid-class-name': 'mine' }, undefined)).toEqual({
    settings: {
      trustDomain: 'kleym.sonda.red',
      className: 'mine',
      namespaceSelector: true,
      overlapPolicy: 'report',
    },
    trustDomainSource: 'default',
    classNameSource: 'flag',
    isDiscovered: false,
  });
});

test.each([
  [
    { 'trust-domain': 'spiffe://example.org' },
    /^--trust-domain: trustDomain "spiffe:\/\/example.org" is not/,
  ],
  [{ 'trust-domain': '' }, /^--trust-domain: trustDomain must be configured/],
  [{ 'class-name': ' x' }, /^--class-name is " x": expected/],
])('%j is refused', (flags, message) => {
  expect(findWrongSetting(flags)).toMatch(message);
});

test.each([[{}], [{ 'class-name': '' }], [{ 'trust-domain': 'example.org', 'class-name': 'spire' }]])(
  '%j is taken',
  (flags) => {
    expect(findWrongSetting(flags)).toBeUndefined();
  },
);
