import { expect, test } from 'vitest';
import { bindingResource } from './binding.ts';
import { NamespacedMeta, ObjectMeta, toApiVersion } from './object-meta.ts';

test('an apiVersion is the group and the version', () => {
  expect(toApiVersion(bindingResource)).toBe('kleym.sonda.red/v1alpha1');
});

test('labels may be called like the members that every object has', () => {
  const labels = { constructor: 'a', toString: 'b', hasOwnProperty: 'c' };
  const metadata = { name: 'a', uid: 'u', resourceVersion: '1', labels };
  expect(ObjectMeta.parse(metadata)).toEqual(metadata);
});

test('a generation is a whole number', () => {
  const metadata = { name: 'a', uid: 'u', resourceVersion: '1', generation: 1.5 };
  expect(ObjectMeta.safeParse(metadata).success).toBe(false);
});

test('what lives in a namespace says in which', () => {
  const metadata = { name: 'a', uid: 'u', resourceVersion: '1' };
  expect(NamespacedMeta.safeParse(metadata).success).toBe(false);
  expect(NamespacedMeta.safeParse({ ...metadata, namespace: 'default' }).success).toBe(true);
});

test('labels and annotations of what lives in a namespace are not kept', () => {
  const metadata = { name: 'a', namespace: 'default', uid: 'u', resourceVersion: '1' };
  const labels = { app: 'x' };
  const annotations = { note: 'x'.repeat(250_000) };
  expect(NamespacedMeta.parse({ ...metadata, labels, annotations })).toEqual(metadata);
});
