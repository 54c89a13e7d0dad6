import { describe, expect, test } from 'vitest';
import { type Answered, postEvent, silentApp } from '../../test/support/post-event.ts';
import { mapBinding } from './map-binding.ts';

const finalizers = ['kleym.sonda.red/inferenceidentitybinding-finalizer'];
const metadata = {
  name: 'b',
  namespace: 'team-a',
  uid: 'u',
  resourceVersion: '9',
  generation: 2,
  finalizers,
};
const conflicts = [
  { name: 'c', uid: 'uc', reason: 'IdentityCollision' },
  { name: 'a', uid: 'ua', reason: 'PossibleOverlap' },
];
const settled = { observedGeneration: 2, conflicts };
const nothing: Answered = { status: 204 };

function post(verb: string, object?: unknown, mode = 'resource', time?: string): Promise<Answered> {
  const type = `dev.knative.apiserver.${mode}.${verb}`;
  const about = {
    apiversion: 'kleym.sonda.red/v1alpha1',
    kind: 'InferenceIdentityBinding',
    name: 'b',
    namespace: 'team-a',
    ...(time !== undefined && { time }),
  };
  return postEvent(silentApp(mapBinding()), { attributes: { type, ...about }, data: object });
}

function postAt(time: string, object: object, verb = 'update'): Promise<Answered> {
  return post(verb, object, 'resource', time);
}

function names(...list: string[]): Answered {
  return { status: 200, bindings: [{ namespace: 'team-a', names: list }] };
}

function newName(name: string): Answered {
  return { status: 200, bindings: [{ namespace: 'team-a', names: [name], hasOwnReason: true }] };
}

describe('a binding that is settled', () => {
  test.each(['add', 'update'])('is no news when an %s tells of it', async (verb) => {
    expect(await post(verb, { metadata, status: settled })).toEqual(nothing);
  });

  test('is no news beside finalizers of others', async () => {
    const more = { ...metadata, finalizers: ['example.com/other', ...finalizers] };
    expect(await post('update', { metadata: more, status: settled })).toEqual(nothing);
  });
});

describe('a binding is named', () => {
  test.each([
    ['that was never looked at', { metadata }],
    ['whose spec has changed', { metadata: { ...metadata, generation: 3 }, status: settled }],
    ['whose status is ahead of its spec', { metadata, status: { ...settled, observedGeneration: 3 } }],
    ['that lost our finalizer', { metadata: { ...metadata, finalizers: [] }, status: settled }],
    [
      'that has only finalizers of others',
      { metadata: { ...metadata, finalizers: ['example.com/other'] }, status: settled },
    ],
    ['that has no finalizers', { metadata: { ...metadata, finalizers: undefined }, status: settled }],
    ['that has no generation', { metadata: { ...metadata, generation: undefined }, status: { conflicts } }],
    ['whose status cannot be read', { metadata, status: { observedGeneration: '2' } }],
    ['whose conflicts cannot be read', { metadata, status: { observedGeneration: 2, conflicts: 'c' } }],
    ['without a spec, which the functions must refuse', { metadata, spec: null }],
  ])('alone: one %s', async (_what, object) => {
    expect(await post('update', object)).toEqual(names('b'));
  });

  test.each([
    ['when it is deleted', 'delete', { metadata, status: settled }],
    [
      'when it is deleted, though the body still lists a finalizer and a time of deletion',
      'delete',
      { metadata: { ...metadata, deletionTimestamp: '2026-01-01T00:00:00Z' }, status: settled },
    ],
    [
      'when it waits for its finalizers',
      'update',
      { metadata: { ...metadata, deletionTimestamp: '2026-01-01T00:00:00Z' }, status: settled },
    ],
    [
      'when it appears on its way out',
      'add',
      { metadata: { ...metadata, deletionTimestamp: '2026-01-01T00:00:00Z' }, status: settled },
    ],
    [
      'when it leaves a conflict, perhaps',
      'update',
      {
        metadata: { ...metadata, generation: 3 },
        status: { ...settled, conditions: [{ type: 'Conflict', status: 'True' }] },
      },
    ],
    [
      'when it leaves what its output could not be deleted for',
      'update',
      {
        metadata: { ...metadata, generation: 3 },
        status: { ...settled, conditions: [{ type: 'Conflict', status: 'Unknown' }] },
      },
    ],
  ])('with its recorded peers %s', async (_what, verb, object) => {
    expect(await post(verb, object)).toEqual(names('a', 'b', 'c'));
  });

  test('for its own reason, when it is new', async () => {
    expect(await post('add', { metadata: { ...metadata, finalizers: [] } })).toEqual(newName('b'));
  });

  test.each([
    ['an edit', 'update', { metadata: { ...metadata, finalizers: [] } }],
    [
      'the appearance of one that says something',
      'add',
      { metadata: { ...metadata, finalizers: [] }, status: { conflicts: [] } },
    ],
    ['the appearance of one with our finalizer', 'add', { metadata }],
    ['a deletion', 'delete', { metadata }],
  ])('for any reason, after %s', async (_what, verb, object) => {
    expect(await post(verb, object)).toEqual(names('b'));
  });

  describe('on which a run has just put our finalizer', () => {
    const created = { ...metadata, generation: 1, creationTimestamp: '2026-01-01T00:00:00Z' };
    test('is no news: the run goes on, or its event comes again', async () => {
      expect(await postAt('2026-01-01T00:09:59Z', { metadata: created })).toEqual(nothing);
    });

    test.each<[string, string, object, string?]>([
      ['it was restored like this', '2026-01-01T00:00:01Z', { metadata: created }, 'add'],
      ['it was edited since', '2026-01-01T00:00:01Z', { metadata: { ...created, generation: 2 } }],
      ['it says something already', '2026-01-01T00:00:01Z', { metadata: created, status: { conflicts } }],
      ['the finalizer is of others', '2026-01-01T00:00:01Z', { metadata: { ...created, finalizers: ['x'] } }],
    ])('is named where %s', async (_case, time, object, verb) => {
      expect(await postAt(time, object, verb)).toEqual(names('b'));
    });

    test('is named for its own reason where it is older: somebody may have taken its status off', async () => {
      expect(await postAt('2026-01-01T00:10:00Z', { metadata: created })).toEqual(newName('b'));
    });
  });

  test('with those of its peers whose names can be names', async () => {
    const status = { conflicts: [{ name: 'c' }, { name: '' }, { name: '../x' }, { name: 'b' }] };
    expect(await post('delete', { metadata, status })).toEqual(names('b', 'c'));
  });

  test('with a thousand of its recorded peers, and not one more', async () => {
    const peers = Array.from({ length: 1001 }, (_, index) => `r${String(index).padStart(4, '0')}`);
    const named = async (count: number) => {
      const status = { conflicts: peers.slice(0, count).map((name) => ({ name })) };
      return await post('delete', { metadata, status });
    };
    expect(await named(1000)).toEqual(names('b', ...peers.slice(0, 1000)));
    expect(await named(1001)).toEqual(names('b', ...peers.slice(0, 1000)));
  });

  test('alone when it is deleted without a peer', async () => {
    expect(await post('delete', { metadata })).toEqual(names('b'));
  });

  test.each(['add', 'update', 'delete'])('alone by a reference: %s', async (verb) => {
    expect(
      await post(verb, { kind: 'InferenceIdentityBinding', name: 'b', namespace: 'team-a' }, 'ref'),
    ).toEqual(names('b'));
  });
});

describe('an event is refused', () => {
  test.each([
    ['without the object that it promises', undefined],
    ['with a reference for the object', { name: 'b', namespace: 'team-a' }],
    ['about another binding than its attributes say', { metadata: { ...metadata, name: 'other' } }],
  ])('%s', async (_what, object) => {
    expect(await post('update', object)).toMatchObject({ status: 400 });
  });
});
