import { describe, expect, test } from 'vitest';
import type { KubeObject } from './kube-object.ts';
import { parseFieldSelector, parseLabelSelector } from './selectors.ts';

function labelled(labels: Record<string, string>): KubeObject {
  return { apiVersion: 'v1', kind: 'Thing', metadata: { name: 'one', labels } };
}

describe('a label selector', () => {
  test.each<[string, Record<string, string>, boolean]>([
    ['', {}, true],
    ['a=b', { a: 'b' }, true],
    ['a=b', { a: 'c' }, false],
    ['a=b', {}, false],
    ['a==b', { a: 'b' }, true],
    [' a = b , c = d ', { a: 'b', c: 'd' }, true],
    ['a=b,c=d', { a: 'b' }, false],
    ['a!=b', { a: 'c' }, true],
    ['a!=b', {}, true],
    ['a!=b', { a: 'b' }, false],
    ['a=', { a: '' }, true],
    ['a=', {}, false],
    ['a', { a: '' }, true],
    ['a', {}, false],
    ['!a', {}, true],
    ['!a', { a: 'b' }, false],
    ['a in (b,c)', { a: 'c' }, true],
    ['a in (b,c)', {}, false],
    ['a in (b,)', { a: '' }, true],
    ['a notin (b,c)', { a: 'd' }, true],
    ['a notin (b,c)', {}, true],
    ['a notin (b,c)', { a: 'b' }, false],
    ['example.com/a=b', { 'example.com/a': 'b' }, true],
    ['in=in', { in: 'in' }, true],
  ])('%j with %o is %s', (text, labels, expected) => {
    expect(parseLabelSelector(text)(labelled(labels))).toBe(expected);
  });

  test.each([
    ['a===b', "unable to parse requirement: found '=', expected: identifier"],
    ['a in b', "unable to parse requirement: found 'b' expected: '('"],
    ['a=b!', "found '!', expected: ',' or 'end of string'"],
    ['a=b c', "found 'c', expected: ',' or 'end of string'"],
    [',a', "found ',', expected: !, identifier, or 'end of string'"],
  ])('%j is refused in the words of the real server', (text, message) => {
    expect(() => parseLabelSelector(text)).toThrow(message);
  });

  test.each(['a>5', 'a<5'])('%j is not implemented', (text) => {
    expect(() => parseLabelSelector(text)).toThrow('the embedded cluster does not implement');
  });

  test.each(['a in (b', '!', '-a', 'a=b&c', `a=${'x'.repeat(64)}`])('%j is refused', (text) => {
    expect(() => parseLabelSelector(text)).toThrow(/^unable to parse requirement: |^found '/);
  });
});

describe('a field selector', () => {
  const fields = {
    'metadata.name': ['metadata', 'name'],
    'spec.ref': ['spec', 'ref'],
    'spec.count': ['spec', 'count'],
  };
  const object: KubeObject = {
    apiVersion: 'v1',
    kind: 'Thing',
    metadata: { name: 'one' },
    spec: { ref: 'a,b=c', count: 3 },
  };
  const parse = (text: string) => parseFieldSelector(text, fields, (label) => `not supported: ${label}`);

  test.each([
    ['', true],
    ['metadata.name=one', true],
    ['metadata.name==one', true],
    ['metadata.name!=one', false],
    ['metadata.name=two', false],
    ['spec.count=3', true],
    ['metadata.name=one,spec.count!=3', false],
    [String.raw`spec.ref=a\,b\=c`, true],
  ])('%j is %s', (text, expected) => {
    expect(parse(text)(object)).toBe(expected);
  });

  test('takes an absent field for the empty text', () => {
    const bare: KubeObject = { apiVersion: 'v1', kind: 'Thing', metadata: { name: 'one' } };
    expect(parse('spec.ref=')(bare)).toBe(true);
    expect(parse('spec.ref!=x')(bare)).toBe(true);
  });

  test('refuses a field that nobody declared', () => {
    expect(() => parse('spec.other=x')).toThrow('not supported: spec.other');
  });

  test('refuses what is no selector', () => {
    expect(() => parse('nonsense')).toThrow("invalid selector: 'nonsense'; can't understand 'nonsense'");
  });
});
