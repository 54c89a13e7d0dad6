import { describe, expect, test } from 'vitest';
import { perObjective, poolOnly } from '../../test/support/inference.ts';
import { Binding, BindingStatus, toEffectiveMode } from './binding.ts';

describe('the mode in force', () => {
  test('is PerObjective where none is given', () => {
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

  test('without a namespace is not one', () => {
    const object = { metadata: { ...metadata, namespace: undefined }, spec: poolOnly };
    expect(Binding.safeParse(object).success).toBe(false);
  });

  test('may have an empty mode, which is none', () => {
    const { spec } = Binding.parse({ metadata, spec: { ...perObjective, mode: '' } });
    expect(spec).not.toHaveProperty('unreadable');
    expect(toEffectiveMode(spec)).toBe('PerObjective');
  });

  const account = 'inference-sa';
  test.each([
    ['no spec', undefined, '', /expected object/],
    ['no pool', { serviceAccountName: account }, account, /^poolRef: /],
    ['a mode that there is not', { ...poolOnly, mode: 'PerPod' }, account, /^mode: /],
    ['a field that we do not know', { ...poolOnly, nodeLabels: {} }, account, /nodeLabels/],
    [
      'a field of a reference that we do not know',
      { ...poolOnly, poolRef: { ...poolOnly.poolRef, namespace: 'other' } },
      account,
      /^poolRef: .*"namespace"/,
    ],
    ['words that are ours', { ...poolOnly, unreadable: 'yes' }, account, /^Unrecognized key: "unreadable"$/],
    ['a number for a container', { ...poolOnly, containerName: 1 }, account, /^containerName: /],
    ['a number for a pod label', { ...poolOnly, podLabels: { role: 1 } }, account, /^podLabels: /],
    ['a list of pod labels', { ...poolOnly, podLabels: ['role'] }, account, /^podLabels: /],
    ['a number for a service account', { ...poolOnly, serviceAccountName: 1 }, '', /^serviceAccountName: /],
  ])(
    'that was stored with %s is one, of which only that and its service account is known',
    (_what, spec, serviceAccountName, words) => {
      expect(Binding.parse({ metadata, spec }).spec).toEqual({
        poolRef: { name: '' },
        serviceAccountName,
        unreadable: expect.stringMatching(words),
      });
    },
  );

  test('that can be read says so', () => {
    expect(Binding.parse({ metadata, spec: poolOnly }).spec).not.toHaveProperty('unreadable');
  });
});

describe('a status that another version has written', () => {
  const metadata = { name: 'binding-a', namespace: 'default', uid: 'u', resourceVersion: '1' };
  const claim = { kind: 'owning', name: 'kleym-a', serviceAccountName: 'inference-sa', uid: 'u' };
  const read = (status: unknown) => Binding.parse({ metadata, spec: poolOnly, status }).status;

  test.each([
    ['a condition that we do not know', { conditions: [{ type: 'Registered', status: 'True' }] }],
    ['a mode that we do not know', { computedSpiffeIDs: [{ mode: '', spiffeID: 'spiffe://a/b' }] }],
    ['selectors of another shape', { renderedSelectors: [{}] }],
    ['a peer for another reason', { conflicts: [{ name: 'b', uid: 'u', reason: 'Rumour' }] }],
    ['an observation of another shape', { observed: { pool: {} } }],
    ['a generation that is none', { observedGeneration: 'one' }],
    ['names that are none', { trustDomain: 1, clusterSPIFFEIDClassName: {} }],
  ])('is read without %s', (_what, status) => {
    expect(read({ ...status, claim })).toEqual({ claim });
  });

  test.each([
    ['of another kind', { ...claim, kind: 'lending' }, /^kind: /, 'inference-sa'],
    ['without its uid', { ...claim, uid: undefined }, /^uid: /, 'inference-sa'],
    [
      'without a service account',
      { ...claim, serviceAccountName: undefined },
      /^serviceAccountName: /,
      undefined,
    ],
    ['that is a text', 'mine', /expected object/, undefined],
    ['that is null', null, /expected object/, undefined],
  ])('has a claim all the same, if it has one %s', (_what, unread, words, serviceAccountName) => {
    expect(read({ trustDomain: 'example.org', claim: unread })).toEqual({
      trustDomain: 'example.org',
      claim: { kind: 'unreadable', words: expect.stringMatching(words), serviceAccountName },
    });
  });
});

const others = (count: number) => Array.from({ length: count }, (_, index) => `a/${index}`);

describe('a binding that somebody made large', () => {
  const metadata = { name: 'binding-a', namespace: 'default', uid: 'u', resourceVersion: '1' };
  const ours = 'kleym.sonda.red/inferenceidentitybinding-finalizer';
  const finalizersOf = (finalizers: string[]) =>
    Binding.parse({ metadata: { ...metadata, finalizers }, spec: poolOnly }).metadata.finalizers;

  test('keeps a hundred finalizers, and of more so many that they show to be too many, with ours', () => {
    expect(finalizersOf([...others(99), ours])).toEqual([...others(99), ours]);
    expect(finalizersOf(others(101))).toEqual(others(101));
    expect(finalizersOf([...others(60_000), ours])).toEqual([...others(101), ours]);
  });

  test('keeps forty conflicts', () => {
    const conflicts = others(41).map((name) => ({ name, uid: 'u', reason: 'IdentityCollision' }));
    const { status } = Binding.parse({ metadata, spec: poolOnly, status: { conflicts } });
    expect(status?.conflicts).toEqual(conflicts.slice(0, 40));
  });

  const claim = { kind: 'owning', name: 'output', serviceAccountName: 'sa', uid: 'u' };
  const readStatus = (status: object) => Binding.parse({ metadata, spec: poolOnly, status }).status;
  test.each([
    ['a claim', { claim: { ...claim, key: 'k'.repeat(131_072) } }],
    ['a message', { claim, conditions: [{ type: 'Ready', message: 'm'.repeat(131_072) }] }],
    ['fields that nobody knows', { claim, more: others(60_000) }],
  ])('has a claim that cannot be read where its status is large by %s', (_what, status) => {
    expect(readStatus({ observedGeneration: 7, ...status })).toEqual({
      claim: { kind: 'unreadable', words: expect.any(String), serviceAccountName: 'sa' },
    });
  });

  test('has no claim where it said none', () => {
    expect(readStatus({ trustDomain: 't'.repeat(131_072) })).toEqual({});
  });

  test('is read where its status is as large as any of ours', () => {
    const status = { observedGeneration: 7, claim: { ...claim, key: 'k'.repeat(100_000) } };
    expect(readStatus(status)).toEqual(status);
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
