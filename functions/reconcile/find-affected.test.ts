import { describe, expect, test } from 'vitest';
import type { Binding, BindingSpec, BindingStatus, Peer } from '../../shared/api/binding.ts';
import type { Output } from '../../shared/api/cluster-spiffe-id.ts';
import { toWorld } from '../../shared/decide/world.ts';
import { renderIdentity } from '../../shared/identity/render-identity.ts';
import { complete } from '../../test/support/complete.ts';
import { testSettings } from '../../test/support/test-cluster.ts';
import { findAffected } from './find-affected.ts';

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

function world(
  bindings: readonly Binding[],
  outputs: readonly Output[] = [],
  partial: readonly string[] = [],
) {
  const metadata = { namespace: 'team-a', uid: 'u', resourceVersion: '1', generation: 1 };
  const pool = { metadata: { ...metadata, name: 'p' }, spec: { selector: { matchLabels: { app: 'x' } } } };
  const objective = { metadata: { ...metadata, name: 'o' }, spec: { poolRef: { name: 'p' } } };
  return toWorld(
    {
      namespace: 'team-a',
      bindings: new Map(bindings.map((binding) => [binding.metadata.name, binding])),
      outputs,
      sources: {
        pools: { 'inference.networking.k8s.io': new Map([['p', pool]]) },
        objectives: { 'llm-d.ai': new Map([['o', objective]]) },
      },
      clock: {
        now: '2026-01-01T00:02:00Z',
        quarantine: '2026-01-01T00:00:00Z',
        horizon: '2026-01-01T00:04:00Z',
      },
      ...(partial.length > 0 && { partial: new Set(partial) }),
    },
    testSettings,
  );
}

const recorded = {
  conflicts: [{ name: 'a', uid: 'uid-a', reason: 'IdentityCollision' }],
} satisfies BindingStatus;

/** As many peers as a status names. */
const crowded: BindingStatus = {
  conflicts: Array.from({ length: 20 }, (_, index) => ({
    name: `m-${index}`,
    uid: `uid-m-${index}`,
    reason: 'IdentityCollision',
  })),
};

/** A status that says nothing final, with a claim of this time or none. */
function left(at: string | undefined): BindingStatus {
  const ready = {
    type: 'Ready' as const,
    status: 'Unknown' as const,
    reason: 'Initializing',
    message: '',
    observedGeneration: 1,
    lastTransitionTime: '2026-01-01T00:00:00Z',
  };
  const claim = { kind: 'creating' as const, name: 'any', serviceAccountName: 'sa', nonce: 'n' };
  return { conditions: [ready], ...(at !== undefined && { claim: { ...claim, at } }) };
}

function edited(binding: Binding): Binding {
  return { ...binding, metadata: { ...binding.metadata, generation: 2 } };
}

describe('the neighbours that a run must look after', () => {
  test.each([
    ['one that asks for the same container', [one('a'), one('b')], false, ['b']],
    [
      'one that has recorded ours as its peer',
      [one('a', { containerName: 'other' }), one('b', {}, recorded)],
      false,
      ['b'],
    ],
    [
      'one that could not name all of its peers: ours may be one that it did not name',
      [one('a', { containerName: 'other' }), one('b', {}, crowded)],
      false,
      ['b'],
    ],
    ['none that has nothing to do with ours', [one('a'), one('b', { containerName: 'other' })], false, []],
    [
      'one that a dead run announced, when its POST can land no more',
      [one('a'), one('b', { containerName: 'other' }, left('2026-01-01T00:00:00Z'))],
      false,
      ['b'],
    ],
    [
      'none that a live run may be about to create',
      [one('a'), one('b', { containerName: 'other' }, left('2026-01-01T00:00:01Z'))],
      false,
      [],
    ],
    [
      'one that waits, and need not any more',
      [one('a'), one('b', { containerName: 'other' }, left(undefined))],
      false,
      ['b'],
    ],
    [
      'none that was edited since: its own event is on its way',
      [one('a'), edited(one('b', { containerName: 'other' }, left(undefined)))],
      false,
      [],
    ],
    [
      'one that waits, when an output went, whatever it is written for',
      [one('a'), edited(one('b', { containerName: 'other' }, left(undefined)))],
      true,
      ['b'],
    ],
    [
      'none that nobody has looked at, when an output went: its own event is on its way',
      [one('a'), one('b', { containerName: 'other' })],
      true,
      [],
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
    expect(complete(findAffected(world(bindings), new Set(['a']), { released }))).toEqual(affected);
  });
});

test('a neighbour whose output has just appeared is left to the run that made it, until that must be dead', () => {
  const a = one('a');
  const b = one('b', { containerName: 'other' });
  const { outcome } = renderIdentity(b, world([a, b]).snapshot.sources, testSettings);
  if (outcome.kind !== 'done') throw new Error('b cannot be rendered');
  const { metadata, spec } = outcome.value.output;
  const annotations = { ...metadata.annotations, 'kleym.sonda.red/claim': 'n' };
  const made = { metadata: { ...metadata, annotations, uid: 'uid-output', resourceVersion: '1' }, spec };
  const seenAt = (at: string) => world([a, { ...b, status: left(at) }], [made]);
  expect(complete(findAffected(seenAt('2026-01-01T00:00:01Z'), new Set(['a']), { released: false }))).toEqual(
    [],
  );
  expect(complete(findAffected(seenAt('2026-01-01T00:00:00Z'), new Set(['a']), { released: false }))).toEqual(
    ['b'],
  );
});

describe('a neighbour whose POST is on its way', () => {
  const announced = (name: string, conflicts?: Peer[]) =>
    one(name, conflicts && { containerName: 'main' }, {
      observedGeneration: 1,
      claim: {
        kind: 'creating',
        name: 'output',
        serviceAccountName: 'sa',
        nonce: 'n',
        at: '2026-01-01T00:01:59Z',
      },
      ...(conflicts && { conflicts }),
    });

  test.each<[string, Binding[], string[]]>([
    ['is named to a peer that it has not seen', [one('a'), announced('b')], ['b']],
    [
      'is not where it knows of the peer',
      [one('a'), announced('b', [{ name: 'a', uid: 'uid-a', reason: 'IdentityCollision' }])],
      [],
    ],
    ['is not by one that is no peer', [one('a', { containerName: 'other' }), announced('b')], []],
  ])('%s', (_case, bindings, affected) => {
    expect(complete(findAffected(world(bindings), new Set(['a']), { released: false }))).toEqual(affected);
  });
});

function atRest(key: string | undefined, conflicts?: Peer[]): Binding {
  const claim = { kind: 'owning', name: 'output', serviceAccountName: 'sa', uid: 'u' } as const;
  return one(
    'b',
    { containerName: 'other' },
    {
      observedGeneration: 1,
      claim: { ...claim, ...(key !== undefined && { key }) },
      ...(conflicts && { conflicts }),
    },
  );
}

describe('a neighbour at rest that was not read whole', () => {
  const collides: Peer[] = [{ name: 'a', uid: 'uid-a', reason: 'IdentityCollision' }];
  const overlaps: Peer[] = [{ name: 'a', uid: 'uid-a', reason: 'PossibleOverlap' }];
  const narrower = '{"container":"main","pods":{"app":"x","role":"y"},"serviceAccount":"sa"}';
  const other = '{"container":"other","pods":{"app":"x"},"serviceAccount":"sa"}';

  test.each<[string, Binding, string[]]>([
    ['is named where it has recorded a conflict that is over', atRest(other, collides), ['b']],
    ['is named where it has recorded a conflict of another kind', atRest(narrower, collides), ['b']],
    ['is named where it has not recorded an overlap', atRest(narrower), ['b']],
    ['is not where what it recorded is so', atRest(narrower, overlaps), []],
    ['is not where it has nothing to do with ours', atRest(other), []],
    ['is not where it claims no workload for itself', atRest(undefined, collides), []],
  ])('%s', (_case, b, affected) => {
    for (const released of [false, true]) {
      const seen = world([one('a'), b], [], ['b']);
      expect(complete(findAffected(seen, new Set(['a']), { released }))).toEqual(affected);
    }
  });

  test('is not missed its output for, which nobody has looked for', () => {
    const bindings = [one('a'), atRest(narrower, overlaps)];
    const affected = (partial: string[]) =>
      complete(findAffected(world(bindings, [], partial), new Set(['a']), { released: false }));
    expect(affected(['b'])).toEqual([]);
    expect(affected([])).toEqual(['b']);
  });
});
