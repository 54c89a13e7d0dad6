import { describe, expect, test } from 'vitest';
import { perObjective, poolOnly } from '../../test/support/inference.ts';
import { Binding, BindingStatus, toEffectiveMode } from './binding.ts';

describe('the mode in force', () => {
  test('is PerObjective where none is given [R20]', () => {
    const { mode: _mode, ...spec } = perObjective;
    expect(toEffectiveMode(spec)).toBe('PerObjective');
  });

  test.each([perObjective, poolOnly])('is $mode where that is given', (spec) => {
    expect(toEffectiveMode(spec)).toBe(spec.mode);
  });
});

describe('a binding', () => {
  const metadata = { name: 'binding-a', namespace: 'default', uid: 'u', resourceVersion: '1' };

  test('is read without what is not ours', () => {
    const object = {
      apiVersion: 'kleym.sonda.red/v1alpha1',
      metadata: { ...metadata, managedFields: [] },
      spec: poolOnly,
      status: {},
    };
    expect(Binding.parse(object)).toEqual({ metadata, spec: poolOnly, status: {} });
  });

  test.each([
    ['without a namespace', { metadata: { ...metadata, namespace: undefined }, spec: poolOnly }],
    ['without a spec', { metadata }],
    ['without a pool', { metadata, spec: { serviceAccountName: 'inference-sa' } }],
    ['of a mode that there is not', { metadata, spec: { ...poolOnly, mode: '' } }],
    ['with a number for a container', { metadata, spec: { ...poolOnly, containerName: 1 } }],
  ])('%s is not one', (_what, object) => {
    expect(Binding.safeParse(object).success).toBe(false);
  });
});

describe('a claim', () => {
  const claim = { name: 'kleym-default-a-pool-ede236a0', serviceAccountName: 'inference-sa' };

  test('keeps only what its kind has: a merge patch may leave the rest of another kind behind', () => {
    const left = { ...claim, kind: 'owning', uid: 'u', nonce: 'n', at: '2026-01-01T00:00:00Z', base: '1' };
    expect(BindingStatus.parse({ claim: left })).toEqual({ claim: { ...claim, kind: 'owning', uid: 'u' } });
  });

  test('of no known kind is not one', () => {
    expect(BindingStatus.safeParse({ claim: { ...claim, kind: 'deleting', uid: 'u' } }).success).toBe(false);
  });
});
