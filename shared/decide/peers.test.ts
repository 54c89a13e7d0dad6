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
import {
  type Binding,
  type BindingSpec,
  type BindingStatus,
  type Claim,
  type Peer,
  bindingFinalizer,
} from '../api/binding.ts';
import type { Output } from '../api/cluster-spiffe-id.ts';
import { toKeyDigest } from '../identity/collision-key.ts';
import { renderIdentity } from '../identity/render-identity.ts';
import type { Settings } from '../identity/settings.ts';
import {
  type Peers,
  findHolder,
  findOtherOutput,
  findPeers,
  mayHaveStaleConflicts,
  findCollision,
  toConflicts,
  toChangedBindings,
} from './peers.ts';
import { type Snapshot, toWorld } from './world.ts';

const clock = {
  now: '2026-01-01T00:02:00Z',
  quarantine: '2026-01-01T00:00:00Z',
  horizon: '2026-01-01T00:04:00Z',
};
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
const owned = { kind: 'owning', name: 'output', serviceAccountName: 'inference-sa', uid: 'u' } as const;

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
    [
      'pod labels make it a part of these pods',
      one('b', { podLabels: { role: 'decode' } }),
      ['b PossibleOverlap'],
    ],
    [
      'pod labels that the pool has too change nothing',
      one('b', { podLabels: { app: 'model-server' } }),
      ['b IdentityCollision'],
    ],
    ['pod labels that contradict the pool ask for nothing', one('b', { podLabels: { app: 'other' } }), []],
    ['a PoolOnly binding claims nothing for itself', createBinding(poolOnly, 'b'), []],
    ['one that is being deleted asks for nothing', one('b', {}, leaving), []],
    ['one that cannot be rendered asks for nothing', onPool('b', 'unsafe'), []],
    ['one without its objective asks for nothing', one('b', { objectiveRef: { name: 'nowhere' } }), []],
  ])('%s', (_case, other, peers) => {
    const found = toConflicts(findPeers(worldOf([one('a'), other]), 'a', main));
    expect(found.map(({ name, reason }) => `${name} ${reason}`)).toEqual(peers);
  });

  test.each<[string, Binding, BindingStatus['claim'], string[]]>([
    ['its claim holds the same', one('b'), { ...owned, key: main }, ['b IdentityCollision']],
    [
      'its claim may overlap',
      one('b'),
      { ...owned, key: main.replace('}', ',"role":"decode"}') },
      ['b PossibleOverlap'],
    ],
    ['its claim has no key', one('b'), owned, []],
    ['it claims nothing', one('b'), undefined, []],
    ['it is being deleted', one('b', {}, leaving), { ...owned, key: main }, []],
  ])('one whose pool was not read asks for what its claim says: %s', (_case, other, claim, peers) => {
    const bindings = serve(one('a'), { ...other, status: { ...(claim && { claim }) } });
    const partial = new Set(['b']);
    const world = toWorld(
      { namespace: 'default', bindings, outputs: [], sources, clock, partial },
      exampleSettings,
    );
    const found = toConflicts(findPeers(world, 'a', main));
    expect(found.map(({ name, reason }) => `${name} ${reason}`)).toEqual(peers);
  });

  test('are sorted by name, and without itself', () => {
    const world = worldOf([one('c'), one('a'), onPool('b', 'narrower'), one('d')]);
    expect(toConflicts(findPeers(world, 'c', main)).map(({ name }) => name)).toEqual(['a', 'b', 'd']);
  });

  test('are none for who claims nothing', () => {
    expect(toConflicts(findPeers(worldOf([one('a'), one('b')]), 'a', undefined))).toEqual([]);
  });

  test('are twenty at most, those that follow it by name', () => {
    const names = toConflicts(findPeers(crowdOf(30), 'm-03', main)).map(({ name }) => name);
    expect(names).toEqual(namesOf(24).slice(4));
  });

  test('follow after the last from the first: of a crowd, nobody is named by all', () => {
    const crowd = crowdOf(30);
    const named = namesOf(30).flatMap((name) => toConflicts(findPeers(crowd, name, main)));
    const times = [...Map.groupBy(named, ({ name }) => name).values()].map(({ length }) => length);
    expect(times).toEqual(namesOf(30).map(() => 20));
  });

  test('that collide are not crowded out by those that may overlap', () => {
    const overlapping = namesOf(30).map((name) => onPool(name, 'narrower'));
    const peers = toConflicts(findPeers(worldOf([one('a'), ...overlapping, one('z')]), 'a', main));
    expect(peers.filter(({ reason }) => reason === 'PossibleOverlap')).toHaveLength(20);
    expect(peers.at(-1)).toMatchObject({ name: 'z', reason: 'IdentityCollision' });
  });
});

function namesOf(count: number): string[] {
  return Array.from({ length: count }, (_, index) => `m-${String(index).padStart(2, '0')}`);
}

/** So many bindings that ask for the same workloads, in no order. */
function crowdOf(count: number) {
  return worldOf(
    namesOf(count)
      .toReversed()
      .map((name) => one(name)),
  );
}

function messageOf(count: number, name: string): string | undefined {
  const world = crowdOf(count);
  return findCollision(world, findPeers(world, name, main), main)?.message;
}

function recorded(name: string, reason: Peer['reason'] = 'PossibleOverlap', uid = `uid-of-${name}`): Peer {
  return { name, uid, reason };
}

/** The conflicts of `a`, which recorded these peers under this key, where these others were read. */
function conflictsOf(conflicts: Peer[], others: readonly Binding[], keyDigest = toKeyDigest(main)): string[] {
  const a: Binding = { ...one('a'), status: { keyDigest, conflicts } };
  const bindings = serve(a, ...others);
  const snapshot = { namespace: 'default', bindings, outputs: [], sources, clock, isNarrow: true } as const;
  const peers = toConflicts(findPeers(toWorld(snapshot, exampleSettings), 'a', main));
  return peers.map(({ name, reason }) => `${name} ${reason}`);
}

describe('where only those were read who ask for the same key', () => {
  test('nothing new is known of overlaps, whoever happens to be in sight', () => {
    expect(conflictsOf([], [onPool('b', 'narrower'), one('c')])).toEqual(['c IdentityCollision']);
  });

  test.each<[string, Peer, readonly Binding[], 'kept' | 'dropped']>([
    ['with one that was not read', recorded('b'), [], 'kept'],
    ['with one that was read and still overlaps', recorded('b'), [onPool('b', 'narrower')], 'kept'],
    ['with one that overlaps no more', recorded('b'), [onPool('b', 'other')], 'dropped'],
    [
      'with one that is another by now',
      recorded('b', 'PossibleOverlap', 'earlier'),
      [onPool('b', 'narrower')],
      'dropped',
    ],
    [
      'with one that is being deleted',
      recorded('b'),
      [{ ...onPool('b', 'narrower'), metadata: { ...one('b').metadata, ...leaving } }],
      'dropped',
    ],
    ['with one that asks for nothing any more', recorded('b'), [onPool('b', 'unsafe')], 'dropped'],
  ])('whether a recorded overlap holds: %s', (_which, peer, others, fate) => {
    expect(conflictsOf([peer], others)).toEqual(fate === 'kept' ? ['b PossibleOverlap'] : []);
  });

  test('an overlap with one that asks for the very same by now is a collision', () => {
    expect(conflictsOf([recorded('b')], [one('b')])).toEqual(['b IdentityCollision']);
  });

  test('a recorded collision is over when nobody asks for the same any more', () => {
    expect(conflictsOf([recorded('b', 'IdentityCollision')], [])).toEqual([]);
  });

  test('overlaps that were recorded for another key say nothing of this one', () => {
    expect(conflictsOf([recorded('b')], [], toKeyDigest('another'))).toEqual([]);
  });
});

describe('what is said of a crowd', () => {
  test('is everybody, up to twenty', () => {
    expect(messageOf(21, 'm-00')).toBe(
      `identity collision with bindings ${namesOf(21).slice(1).join(', ')}: PerObjective bindings must not share the same pod selector and container name`,
    );
  });

  test('is that there are others, beyond', () => {
    expect(messageOf(22, 'm-00')).toContain('m-19, m-20, and others: PerObjective');
    expect(messageOf(22, 'm-21')).toContain('m-18, m-19, and others: PerObjective');
  });

  test('does not change with each that comes or goes: it would be a write for every one of them', () => {
    expect(messageOf(99, 'm-00')).toBe(messageOf(30, 'm-00'));
    const [some, more] = [crowdOf(30), crowdOf(31)].map((world) =>
      toConflicts(findPeers(world, 'm-00', main)),
    );
    expect(more).toEqual(some);
  });
});

describe('whose recorded conflicts may be untrue', () => {
  const recording = (name: string, peers: readonly Peer[], spec: Partial<BindingSpec> = {}): Binding => ({
    ...one(name, spec),
    status: { conflicts: [...peers] },
  });
  const sidecar = { containerName: 'sidecar' };
  const isConcernedBy = (names: readonly string[], ...others: Binding[]) => {
    const world = worldOf([one('a'), ...others]);
    return others.map((other) =>
      mayHaveStaleConflicts(world, other, toChangedBindings(world, new Set(names))),
    );
  };

  test.each<[string, Binding, boolean]>([
    ['one that asks for the same', one('b'), true],
    ['one that may overlap', onPool('b', 'narrower'), true],
    ['one that has recorded a binding of ours', recording('b', [toPeer('a')], sidecar), true],
    ['one that has recorded a binding of ours that is gone', recording('b', [toPeer('gone')], sidecar), true],
    ['one that has recorded another', recording('b', [toPeer('c')], sidecar), false],
    ['one that has recorded as many as it could', recording('b', namesOf(20).map(toPeer), sidecar), true],
    [
      'one that has recorded fewer, and none of ours',
      recording('b', namesOf(19).map(toPeer), sidecar),
      false,
    ],
    ['one of another container', one('b', sidecar), false],
  ])('%s: %o', (_who, other, isMeant) => {
    expect(isConcernedBy(['a', 'gone'], other)).toEqual([isMeant]);
  });

  test('not because of one that asks for nothing any more', () => {
    const world = worldOf([one('a', {}, leaving), one('b')]);
    expect(mayHaveStaleConflicts(world, one('b'), toChangedBindings(world, new Set(['a'])))).toBe(false);
  });
});

function toPeer(name: string): Peer {
  return { name, uid: `uid-${name}`, reason: 'IdentityCollision' };
}

function peersOf(colliding: readonly string[], overlapping: readonly string[]): Peers {
  return {
    colliding: { named: colliding.map(toPeer), hasOthers: false },
    overlapping: { named: overlapping.map(toPeer), hasOthers: false },
  };
}

describe('a collision', () => {
  test('names everybody who collides', () => {
    const peers = peersOf(['b', 'd'], ['c']);
    expect(findCollision(worldOf([]), peers, main)).toMatchObject({
      condition: 'Conflict',
      reason: 'IdentityCollision',
      message:
        'identity collision with bindings b, d: PerObjective bindings must not share the same pod selector and container name',
    });
  });

  test('over an image says so', () => {
    const key = JSON.stringify({ image: 'r/x@sha256:0', pods: { app: 'a' }, serviceAccount: 'sa' });
    expect(findCollision(worldOf([]), peersOf(['b'], []), key)?.message).toBe(
      'identity collision with bindings b: PerObjective bindings must not share the same pod selector and container image',
    );
  });

  test('is no overlap, unless overlaps are refused', () => {
    const peers = peersOf([], ['b']);
    expect(findCollision(worldOf([]), peers, main)).toBeUndefined();
    expect(findCollision(worldOf([], [], refusing), peers, main)).toMatchObject({
      condition: 'Conflict',
      reason: 'PossibleOverlap',
      message:
        'identity overlap with bindings b: one container may match them all, and KLEYM_OVERLAP_POLICY is refuse; make the container names or the pool labels differ',
    });
  });

  test('is none without peers', () => {
    expect(findCollision(worldOf([], [], refusing), peersOf([], []), main)).toBeUndefined();
  });
});

const elsewhere = { containerName: 'elsewhere' };

function unread(serviceAccountName: string | undefined, spec: Partial<BindingSpec> = {}): Binding {
  return {
    ...one('b', { ...elsewhere, ...spec }),
    status: { claim: { kind: 'unreadable', words: 'kind: what?', serviceAccountName } },
  };
}

describe('who holds a key', () => {
  const a = one('a');
  const claimed = { name: 'n', serviceAccountName: 'inference-sa', key: main };
  const creating: Claim = { kind: 'creating', ...claimed, nonce: 'n', at: clock.now };
  const over: Claim = { ...creating, at: clock.quarantine };
  const replacing: Claim = { kind: 'replacing', ...claimed, uid: 'u', base: '1' };
  const owning: Claim = { kind: 'owning', ...claimed, uid: 'u' };
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

  describe('by a claim that cannot be read', () => {
    const other = { serviceAccountName: 'other' };

    test.each<[string, Binding, string | undefined]>([
      ['of its own service account', unread(undefined), 'binding b, by a claim that cannot be read,'],
      [
        'under its service account',
        unread('inference-sa', other),
        'binding b, by a claim that cannot be read,',
      ],
      ['but none of other service accounts', unread('other', other), undefined],
    ])('it may be any %s', (_which, binding, holder) => {
      expect(findHolder(worldOf([a, binding]), a, 'name-of-a', main)).toBe(holder);
    });

    test('is not held against its own binding, nor against what claims nothing', () => {
      const self = unread('inference-sa');
      expect(findHolder(worldOf([self]), self, 'name-of-b', main)).toBeUndefined();
      expect(findHolder(worldOf([a, self]), a, 'name-of-a', undefined)).toBeUndefined();
    });
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

/** Each differs from ours in one of two labels, and no label keeps them apart from each other, nor do all of them have one. */
function labelsOf(name: string, index: number): Record<string, string> {
  return { [index % 2 === 0 ? 'app' : 'role']: 'other', [name]: 'x' };
}

describe('where overlaps are refused, and there are too many slices to compare', () => {
  const names = Array.from({ length: 2_001 }, (_, index) => `crowd-${index}`);
  const ours = ['narrower', ...names];
  const crowded: Snapshot['sources'] = {
    pools: {
      'inference.networking.k8s.io': serve(
        createPool({ matchLabels: { app: 'model-server', role: 'decode' } }, 'narrower'),
        ...names.map((name, index) => createPool({ matchLabels: labelsOf(name, index) }, name)),
      ),
    },
    objectives: { 'llm-d.ai': serve(...ours.map((name) => createObjective({ name }, `of-${name}`))) },
  };
  const a = onPool('a', 'narrower');
  const decode =
    '{"container":"main","pods":{"app":"model-server","role":"decode"},"serviceAccount":"inference-sa"}';

  function crowdedWorld(others: readonly Binding[], settings: Settings) {
    const bindings = serve(a, ...others);
    return toWorld({ namespace: 'default', bindings, outputs: [], sources: crowded, clock }, settings);
  }

  test('a key counts as held: what was not compared may hold it', () => {
    const holding = names.map((name, index): Binding => {
      const slice = { container: 'main', pods: labelsOf(name, index), serviceAccount: 'inference-sa' };
      const claim = { name, serviceAccountName: 'inference-sa', key: JSON.stringify(slice), uid: 'u' };
      return { ...one(name, { containerName: '' }), status: { claim: { kind: 'owning', ...claim } } };
    });
    const holderOf = (settings: Settings) => findHolder(crowdedWorld(holding, settings), a, 'output', decode);
    expect(holderOf(refusing)).toBe('one of many bindings');
    expect(holderOf(exampleSettings)).toBeUndefined();
  });

  test('a binding is refused: what was not compared may overlap', () => {
    const world = crowdedWorld(
      names.map((name) => onPool(name, name)),
      refusing,
    );
    expect(findCollision(world, findPeers(world, 'a', decode), decode)).toMatchObject({
      reason: 'PossibleOverlap',
      message: expect.stringContaining('identity overlap with bindings and others: '),
    });
  });
});
