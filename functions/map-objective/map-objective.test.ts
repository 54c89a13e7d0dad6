import { describe, expect, test } from 'vitest';
import type { Binding, Peer } from '../../shared/api/binding.ts';
import type { Condition } from '../../shared/api/conditions.ts';
import { storedCluster } from '../../test/support/stored-cluster.ts';
import { type Answered, postEvent, silentApp } from '../../test/support/post-event.ts';
import { mapObjective } from './map-objective.ts';

const metadata = { name: 'chat', namespace: 'team-a', uid: 'chat-uid', resourceVersion: '9', generation: 4 };
const observed = { group: 'llm-d.ai', uid: 'chat-uid', generation: 4 };

function binding(name: string, objectiveRef: Binding['spec']['objectiveRef'], seen: object = {}): Binding {
  return {
    metadata: { name, namespace: 'team-a', uid: name, resourceVersion: '1', generation: 7 },
    spec: { poolRef: { name: 'chat' }, serviceAccountName: 'sa', ...(objectiveRef && { objectiveRef }) },
    status: { observedGeneration: 7, observed: { pool: observed, ...seen } },
  };
}

const bindings = [
  binding('settled', { name: 'chat' }, { objective: observed }),
  binding('fresh', { name: 'chat' }),
  binding('stale', { name: 'chat' }, { objective: { ...observed, generation: 3 } }),
  binding('pins-llm-d', { name: 'chat', group: 'llm-d.ai' }),
  binding('pins-other', { name: 'chat', group: 'inference.networking.x-k8s.io' }),
  binding('other', { name: 'other' }),
  binding('pool-only', undefined),
];

async function post(apiversion: string, verb = 'update', there: readonly Binding[] = bindings) {
  const { cluster, calls } = storedCluster({ bindings: there }, { only: ['list bindings'] });
  const type = `dev.knative.apiserver.resource.${verb}`;
  const attributes = { type, apiversion, kind: 'InferenceObjective', name: 'chat', namespace: 'team-a' };
  const answered: Answered = await postEvent(silentApp(mapObjective(cluster)), {
    attributes,
    data: { metadata },
  });
  return {
    calls,
    names: answered.bindings?.flatMap(({ names }) => names),
    status: answered.status,
  };
}

describe('a change of an objective', () => {
  test('names the bindings whose objectiveRef names it and that were not decided from it', async () => {
    expect(await post('llm-d.ai/v1alpha2')).toEqual({
      calls: ['list bindings in team-a spec.objectiveRef.name=chat'],
      names: ['fresh', 'pins-llm-d', 'stale'],
      status: 200,
    });
  });

  test('names with a binding that is in a conflict the peers that it recorded', async () => {
    const stale = binding('stale', { name: 'chat' });
    const conditions: Condition[] = [
      {
        type: 'Conflict',
        status: 'True',
        reason: 'IdentityCollision',
        message: '',
        observedGeneration: 7,
        lastTransitionTime: '2026-01-01T00:00:00Z',
      },
    ];
    const conflicts: Peer[] = [{ name: 'peer', uid: 'u', reason: 'IdentityCollision' }];
    const refused = { ...stale, status: { ...stale.status, conditions, conflicts } };
    expect(await post('llm-d.ai/v1alpha2', 'update', [refused])).toHaveProperty('names', ['peer', 'stale']);
  });

  test('names the settled ones too when it is deleted', async () => {
    expect(await post('llm-d.ai/v1alpha2', 'delete')).toHaveProperty('names', [
      'fresh',
      'pins-llm-d',
      'settled',
      'stale',
    ]);
  });

  test.each(['inference.networking.x-k8s.io/v1alpha2', 'inference.networking.k8s.io/v1'])(
    'is read in %s',
    async (apiversion) => {
      expect(await post(apiversion)).toHaveProperty('status', 200);
    },
  );

  test('of a group that we do not know is refused', async () => {
    expect(await post('example.com/v1')).toEqual({ calls: [], names: undefined, status: 400 });
  });
});
