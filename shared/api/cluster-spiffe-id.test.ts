import { describe, expect, test } from 'vitest';
import { Output, outputAnnotations, outputLabels } from './cluster-spiffe-id.ts';

test('outputs are labelled as the Go operator labels them, and by what else they are found', () => {
  expect(outputLabels).toEqual({
    managedBy: 'kleym.sonda.red/managed-by',
    bindingName: 'kleym.sonda.red/binding-name',
    bindingNamespace: 'kleym.sonda.red/binding-namespace',
    serviceAccount: 'kleym.sonda.red/service-account',
    key: 'kleym.sonda.red/key',
    keyShape: 'kleym.sonda.red/key-shape',
    className: 'spire.spiffe.io/class-name',
  });
});

test('no annotation is called like another, or like a label', () => {
  const names = [...Object.values(outputAnnotations), ...Object.values(outputLabels)];
  // The name of a binding stands in both: as a label where it fits, in full as an annotation.
  expect(names.filter((name, index) => names.indexOf(name) !== index)).toEqual([outputLabels.bindingName]);
});

describe('an output', () => {
  const metadata = { name: 'kleym-a', uid: 'u', resourceVersion: '1', selfLink: '/outputs/kleym-a' };

  test('is read with everything that others have added to it', () => {
    const object = {
      apiVersion: 'spire.spiffe.io/v1alpha1',
      metadata,
      spec: { spiffeIDTemplate: 'spiffe://a/b', ttl: '1h', federatesWith: ['other.org'] },
      status: { stats: { podsSelected: 1 } },
    };
    expect(Output.parse(object)).toEqual(object);
  });

  test('is read without its managed fields', () => {
    const object = { metadata: { ...metadata, managedFields: [{ manager: 'm' }] }, spec: {} };
    expect(Output.parse(object)).toEqual({ metadata, spec: {} });
  });

  test.each([
    ['selectors', { workloadSelectorTemplates: 'k8s:ns:default' }],
    ['a podSelector', { podSelector: { matchLabels: { app: 1 } } }],
    ['a hint', { hint: ['default/a'] }],
  ])('is read without %s that cannot be read, and with the rest', (_what, unread) => {
    expect(Output.parse({ metadata, spec: { ...unread, ttl: '1h' } }).spec).toEqual({ ttl: '1h' });
  });

  test('is read where it says nothing', () => {
    expect(Output.parse({ metadata }).spec).toEqual({});
  });

  test('keeps a podSelector that says more than labels', () => {
    const podSelector = { matchExpressions: [{ key: 'app', operator: 'Exists' }] };
    expect(Output.parse({ metadata, spec: { podSelector } }).spec.podSelector).toEqual(podSelector);
  });
});
