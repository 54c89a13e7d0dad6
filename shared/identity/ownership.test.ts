import { describe, expect, test } from 'vitest';
import { createBinding, poolOnly } from '../../test/support/inference.ts';
import { type Output, outputAnnotations, outputLabels } from '../api/cluster-spiffe-id.ts';
import { toLabelValue } from './label-value.ts';
import { type ClaimedOutput, isClaimedOutput, ownerUidOf, parseOwner, toHint } from './ownership.ts';

interface Said {
  readonly name?: string;
  readonly managedBy?: string;
  readonly bindingName?: string;
  readonly bindingNamespace?: string;
  readonly hint?: string;
}

function output(said: Said): Output {
  const { name = 'kleym-default-binding-a-pool-ede236a0', managedBy = 'kleym' } = said;
  const { bindingName = 'binding-a', bindingNamespace = 'default', hint = 'default/binding-a' } = said;
  const labels = {
    [outputLabels.managedBy]: managedBy,
    [outputLabels.bindingName]: bindingName,
    [outputLabels.bindingNamespace]: bindingNamespace,
  };
  return { metadata: { name, uid: 'u', resourceVersion: '1', labels }, spec: { hint } };
}

test('the hint of an output is the namespace and the name of its binding', () => {
  expect(toHint('default', 'binding-a')).toBe('default/binding-a');
});

describe('the owner of an output', () => {
  test('is the binding that labels, name and hint agree on', () => {
    expect(parseOwner(output({}), 'default')).toBe('binding-a');
  });

  test.each(['b'.repeat(64), `${'b'.repeat(40)}.${'c'.repeat(40)}`, 'b'.repeat(253)])(
    'is found by its whole name where a label holds less: %s',
    (name) => {
      const found = parseOwner(
        output({ bindingName: toLabelValue(name), hint: `default/${name}` }),
        'default',
      );
      expect(found).toBe(name);
    },
  );

  test('is not the binding whose short name equals the shortened label of another', () => {
    const long = 'b'.repeat(64);
    const short = toLabelValue(long);
    expect(parseOwner(output({ bindingName: short, hint: `default/${long}` }), 'default')).toBe(long);
    expect(parseOwner(output({ bindingName: short, hint: `default/${short}` }), 'default')).toBe(short);
  });

  test.each<[string, Said]>([
    ['its name is not one of ours', { name: 'default-binding-a' }],
    ['somebody else manages it', { managedBy: 'helm' }],
    ['its label names another binding', { bindingName: 'binding-b' }],
    ['its label names another namespace', { bindingNamespace: 'other' }],
    ['its hint names another binding', { hint: 'default/binding-b' }],
    ['its hint names another namespace', { hint: 'other/binding-a' }],
    ['its hint has no namespace', { hint: 'binding-a' }],
    ['its hint is empty', { hint: '' }],
    ['its hint has a namespace that only begins like ours', { hint: 'default-a/binding-a' }],
    ['it names no binding at all', { bindingName: '', hint: 'default/' }],
    [
      'its binding has a name that is a path',
      {
        bindingName: toLabelValue(`${'b'.repeat(40)}/../../${'b'.repeat(30)}`),
        hint: `default/${'b'.repeat(40)}/../../${'b'.repeat(30)}`,
      },
    ],
    ['its label is the whole hint', { bindingName: 'default/binding-a' }],
  ])('is nobody where %s', (_why, said) => {
    expect(parseOwner(output(said), 'default')).toBeUndefined();
  });

  test('is nobody where it has no labels or no hint', () => {
    const { labels: _labels, ...metadata } = output({}).metadata;
    expect(parseOwner({ metadata, spec: { hint: 'default/binding-a' } }, 'default')).toBeUndefined();
    expect(parseOwner({ ...output({}), spec: {} }, 'default')).toBeUndefined();
  });
});

describe('the uid of the owner of an output', () => {
  test('stands in an annotation', () => {
    const { metadata, spec } = output({});
    const annotations = { [outputAnnotations.bindingUid]: 'uid-of-binding-a' };
    expect(ownerUidOf({ metadata: { ...metadata, annotations }, spec })).toBe('uid-of-binding-a');
  });

  test('is unknown where the Go operator wrote the output', () => {
    expect(ownerUidOf(output({}))).toBeUndefined();
  });
});

test('labels and a hint that agree on what is no namespace make nobody an owner', () => {
  const labels = {
    'kleym.sonda.red/managed-by': 'kleym',
    'kleym.sonda.red/binding-name': 'a',
    'kleym.sonda.red/binding-namespace': 'Foo.Bar',
  };
  const metadata = { name: 'kleym-a', uid: 'u', resourceVersion: '1', labels };
  expect(parseOwner({ metadata, spec: { hint: 'Foo.Bar/a' } }, 'Foo.Bar')).toBeUndefined();
});

describe('an output that somebody edited', () => {
  const owner = createBinding(poolOnly);
  const annotations = {
    [outputAnnotations.bindingUid]: 'uid-of-binding-a',
    [outputAnnotations.claim]: 'nonce',
  };
  const { metadata, spec } = output({});
  const ours: Output = { metadata: { ...metadata, labels: {}, annotations }, spec };
  const { name } = metadata;
  const byUid: ClaimedOutput = { name, uid: 'u' };
  const byNonce: ClaimedOutput = { name, nonce: 'nonce' };

  function edit(change: Partial<Output['metadata']>, hint?: string): Output {
    return { metadata: { ...ours.metadata, ...change }, spec: hint === undefined ? spec : { hint } };
  }

  test.each<[string, Output, ClaimedOutput]>([
    ['its uid and that of the binding agree', ours, byUid],
    [
      'it says that it was made for the binding, whatever else the claim says',
      ours,
      { name, nonce: 'another' },
    ],
    ['the nonce of its POST and the uid of the binding agree', ours, byNonce],
    ['its hint was edited, and its annotation was not', edit({}, 'other/binding-b'), byUid],
    ['its annotations were taken off, and name and hint were not', edit({ annotations: {} }), byUid],
    [
      'its annotations were taken off and its hint was edited, and its labels were not',
      edit({ annotations: {}, labels: metadata.labels }, 'other/binding-b'),
      byUid,
    ],
    [
      'only the uid of the binding was taken off',
      edit({ annotations: { [outputAnnotations.claim]: 'nonce' } }),
      byNonce,
    ],
  ])('is what a binding claims where %s', (_why, one, claim) => {
    expect(isClaimedOutput(one, claim, owner)).toBe(true);
  });

  const ofAnother = edit({ annotations: { ...annotations, [outputAnnotations.bindingUid]: 'another' } });

  test.each<[string, Output, ClaimedOutput]>([
    ['claims an output of another binding by its uid', ofAnother, byUid],
    ['claims an output of another binding by its nonce', ofAnother, byNonce],
    ['claims another object of this name', edit({ annotations: {} }), { name, uid: 'another' }],
    ['claims by a nonce where none was written', edit({ annotations: {} }), byNonce],
    ['claims another name', ours, { name: 'kleym-other', uid: 'u' }],
    ['claims without saying by what', edit({ annotations: {} }), { name }],
    [
      'claims an output of another namespace that lost its annotations',
      edit({ annotations: {} }, 'other/binding-a'),
      byUid,
    ],
    ['claims an output of a namesake', edit({ annotations: {} }, 'default/binding-ab'), byUid],
    [
      'claims an output without a hint and annotations',
      { metadata: edit({ annotations: {} }).metadata, spec: {} },
      byUid,
    ],
    ...[outputLabels.managedBy, outputLabels.bindingName, outputLabels.bindingNamespace].map(
      (label): [string, Output, ClaimedOutput] => [
        `claims an output without a hint and annotations, where ${label} says something else`,
        edit({ annotations: {}, labels: { ...metadata.labels, [label]: 'other' } }, ''),
        byUid,
      ],
    ),
    [
      'claims an object with its labels and without a name of its outputs',
      edit({ name: 'kleym-by-hand', annotations: {}, labels: metadata.labels }, 'ops/mine'),
      { name: 'kleym-by-hand', uid: 'u' },
    ],
    [
      "claims somebody's own object, with labels like ours",
      edit({ name: 'somebody', annotations: {}, labels: metadata.labels }),
      { name: 'somebody', uid: 'u' },
    ],
    [
      "claims somebody's own object, with a hint like ours",
      edit({ name: 'somebody', annotations: {} }),
      { name: 'somebody', uid: 'u' },
    ],
    [
      'was made anew under its name',
      edit({ annotations: { ...annotations, [outputAnnotations.bindingUid]: 'uid-of-an-earlier-one' } }),
      byUid,
    ],
  ])('is not that of a binding which %s', (_why, one, claim) => {
    expect(isClaimedOutput(one, claim, owner)).toBe(false);
  });
});
