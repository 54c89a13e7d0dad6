import { describe, expect, test } from 'vitest';
import type { Binding, BindingSpec, BindingStatus } from '../../shared/api/binding.ts';
import { toWorld } from '../../shared/decide/world.ts';
import { testSettings } from '../../test/support/test-cluster.ts';
import { findAffected } from './affected.ts';

const finalizer = 'kleym.sonda.red/inferenceidentitybinding-finalizer';

function one(name: string, spec: Partial<BindingSpec> = {}, status?: BindingStatus): Binding {
  return {
    metadata: {
      name,
      namespace: 'team-a',
      uid: `uid-${name}`,
      resourceVersion: '1',
      generation: 1,
      finalizers: [finalizer],
    },
    spec: {
      poolRef: { name: 'p' },
      objectiveRef: { name: 'o' },
      serviceAccountName: 'sa',
      containerName: 'main',
      ...spec,
    },
    ...(status && { status }),
  };
}

function world(...bindings: readonly Binding[]) {
  const metadata = { namespace: 'team-a', uid: 'u', resourceVersion: '1', generation: 1 };
  const pool = { metadata: { ...metadata, name: 'p' }, spec: { selector: { matchLabels: { app: 'x' } } } };
  const objective = { metadata: { ...metadata, name: 'o' }, spec: { poolRef: { name: 'p' } } };
  return toWorld(
    {
      namespace: 'team-a',
      bindings: new Map(bindings.map((binding) => [binding.metadata.name, binding])),
      outputs: [],
      sources: {
        pools: { 'inference.networking.k8s.io': new Map([['p', pool]]) },
        objectives: { 'llm-d.ai': new Map([['o', objective]]) },
      },
      clock: { now: '2026-01-01T00:02:00Z', quarantine: '2026-01-01T00:00:00Z' },
    },
    testSettings,
  );
}

const recorded = {
  conflicts: [{ name: 'a', uid: 'uid-a', reason: 'IdentityCollision' }],
} satisfies BindingStatus;

describe('the neighbours that a run must look after', () => {
  test.each([
    ['one that asks for the same container', [one('a'), one('b')], false, ['b']],
    [
      'one that has recorded ours as its rival',
      [one('a', { containerName: 'other' }), one('b', {}, recorded)],
      false,
      ['b'],
    ],
    ['none that has nothing to do with ours', [one('a'), one('b', { containerName: 'other' })], false, []],
    [
      'all that are not settled, when an output went',
      [one('a'), one('b', { containerName: 'other' })],
      true,
      ['b'],
    ],
    ['never our own', [one('a')], true, []],
    [
      'none that is being deleted and that nobody of us holds',
      [
        one('a'),
        {
          ...one('b'),
          metadata: { ...one('b').metadata, finalizers: [], deletionTimestamp: '2026-01-01T00:00:00Z' },
        },
      ],
      true,
      [],
    ],
  ])('%s', (_case, bindings, released, affected) => {
    expect(findAffected(world(...bindings), new Set(['a']), released)).toEqual(affected);
  });
});
