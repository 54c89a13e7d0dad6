import { CloudEvent } from 'cloudevents';
import { describe, expect, test } from 'vitest';
import { poolResources } from '../api/pool.ts';
import { outputResource } from '../api/cluster-spiffe-id.ts';
import { isLeaving, parseChange } from './change.ts';

const pools = { resources: poolResources, scope: 'namespaced' } as const;
const outputs = { resources: [outputResource], scope: 'cluster' } as const;
const pool = {
  metadata: { name: 'p', namespace: 'team-a', uid: 'u', resourceVersion: '1', generation: 2 },
  spec: { selector: {} },
};
const aboutPool = {
  id: 'id',
  source: 'https://10.96.0.1:443',
  type: 'dev.knative.apiserver.resource.update',
  apiversion: 'inference.networking.k8s.io/v1',
  kind: 'InferencePool',
  name: 'p',
  namespace: 'team-a',
  data: pool,
};
const aboutOutput = {
  ...aboutPool,
  apiversion: 'spire.spiffe.io/v1alpha1',
  kind: 'ClusterSPIFFEID',
  namespace: '',
  type: 'dev.knative.apiserver.ref.delete',
};

/** An event without the attributes that are undefined. */
function toEvent(attributes: Record<string, unknown>): CloudEvent<unknown> {
  return new CloudEvent(
    Object.fromEntries(Object.entries(attributes).filter(([, value]) => value !== undefined)),
  );
}

describe('an event of an ApiServerSource', () => {
  test.each(['add', 'update', 'delete'] as const)(
    'in Resource mode tells of an %s and brings the object',
    (verb) => {
      const event = toEvent({ ...aboutPool, type: `dev.knative.apiserver.resource.${verb}` });
      expect(parseChange(event, pools)).toEqual({
        kind: 'done',
        value: { verb, resource: poolResources[0], namespace: 'team-a', name: 'p', object: pool },
      });
    },
  );

  test.each(['add', 'update', 'delete'] as const)(
    'in Reference mode tells of an %s and brings no object',
    (verb) => {
      const data = {
        kind: 'InferencePool',
        namespace: 'team-a',
        name: 'p',
        apiVersion: 'inference.networking.k8s.io/v1',
      };
      const event = toEvent({ ...aboutPool, type: `dev.knative.apiserver.ref.${verb}`, data });
      expect(parseChange(event, pools)).toEqual({
        kind: 'done',
        value: { verb, resource: poolResources[0], namespace: 'team-a', name: 'p' },
      });
    },
  );

  test('tells the group apart', () => {
    const event = toEvent({ ...aboutPool, apiversion: 'inference.networking.x-k8s.io/v1alpha2' });
    expect(parseChange(event, pools)).toMatchObject({ value: { resource: poolResources[1] } });
  });

  test.each([
    ['an empty', { namespace: '' }],
    ['no', { namespace: undefined }],
  ])('about an object outside of namespaces may come with %s namespace', (_what, attributes) => {
    const event = toEvent({ ...aboutOutput, ...attributes });
    expect(parseChange(event, outputs)).toMatchObject({ kind: 'done', value: { namespace: '', name: 'p' } });
  });

  test.each([
    ['of another type', { type: 'dev.knative.sources.ping' }, 'type "dev.knative.sources.ping"'],
    [
      'of an unknown mode',
      { type: 'dev.knative.apiserver.object.add' },
      'type "dev.knative.apiserver.object.add"',
    ],
    [
      'of an unknown verb',
      { type: 'dev.knative.apiserver.resource.patch' },
      'type "dev.knative.apiserver.resource.patch"',
    ],
    [
      'of a type with more behind it',
      { type: 'dev.knative.apiserver.resource.add.x' },
      'type "dev.knative.apiserver.resource.add.x"',
    ],
    [
      'about another kind',
      { kind: 'InferenceObjective' },
      'apiversion "inference.networking.k8s.io/v1", kind "InferenceObjective"',
    ],
    [
      'about another group',
      { apiversion: 'example.com/v1' },
      'apiversion "example.com/v1", kind "InferencePool"',
    ],
    [
      'about another version',
      { apiversion: 'inference.networking.k8s.io/v2' },
      'apiversion "inference.networking.k8s.io/v2", kind "InferencePool"',
    ],
    ['about no kind', { kind: undefined }, 'apiversion "inference.networking.k8s.io/v1", kind nothing'],
    ['without a name', { name: undefined }, 'name nothing'],
    ['with an empty name', { name: '' }, 'name ""'],
    ['with a name that is a path', { name: '../secrets' }, 'name "../secrets"'],
    ['without a namespace', { namespace: undefined }, 'namespace ""'],
    ['with an empty namespace', { namespace: '' }, 'namespace ""'],
    ['with a namespace that cannot be', { namespace: 'Team_A' }, 'namespace "Team_A"'],
    ['without data', { data: undefined }, 'data: Invalid input: expected object, received undefined'],
    ['with text for data', { data: 'pool' }, 'data: Invalid input: expected object, received string'],
    [
      'with a reference for an object',
      { data: { name: 'p' } },
      'data.metadata: Invalid input: expected object, received undefined',
    ],
    [
      'with an object without a uid',
      { data: { metadata: { ...pool.metadata, uid: undefined } } },
      'data.metadata.uid: Invalid input: expected string, received undefined',
    ],
    [
      'with an object of another name',
      { data: { metadata: { ...pool.metadata, name: 'q' } } },
      'data about "team-a/q"',
    ],
    [
      'with an object of another namespace',
      { data: { metadata: { ...pool.metadata, namespace: 'b' } } },
      'data about "b/p"',
    ],
  ])('%s is refused', (_what, attributes, found) => {
    const event = toEvent({ ...aboutPool, ...attributes });
    expect(parseChange(event, pools)).toMatchObject({
      kind: 'refused-event',
      found,
      expected: expect.any(String),
    });
  });

  test('about an output with a namespace is refused', () => {
    const event = toEvent({ ...aboutOutput, namespace: 'team-a' });
    expect(parseChange(event, outputs)).toMatchObject({ kind: 'refused-event', found: 'namespace "team-a"' });
  });

  test('says which kinds would do', () => {
    const event = toEvent({ ...aboutPool, kind: 'Pod' });
    expect(parseChange(event, pools)).toHaveProperty(
      'expected',
      'inference.networking.k8s.io/v1 InferencePool or inference.networking.x-k8s.io/v1alpha2 InferencePool',
    );
  });
});

describe('an object is leaving', () => {
  test.each([
    ['when it is deleted', 'delete', {}, true],
    ['when it waits for its finalizers', 'update', { deletionTimestamp: '2026-01-01T00:00:00Z' }, true],
    ['but not when it is updated', 'update', {}, false],
    ['but not when it is added', 'add', undefined, false],
  ] as const)('%s', (_what, verb, metadata, leaving) => {
    expect(isLeaving(verb, metadata)).toBe(leaving);
  });
});

test('an object that is wrong in 700000 places is refused for one of them', () => {
  const finalizers = Array.from({ length: 700_000 }, () => 0);
  const data = { ...pool, metadata: { ...pool.metadata, finalizers } };
  expect(parseChange(toEvent({ ...aboutPool, data }), pools)).toMatchObject({
    kind: 'refused-event',
    found: 'data.metadata.finalizers: expected a list of texts',
  });
});
