import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import type { Binding } from '../../shared/api/binding.ts';
import type { Cluster } from '../../shared/kube/cluster.ts';
import { UncertainError } from '../../shared/api/uncertain-error.ts';
import { type StoredObjects, storedCluster } from '../../test/support/stored-cluster.ts';
import { type Answered, postEvent, silentApp } from '../../test/support/post-event.ts';
import { mapPool } from './map-pool.ts';

const group = 'inference.networking.k8s.io';
const oldGroup = 'inference.networking.x-k8s.io';
const metadata = { name: 'pool', namespace: 'team-a', uid: 'pool-uid', resourceVersion: '9', generation: 4 };
const observed = { group, uid: 'pool-uid', generation: 4 };
const nothing: Answered = { status: 204 };

/** Of a cluster this mapper reads nothing but lists of bindings. */
function world(bindings: StoredObjects['bindings'] = []) {
  return storedCluster({ bindings }, { only: ['list bindings'] });
}

interface Told {
  readonly verb?: string;
  readonly mode?: string;
  readonly apiversion?: string;
  readonly object?: unknown;
}

function post(
  cluster: Cluster,
  { verb = 'update', mode = 'resource', apiversion = `${group}/v1`, object = { metadata } }: Told = {},
) {
  const type = `dev.knative.apiserver.${mode}.${verb}`;
  const attributes = { type, apiversion, kind: 'InferencePool', name: 'pool', namespace: 'team-a' };
  return postEvent(silentApp(mapPool(cluster)), { attributes, data: object });
}

function postTo(bindings: StoredObjects['bindings'], told?: Told): Promise<Answered> {
  return post(world(bindings).cluster, told);
}

function names(...list: string[]): Answered {
  return { status: 200, bindings: [{ namespace: 'team-a', names: list }] };
}

/** A binding that was decided from this very pool, but for what is said otherwise. */
function binding(name: string, other: { spec?: object; status?: object; metadata?: object } = {}): Binding {
  return {
    metadata: {
      name,
      namespace: 'team-a',
      uid: name,
      resourceVersion: '1',
      generation: 7,
      ...other.metadata,
    },
    spec: { poolRef: { name: 'pool' }, serviceAccountName: 'sa', ...other.spec },
    status: { observedGeneration: 7, observed: { pool: observed }, ...other.status },
  };
}

describe('a change of a pool', () => {
  test('asks for the bindings of its namespace that name it, once', async () => {
    const { cluster, calls } = world([binding('b')]);
    await post(cluster);
    expect(calls).toEqual(['list bindings in team-a spec.poolRef.name=pool']);
  });

  test('shares a list that began after it with others of the same pool', async () => {
    const { cluster, calls } = world([binding('b')]);
    const slow: typeof cluster = {
      ...cluster,
      listBindings: async (...asked) => {
        await sleep(50); // long enough for all of them to arrive
        return await cluster.listBindings(...asked);
      },
    };
    const app = silentApp(mapPool(slow));
    const type = 'dev.knative.apiserver.resource.update';
    const post = async (name: string) => {
      const attributes = {
        type,
        apiversion: `${group}/v1`,
        kind: 'InferencePool',
        name,
        namespace: 'team-a',
      };
      return await postEvent(app, { attributes, data: { metadata: { ...metadata, name } } });
    };
    const answers = await Promise.all([
      post('pool'),
      post('other'),
      post('pool'),
      post('pool'),
      post('pool'),
    ]);
    expect(answers.map(({ status }) => status)).toEqual([204, 204, 204, 204, 204]);
    const ofOther = calls.filter((call) => call.endsWith('=other'));
    expect(ofOther).toHaveLength(1);
    expect(calls.length - ofOther.length).toBeLessThanOrEqual(2);
  });

  test('that is large holds up nobody, however long its list takes', async () => {
    const { cluster } = world([binding('b')]);
    const list = Promise.withResolvers<void>();
    const slow: typeof cluster = {
      ...cluster,
      listBindings: async (where) => {
        if (where.namespace === 'team-b') await list.promise;
        return await cluster.listBindings(where);
      },
    };
    const app = silentApp(mapPool(slow));
    const post = async (namespace: string, spec: object) => {
      const type = 'dev.knative.apiserver.resource.update';
      const attributes = {
        type,
        apiversion: `${group}/v1`,
        kind: 'InferencePool',
        name: 'pool',
        namespace,
      };
      return await postEvent(app, { attributes, data: { metadata: { ...metadata, namespace }, spec } });
    };
    const large = [1, 2, 3].map(() => post('team-b', { text: 'x'.repeat(1_400_000) }));
    expect(await post('team-a', {})).toEqual(nothing);
    list.resolve();
    for (const one of large) expect(await one).toHaveProperty('status', 204);
  });

  test('is no news to a binding that was decided from it', async () => {
    expect(await postTo([binding('b')])).toEqual(nothing);
  });

  test.each([
    ['has no status', { status: { observedGeneration: undefined, observed: undefined } }],
    ['was decided from no pool', { status: { observed: {} } }],
    ['was decided from an older state', { status: { observed: { pool: { ...observed, generation: 3 } } } }],
    [
      'was decided from a newer state, because events arrive in any order',
      { status: { observed: { pool: { ...observed, generation: 5 } } } },
    ],
    [
      'was decided from a pool of the same name before it',
      { status: { observed: { pool: { ...observed, uid: 'before' } } } },
    ],
    [
      'was decided from the pool of another group',
      { status: { observed: { pool: { ...observed, group: oldGroup } } } },
    ],
    ['has since changed itself', { metadata: { generation: 8 } }],
    ['was never decided to the end', { status: { observedGeneration: undefined } }],
    ['has no generation', { metadata: { generation: undefined }, status: { observedGeneration: undefined } }],
    ['pins the group', { spec: { poolRef: { name: 'pool', group } }, status: { observed: {} } }],
    ['leaves the group empty', { spec: { poolRef: { name: 'pool', group: '' } }, status: { observed: {} } }],
  ])('names a binding that %s', async (_what, other) => {
    expect(await postTo([binding('b', other), binding('settled')])).toEqual(names('b'));
  });

  describe('may end a conflict, so it names with a binding', () => {
    const conflicts = [
      { name: 'p', uid: 'up', reason: 'IdentityCollision' },
      { name: 'c', uid: 'uc', reason: 'PossibleOverlap' },
    ];
    const saying = (status: 'True' | 'False', more: object = {}) =>
      binding('b', {
        status: { observed: {}, conditions: [{ type: 'Conflict', status }], conflicts, ...more },
      });

    test('that is in one the peers that it recorded, whatever they refer to', async () => {
      expect(await postTo([saying('True')])).toEqual(names('b', 'c', 'p'));
    });

    test.each([
      ['that is in none, though it overlaps with others', saying('False')],
      ['that recorded nobody', saying('True', { conflicts: undefined })],
      ['that recorded none that can be called so', saying('True', { conflicts: [{ name: '../x' }] })],
    ])('nobody else: one %s', async (_which, one) => {
      expect(await postTo([one])).toEqual(names('b'));
    });

    test('that was decided from it neither itself nor its peers', async () => {
      expect(await postTo([saying('True', { observed: { pool: observed } })])).toEqual(nothing);
    });
  });

  test.each([
    ['that names another pool', { spec: { poolRef: { name: 'other' } } }],
    ['that pins another group', { spec: { poolRef: { name: 'pool', group: oldGroup } } }],
    ['of another namespace', { metadata: { namespace: 'team-b' } }],
  ])('leaves a binding alone %s', async (_what, other) => {
    expect(await postTo([binding('b', { ...other, status: { observed: {} } })])).toEqual(nothing);
  });

  test('of the older group names those that pin it or pin none', async () => {
    const bindings = [
      binding('pins-old', { spec: { poolRef: { name: 'pool', group: oldGroup } } }),
      binding('pins-new', { spec: { poolRef: { name: 'pool', group } } }),
      binding('pins-none'),
    ];
    expect(await postTo(bindings, { apiversion: `${oldGroup}/v1alpha2` })).toEqual(
      names('pins-none', 'pins-old'),
    );
  });

  test.each<[string, Told]>([
    ['it is deleted', { verb: 'delete' }],
    [
      'it waits for its finalizers',
      { object: { metadata: { ...metadata, deletionTimestamp: '2026-01-01T00:00:00Z' } } },
    ],
    ['only its name is told', { mode: 'ref', object: { name: 'pool', namespace: 'team-a' } }],
    ['only its name is told, and that it was added', { mode: 'ref', verb: 'add' }],
    ['it has no generation', { object: { metadata: { ...metadata, generation: undefined } } }],
  ])('names also the settled bindings when %s', async (_what, told) => {
    expect(await postTo([binding('b'), binding('a')], told)).toEqual(names('a', 'b'));
  });

  test('is no news where bindings are not installed', async () => {
    expect(await postTo('unserved')).toEqual(nothing);
  });

  test('that concerns nobody is no news', async () => {
    expect(await postTo([], { verb: 'delete' })).toEqual(nothing);
  });

  test('must come again when the API server does not answer', async () => {
    const cluster = {
      ...world().cluster,
      listBindings: () => Promise.reject(new UncertainError('LIST timed out')),
    };
    expect(await post(cluster)).toEqual({
      status: 503,
      error: { error: 'not now', reason: 'LIST timed out' },
    });
  });

  test.each([
    ['another group', { apiversion: 'example.com/v1' }],
    ['another version', { apiversion: `${group}/v1beta1` }],
  ])('of %s is refused without a call', async (_what, told) => {
    const { cluster, calls } = world();
    expect(await post(cluster, told)).toMatchObject({ status: 400 });
    expect(calls).toEqual([]);
  });
});
