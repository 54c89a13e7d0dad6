import { describe, expect, test } from 'vitest';
import {
  createBinding,
  createObjective,
  createPool,
  exampleSettings,
  perObjective,
  poolOnly,
  serve,
} from '../../test/support/inference.ts';
import { type Binding, type BindingSpec, type Claim, type Peer, bindingFinalizer } from '../api/binding.ts';
import type { Output } from '../api/cluster-spiffe-id.ts';
import { renderIdentity } from '../identity/render-identity.ts';
import type { Settings } from '../identity/settings.ts';
import { findHolder, findOtherOutput, findPeers, toCollision } from './rivals.ts';
import { type Snapshot, toWorld } from './world.ts';

const clock = { now: '2026-01-01T00:02:00Z', quarantine: '2026-01-01T00:00:00Z' };
const sources: Snapshot['sources'] = {
  pools: {
    'inference.networking.k8s.io': serve(
      createPool(),
      createPool({ matchLabels: { app: 'model-server', role: 'decode' } }, 'narrower'),
      createPool({ matchLabels: { app: 'other' } }, 'other'),
      createPool({}, 'unsafe'),
    ),
  },
  objectives: {
    'llm-d.ai': serve(
      createObjective(),
      createObjective({ name: 'pool-a' }, 'objective-b'),
      ...['narrower', 'other', 'unsafe'].map((name) => createObjective({ name }, `of-${name}`)),
    ),
  },
};

const main = '{"container":"main","pods":{"app":"model-server"},"serviceAccount":"inference-sa"}';
const refusing: Settings = { ...exampleSettings, overlapPolicy: 'refuse' };

function one(
  name: string,
  spec: Partial<BindingSpec> = {},
  metadata: Partial<Binding['metadata']> = {},
): Binding {
  const binding = createBinding({ ...perObjective, ...spec }, name);
  return { ...binding, metadata: { ...binding.metadata, finalizers: [bindingFinalizer], ...metadata } };
}

function onPool(name: string, pool: string, spec: Partial<BindingSpec> = {}): Binding {
  return one(name, { poolRef: { name: pool }, objectiveRef: { name: `of-${pool}` }, ...spec });
}

function outputOf(binding: Binding): Output {
  const { outcome } = renderIdentity(binding, sources, exampleSettings);
  if (outcome.kind === 'refused') throw new Error(outcome.message);
  const { metadata, spec } = outcome.value.output;
  const { name, labels, annotations } = metadata;
  return {
    metadata: {
      name,
      uid: `uid-of-${name}`,
      resourceVersion: '1',
      labels: { ...labels },
      annotations: { ...annotations },
    },
    spec,
  };
}

function worldOf(bindings: readonly Binding[], outputs: readonly Output[] = [], settings = exampleSettings) {
  return toWorld({ namespace: 'default', bindings: serve(...bindings), outputs, sources, clock }, settings);
}

const leaving = { deletionTimestamp: '2026-01-01T00:01:00Z' };

describe('the peers of a binding', () => {
  test.each<[string, Binding, string[]]>([
    ['the same slice collides', one('b'), ['b IdentityCollision']],
    [
      'that the objective is another does not help',
      one('b', { objectiveRef: { name: 'objective-b' } }),
      ['b IdentityCollision'],
    ],
    ['another container is disjoint', one('b', { containerName: 'sidecar' }), []],
    ['another service account is disjoint', one('b', { serviceAccountName: 'other' }), []],
    ['other pods are disjoint', onPool('b', 'other'), []],
    ['pods of which these are some may overlap', onPool('b', 'narrower'), ['b PossibleOverlap']],
    ['a PoolOnly binding claims nothing for itself', createBinding(poolOnly, 'b'), []],
    ['one that is being deleted asks for nothing', one('b', {}, leaving), []],
    ['one that cannot be rendered asks for nothing', onPool('b', 'unsafe'), []],
    ['one without its objective asks for nothing', one('b', { objectiveRef: { name: 'nowhere' } }), []],
  ])('%s', (_case, other, peers) => {
    const found = findPeers(worldOf([one('a'), other]), 'a', main);
    expect(found.map(({ name, reason }) => `${name} ${reason}`)).toEqual(peers);
  });

  test('are sorted by name, and without itself', () => {
    const names = findPeers(worldOf([one('c'), one('a'), onPool('b', 'narrower'), one('d')]), 'c', main);
    expect(names.map(({ name }) => name)).toEqual(['a', 'b', 'd']);
  });

  test('are none for who claims nothing', () => {
    expect(findPeers(worldOf([one('a'), one('b')]), 'a', undefined)).toEqual([]);
  });
});

function toPeer(name: string, reason: Peer['reason']): Peer {
  return { name, uid: `uid-${name}`, reason };
}

describe('a collision', () => {
  test('names everybody who collides', () => {
    const peers = [
      toPeer('b', 'IdentityCollision'),
      toPeer('c', 'PossibleOverlap'),
      toPeer('d', 'IdentityCollision'),
    ];
    expect(toCollision(worldOf([]), peers)).toMatchObject({
      condition: 'Conflict',
      reason: 'IdentityCollision',
      message:
        'identity collision with bindings b, d: PerObjective bindings must not share the same pod selector and container name',
    });
  });

  test('is no overlap, unless overlaps are refused', () => {
    const peers = [toPeer('b', 'PossibleOverlap')];
    expect(toCollision(worldOf([]), peers)).toBeUndefined();
    expect(toCollision(worldOf([], [], refusing), peers)).toMatchObject({
      condition: 'Conflict',
      reason: 'PossibleOverlap',
      message:
        'identity overlap with bindings b: one container may match them all, and overlaps are refused here',
    });
  });

  test('is none without peers', () => {
    expect(toCollision(worldOf([], [], refusing), [])).toBeUndefined();
  });
});

describe('who holds a key', () => {
  const a = one('a');
  const claimed = { name: 'n', serviceAccountName: 'inference-sa', key: main };
  const creating: Claim = { kind: 'creating', ...claimed, nonce: 'n', at: clock.now };
  const over: Claim = { ...creating, at: clock.quarantine };
  const replacing: Claim = { kind: 'replacing', ...claimed, uid: 'u', base: '1' };
  const owning: Claim = { kind: 'owning', ...claimed, uid: 'u' };
  const elsewhere = { containerName: 'elsewhere' };
  const claiming = (claim: Claim, metadata: Partial<Binding['metadata']> = {}): Binding => ({
    ...one('b', elsewhere, metadata),
    status: { claim },
  });

  test.each<[string, Binding, string | undefined]>([
    ['a claim to create', claiming(creating), 'binding b'],
    ['a claim to create that is over, until its binding drops it', claiming(over), 'binding b'],
    ['a claim to move there', claiming(replacing), 'binding b'],
    ['a claim of what is there', claiming(owning), 'binding b'],
    [
      'a claim of one that is being deleted and that we have not let go',
      claiming(owning, leaving),
      'binding b',
    ],
    [
      'no claim of one that we have let go',
      claiming(owning, { ...leaving, finalizers: ['others'] }),
      undefined,
    ],
    [
      'but what it has announced may still land',
      claiming(creating, { ...leaving, finalizers: ['others'] }),
      'binding b',
    ],
    ['and at some time no more', claiming(over, { ...leaving, finalizers: ['others'] }), undefined],
    [
      'no claim to another key',
      claiming({ ...owning, key: '{"container":"x","pods":{},"serviceAccount":"y"}' }),
      undefined,
    ],
  ])('%s', (_case, other, holder) => {
    expect(findHolder(worldOf([a, other]), a, 'name-of-a', main)).toBe(holder);
  });

  test('its own claim does not', () => {
    expect(findHolder(worldOf([{ ...a, status: { claim: owning } }]), a, 'name-of-a', main)).toBeUndefined();
  });

  test('an output does, whoever wrote it and wherever its binding is by now', () => {
    const output = outputOf(one('b'));
    expect(findHolder(worldOf([a], [output]), a, 'name-of-a', main)).toBe(
      `ClusterSPIFFEID ${output.metadata.name}`,
    );
    expect(findOtherOutput(worldOf([a], [output]), output.metadata.name, main)).toBeUndefined();
  });

  test('nobody holds what is no key', () => {
    expect(findHolder(worldOf([a, claiming(owning)]), a, 'name-of-a', undefined)).toBeUndefined();
  });

  test('an overlapping one holds it only where overlaps are refused', () => {
    const narrower = outputOf(onPool('b', 'narrower'));
    expect(findHolder(worldOf([a], [narrower]), a, 'name-of-a', main)).toBeUndefined();
    expect(findHolder(worldOf([a], [narrower], refusing), a, 'name-of-a', main)).toBe(
      `ClusterSPIFFEID ${narrower.metadata.name}`,
    );
  });
});
