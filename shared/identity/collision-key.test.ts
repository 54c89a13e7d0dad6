import { describe, expect, test } from 'vitest';
import type { Output } from '../api/cluster-spiffe-id.ts';
import {
  type Slice,
  mayOverlap,
  parseSlice,
  toCollisionKey,
  toHeldKey,
  toKey,
  toKeyShape,
} from './collision-key.ts';

const labels = { app: 'model-server' };
const workload = { serviceAccountName: 'inference-sa', container: 'main' };
const key = toCollisionKey(labels, workload);
const image = `a.b/c@sha256:${'0'.repeat(64)}`;
const other = `a.b/c@sha256:${'1'.repeat(64)}`;

function output(workloadSelectorTemplates?: string[], podSelector?: Output['spec']['podSelector']): Output {
  return {
    metadata: { name: 'kleym-a', uid: 'u', resourceVersion: '1' },
    spec: {
      ...(workloadSelectorTemplates && { workloadSelectorTemplates }),
      ...(podSelector && { podSelector }),
    },
  };
}

describe('the collision key', () => {
  test('is a text that anybody can read in a claim', () => {
    expect(key).toBe('{"container":"main","pods":{"app":"model-server"},"serviceAccount":"inference-sa"}');
  });

  test('is one for one container, whatever the order of the labels', () => {
    expect(toCollisionKey({ a: '1', b: '2' }, workload)).toBe(toCollisionKey({ b: '2', a: '1' }, workload));
  });

  test.each([
    ['another container', labels, { ...workload, container: 'sidecar' }],
    ['another service account', labels, { ...workload, serviceAccountName: 'other-sa' }],
    ['another value of a label', { app: 'other' }, workload],
    ['another label', { ...labels, tier: 'gpu' }, workload],
    ['an image beside the container', labels, { ...workload, image }],
    ['an image instead of the container', labels, { serviceAccountName: 'inference-sa', image }],
  ])('is another one for %s', (_what, pods, slice) => {
    expect(toCollisionKey(pods, slice)).not.toBe(key);
  });

  test('is none for a whole pool, which claims nothing for itself alone', () => {
    expect(toCollisionKey(labels, { serviceAccountName: 'inference-sa' })).toBeUndefined();
  });
});

describe('the key that an output holds', () => {
  const selectors = [
    'k8s:container-name:main',
    'k8s:ns:default',
    'k8s:pod-label:app:model-server',
    'k8s:sa:inference-sa',
  ];

  test('is that of the binding it was rendered for', () => {
    expect(toHeldKey(output(selectors, { matchLabels: labels }))).toBe(key);
  });

  test.each([
    ['its selectors stand in another order', selectors.toReversed(), { matchLabels: labels }],
    ['a selector stands twice', [...selectors, 'k8s:container-name:main'], { matchLabels: labels }],
    [
      'it carries more selectors, which only narrow it',
      [...selectors, 'k8s:pod-owner:ReplicaSet:x'],
      { matchLabels: labels },
    ],
    [
      'the Go operator copied empty matchExpressions',
      selectors,
      { matchLabels: labels, matchExpressions: [] },
    ],
  ])('is the same where %s', (_why, templates, podSelector) => {
    expect(toHeldKey(output(templates, podSelector))).toBe(key);
  });

  test.each([
    [
      'its pods are said by expressions',
      selectors,
      { matchLabels: labels, matchExpressions: [{ key: 'a', operator: 'Exists' }] },
    ],
    ['its pods are not said', selectors, undefined],
    [
      'its container is another one',
      ['k8s:container-name:sidecar', 'k8s:sa:inference-sa'],
      { matchLabels: labels },
    ],
    ['it names two containers', [...selectors, 'k8s:container-name:sidecar'], { matchLabels: labels }],
    ['it has no service account', ['k8s:container-name:main'], { matchLabels: labels }],
  ])('is another one where %s', (_why, templates, podSelector) => {
    const held = toHeldKey(output(templates, podSelector));
    expect(held).toBeDefined();
    expect(held).not.toBe(key);
  });

  test.each([[['k8s:ns:default', 'k8s:sa:inference-sa']], [[]], [undefined]])(
    'is none where it selects no container: %j',
    (templates) => {
      expect(toHeldKey(output(templates, { matchLabels: labels }))).toBeUndefined();
    },
  );
});

describe('what a key stands for', () => {
  test('is read from the key', () => {
    expect(parseSlice(key ?? '')).toEqual({
      pods: labels,
      serviceAccount: 'inference-sa',
      container: 'main',
    });
  });

  test.each(['', 'main', 'null', '[]', '{"serviceAccount":1}', '{'])(
    'is not known of a key that we did not write, and it may be anything: %j',
    (text) => {
      expect(parseSlice(text)).toEqual({});
      expect(mayOverlap(parseSlice(text), parseSlice(key ?? ''))).toBe(true);
    },
  );
});

describe('two slices', () => {
  const slice: Slice = { pods: { app: 'x' }, serviceAccount: 'sa', container: 'main' };

  test.each<[string, Slice, Slice]>([
    ['one has a label more', slice, { ...slice, pods: { app: 'x', tier: 'gpu' } }],
    ['their labels have nothing in common', slice, { ...slice, pods: { tier: 'gpu' } }],
    [
      'one names a container and the other an image',
      slice,
      { pods: slice.pods, serviceAccount: 'sa', image },
    ],
    ['one names an image beside the container', slice, { ...slice, image }],
    [
      'they name different images, which one container can both report',
      { ...slice, image },
      { ...slice, image: other },
    ],
    [
      'the pods of one are said by expressions',
      slice,
      parseSlice(JSON.stringify({ ...slice, pods: { matchLabels: { app: 'y' }, matchExpressions: [{}] } })),
    ],
    ['nothing is known of the pods of one', slice, { serviceAccount: 'sa', container: 'main' }],
    ['one has no service account', slice, { pods: slice.pods, container: 'main' }],
  ])('may overlap where %s', (_why, a, b) => {
    expect([mayOverlap(a, b), mayOverlap(b, a)]).toEqual([true, true]);
  });

  test.each<[string, Slice, Slice]>([
    ['service accounts differ', slice, { ...slice, serviceAccount: 'other' }],
    ['container names differ', slice, { ...slice, container: 'sidecar' }],
    [
      'container names differ and the images are one',
      { ...slice, image },
      { ...slice, image, container: 'sidecar' },
    ],
    ['a label differs', slice, { ...slice, pods: { app: 'y' } }],
    [
      'a label differs that every object has',
      { ...slice, pods: { constructor: 'x' } },
      { ...slice, pods: { constructor: 'y' } },
    ],
  ])('cannot overlap where their %s', (_why, a, b) => {
    expect([mayOverlap(a, b), mayOverlap(b, a)]).toEqual([false, false]);
  });

  test('are not told apart by what every object has', () => {
    expect(mayOverlap({ ...slice, pods: { constructor: 'x' } }, { ...slice, pods: { app: 'x' } })).toBe(true);
  });
});

describe('the shape of a key', () => {
  const slice: Slice = { pods: { app: 'x' }, serviceAccount: 'sa', container: 'main' };

  test.each<[string, Slice]>([
    ['the service account', { ...slice, serviceAccount: 'other' }],
    ['the container', { ...slice, container: 'sidecar' }],
    ['the value of a label', { ...slice, pods: { app: 'y' } }],
  ])('is the same where only %s differs', (_what, other) => {
    expect(toKeyShape(other)).toBe(toKeyShape(slice));
  });

  test.each<[string, Slice]>([
    ['there is another label', { ...slice, pods: { app: 'x', tier: 'gpu' } }],
    ['there is an image', { ...slice, image }],
    ['there is no container', { pods: slice.pods, serviceAccount: 'sa', image }],
  ])('is another one where %s', (_what, other) => {
    expect(toKeyShape(other)).not.toBe(toKeyShape(slice));
  });

  test.each<[string, Slice]>([
    ['the pods', { serviceAccount: 'sa', container: 'main' }],
    ['the service account', { pods: slice.pods, container: 'main' }],
  ])('is unknown where %s are not known', (_what, unknown) => {
    expect(toKeyShape(unknown)).toBeUndefined();
  });

  test('is never shared by two different keys that may overlap', () => {
    const labels = [{}, { a: '1' }, { a: '2' }, { b: '1' }, { a: '1', b: '1' }, { a: '2', b: '2' }];
    const accounts = ['sa', 'other'];
    const containers = [undefined, 'main', 'sidecar'];
    const images = [undefined, image, other];
    const all = labels.flatMap((pods) =>
      accounts.flatMap((serviceAccount) =>
        containers.flatMap((container) =>
          images.map((one): Slice => ({ pods, serviceAccount, container, image: one })),
        ),
      ),
    );
    const overlapping = all.flatMap((a) =>
      all.filter((b) => toKey(a) !== toKey(b) && mayOverlap(a, b)).map((b) => [a, b] as const),
    );
    expect(overlapping.length).toBeGreaterThan(500);
    expect(overlapping.filter(([a, b]) => toKeyShape(a) === toKeyShape(b))).toEqual([]);
  });
});
