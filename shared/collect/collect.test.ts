import { describe, expect, test } from 'vitest';
import {
  type Changes,
  type StoredObjects,
  asking,
  bindingOf,
  storedCluster,
  creating,
  digestOf,
  moving,
  nameOf,
  noLabels,
  outputOf,
  owning,
  undeleted,
  written,
} from '../../test/support/stored-cluster.ts';
import { createPool, exampleSettings } from '../../test/support/inference.ts';
import type { Binding, BindingStatus, Peer } from '../api/binding.ts';
import type { Output } from '../api/cluster-spiffe-id.ts';
import { UncertainError } from '../api/uncertain-error.ts';
import { toKeyShape } from '../identity/collision-key.ts';
import type { Cluster } from '../kube/cluster.ts';
import { collect } from './collect.ts';
import { createRunCache } from './run-cache.ts';
import type { Scope } from './scope.ts';

interface Asked {
  readonly names?: readonly string[];
  readonly changes?: Changes;
  readonly overlapPolicy?: 'report' | 'refuse';
  readonly isWhole?: boolean;
}

function scopeOf({ names = ['b'], overlapPolicy = 'report', isWhole = false }: Asked): Scope {
  return { namespace: 'default', names, isWhole, settings: { ...exampleSettings, overlapPolicy } };
}

/** Collects for these names, and says what was seen: `name@resourceVersion`. */
async function look(start: Partial<StoredObjects>, asked: Asked = {}) {
  const { cluster, calls } = storedCluster(start, asked.changes && { changes: asked.changes });
  const cache = createRunCache();
  const snapshot = await collect(cluster, scopeOf(asked), cache);
  return {
    ...toWords(snapshot),
    snapshot,
    calls: calls.filter((call) => !isOfSource(call)),
    all: calls,
    cache,
  };
}

function toWords({ bindings, outputs }: Awaited<ReturnType<typeof collect>>) {
  return {
    bindings: [...bindings.values()].map(toVersion).toSorted(),
    outputs: outputs === 'unserved' ? [] : outputs.map(toVersion).toSorted(),
  };
}

function toVersion({ metadata }: Binding | Output): string {
  return `${metadata.name}@${metadata.resourceVersion}`;
}

function isOfSource(call: string): boolean {
  return / (?:pool|objective)s? /.test(call);
}

/** Bindings under one service account, more than are read whole. */
function crowd(serviceAccountName = 'sa', count = 33): Binding[] {
  return many(count).map((name) => bindingOf(`${serviceAccountName}-${name}`, { serviceAccountName }));
}

const many = (count: number) => Array.from({ length: count }, (_, index) => `n-${index}`);
const unreadable = { kind: 'unreadable', words: 'at: expected a text', serviceAccountName: 'sa' } as const;
const claims = 'list bindings status.claim.kind!=,status.claim.kind!=creating,status.claim.kind!=owning';
const byKey = (...containers: string[]) =>
  containers.map((container) => `list bindings status.keyDigest=${digestOf(container)}`);
const few = 'list bindings spec.serviceAccountName=sa most 32';
const shape = toKeyShape({ pods: { app: 'model-server' }, serviceAccount: 'sa', container: 'any' }) ?? '';

describe('the order of the reads', () => {
  test('is bindings, then outputs, then pools and objectives', async () => {
    const { all } = await look({ bindings: [bindingOf('b', {}, { status: owning('b') })] });
    expect(all).toEqual([
      'get binding b',
      few,
      ...byKey('b'),
      claims,
      'list outputs binding-name=b',
      'list outputs !key',
      `list outputs key=${digestOf('b')}`,
      `get output ${nameOf('b')}`,
      'get pool pool of inference.networking.k8s.io',
      'get pool pool of inference.networking.x-k8s.io',
      'get objective objective of llm-d.ai',
      'get objective objective of inference.networking.x-k8s.io',
      'get objective objective of inference.networking.k8s.io',
    ]);
  });

  test('shows a claim that was announced before an output appeared together with the output', async () => {
    const peer = bindingOf(
      'peer',
      { containerName: 'b' },
      { status: creating('peer', '2026-01-01T00:10:00Z', 'b') },
    );
    const seen = await look(
      { bindings: [bindingOf('b'), peer] },
      { changes: { 'list outputs': () => ({ outputs: [outputOf('peer', { container: 'b' })] }) } },
    );
    expect(seen.snapshot.bindings.get('peer')?.status?.claim?.kind).toBe('creating');
    expect(seen.outputs).toEqual([`${nameOf('peer')}@1`]);
  });
});

/** A list of bindings that is settled so many times before it is read; each list of outputs shows another one. */
async function lookWhole(starts: number) {
  const read: string[] = [];
  const { cluster } = storedCluster({});
  const paged: Cluster = {
    ...cluster,
    listBindings: async (where) => {
      for (let start = 0; start < starts; start++) where.onState?.();
      read.push('bindings');
      return await cluster.listBindings(where);
    },
    listOutputs: async () => {
      const count = read.push('outputs');
      return { items: [outputOf(`seen-${count}`)], at: '2026-01-01T00:10:00Z' };
    },
  };
  const { outputs } = toWords(await collect(paged, scopeOf({ isWhole: true }), createRunCache()));
  return { read: read.slice(0, 3), outputs };
}

describe('outputs of a whole namespace', () => {
  test('are asked for while bindings are read, as soon as it is settled which state these show', async () => {
    expect(await lookWhole(1)).toMatchObject({ outputs: [`${nameOf('seen-1')}@1`] });
    expect((await lookWhole(1)).read.slice(0, 2)).toEqual(['outputs', 'bindings']);
  });

  test('are asked for again if the list of bindings is started again', async () => {
    const { read, outputs } = await lookWhole(2);
    expect(read).toEqual(['outputs', 'outputs', 'bindings']);
    expect(outputs).toEqual([`${nameOf('seen-2')}@1`]);
  });

  test('are read to their end, although the list of bindings fails', async () => {
    const { cluster } = storedCluster({});
    let isOver = false;
    const failing: Cluster = {
      ...cluster,
      listBindings: (where) => {
        where.onState?.();
        return Promise.reject(new UncertainError('no answer'));
      },
      listOutputs: async () => {
        await new Promise((resolve) => void setImmediate(resolve));
        isOver = true;
        return { items: [], at: '2026-01-01T00:10:00Z' };
      },
    };
    await expect(collect(failing, scopeOf({ isWhole: true }), createRunCache())).rejects.toThrow('no answer');
    expect(isOver).toBe(true);
  });

  test('are asked for behind the bindings where nobody says when their state is settled', async () => {
    expect((await lookWhole(0)).read.slice(0, 2)).toEqual(['bindings', 'outputs']);
  });
});

describe('the lists that a few names cost in a crowded account', () => {
  const others = crowd();

  test('are those of its key and of unsettled claims, where its status says the key', async () => {
    const { calls, snapshot } = await look({
      bindings: [...others, bindingOf('b', {}, { status: asking('b') })],
    });
    expect(calls).toEqual([
      'get binding b',
      few,
      ...byKey('b'),
      claims,
      'list outputs binding-name=b',
      'list outputs !key',
      `list outputs key=${digestOf('b')}`,
    ]);
    expect(snapshot.isNarrow).toBe(true);
  });

  test('are read twice, where only its pool tells the key; the account is known to be crowded then', async () => {
    const { calls } = await look({ bindings: [...others, bindingOf('b')] });
    expect(calls).toEqual([
      'get binding b',
      few,
      claims,
      'list outputs binding-name=b',
      'list outputs !key',
      'get binding b',
      ...byKey('b'),
      claims,
      'list outputs binding-name=b',
      'list outputs !key',
      `list outputs key=${digestOf('b')}`,
    ]);
  });

  test('are of no key, where it claims none for itself', async () => {
    const poolOnly = {
      ...bindingOf('b'),
      spec: { poolRef: { name: 'pool' }, serviceAccountName: 'sa', mode: 'PoolOnly' },
    } as const;
    const { calls } = await look({ bindings: [...others, poolOnly] });
    expect(calls).toEqual(['get binding b', few, claims, 'list outputs binding-name=b', 'list outputs !key']);
  });

  test('are of no account, where it is not there', async () => {
    const { calls, bindings } = await look({ bindings: others });
    // By name it is read again after the lists, for it may have appeared.
    expect(calls).toEqual([
      'get binding b',
      claims,
      'get binding b',
      'list outputs binding-name=b',
      'list outputs !key',
    ]);
    expect(bindings).toEqual([]);
  });

  test('do not read it by name again, once a run knows its key', async () => {
    const { cluster, calls } = storedCluster({
      bindings: [...others, bindingOf('b', {}, { status: asking('b') })],
    });
    const cache = createRunCache();
    await collect(cluster, scopeOf({}), cache);
    const before = calls.length;
    await collect(cluster, scopeOf({}), cache);
    expect(calls.slice(before)).toEqual([
      ...byKey('b'),
      claims,
      'list outputs binding-name=b',
      'list outputs !key',
      `list outputs key=${digestOf('b')}`,
    ]);
  });
});

describe('the bindings of a key', () => {
  const own = bindingOf('b', {}, { status: asking('b') });

  test.each<[string, Binding['status'], string[]]>([
    ['asks for it, as it says itself', asking('b'), ['peer@1']],
    ['holds it, whatever it asks for by now', owning('peer', 'b'), ['peer@1']],
    ['announced it', creating('peer', '2026-01-01T00:10:00Z', 'b'), ['peer@1']],
    ['moves to it', moving('peer', 'other', 'b'), ['peer@1']],
    ['moves away from it', moving('peer', 'b', 'other'), ['peer@1']],
    ['has a claim that cannot be read, which may be to any key', { claim: unreadable }, ['peer@1']],
    ['holds another', owning('peer', 'other'), []],
    ['moves between two others', moving('peer', 'other', 'third'), []],
    ['nobody has evaluated: it finds the others when it is', undefined, []],
  ])('are in a crowded account those of who %s', async (_which, status, found) => {
    const peer = bindingOf('peer', { serviceAccountName: 'elsewhere' }, status && { status });
    const { bindings } = await look({ bindings: [...crowd(), own, peer] });
    expect(bindings).toEqual(['b@1', ...found]);
  });

  test('are found for the key that its output has, and for the one that its spec asks for', async () => {
    const moved = bindingOf('b', { containerName: 'new' }, { status: owning('b', 'old') });
    const { bindings, outputs } = await look({
      bindings: [
        ...crowd(),
        moved,
        bindingOf('of-old', {}, { status: asking('old') }),
        bindingOf('of-new', {}, { status: owning('of-new', 'new') }),
      ],
      outputs: [
        outputOf('b', { container: 'old' }),
        outputOf('of-new', { container: 'new' }),
        outputOf('sa-n-1'),
      ],
    });
    expect(bindings).toEqual(['b@1', 'of-new@1', 'of-old@1']);
    expect(outputs).toEqual([`${nameOf('b')}@1`, `${nameOf('of-new')}@1`]);
  });

  test('are found for the key of an output that nothing else says', async () => {
    const { bindings } = await look({
      bindings: [...crowd(), bindingOf('b'), bindingOf('of-old', {}, { status: asking('old') })],
      outputs: [outputOf('b', { container: 'old' })],
    });
    expect(bindings).toEqual(['b@1', 'of-old@1']);
  });
});

test('a move that is announced between the lists by key and that of the moves is in the later one', async () => {
  const peer = bindingOf('peer', {}, { status: owning('peer', 'b') });
  const own = bindingOf('b', {}, { status: asking('b') });
  const { bindings, outputs } = await look(
    {
      bindings: [...crowd(), own, peer],
      outputs: [outputOf('peer', { container: 'b', labels: noLabels })],
    },
    {
      // Its digest is that of the other key by then, and its output is in no list.
      changes: {
        'list bindings status.keyDigest': () => ({
          bindings: [...crowd(), own, written({ ...peer, status: moving('peer', 'b', 'other') })],
        }),
      },
    },
  );
  expect(bindings).toEqual(['b@1', 'peer@2']);
  expect(outputs).toEqual([`${nameOf('peer')}@1`]);
});

describe('an account of which few ask for anything', () => {
  test('has all of its bindings read, so that overlaps show, and outputs by key as ever', async () => {
    const own = bindingOf('b', {}, { status: asking('b') });
    const others = Array.from({ length: 31 }, (_, index) => bindingOf(`n-${String(index).padStart(2, '0')}`));
    const { bindings, calls, snapshot } = await look({
      bindings: [...others, own, bindingOf('foreign', { serviceAccountName: 'other' })],
    });
    expect(bindings).toHaveLength(32);
    expect(bindings).not.toContain('foreign@1');
    expect(snapshot.isNarrow).toBeUndefined();
    expect(calls.filter((call) => call.startsWith('list outputs'))).toEqual([
      `list outputs binding-name=b,${others.map(({ metadata }) => metadata.name).join(',')}`,
      'list outputs !key',
      `list outputs key=${digestOf('b')}`,
    ]);
  });

  test.each([
    ['of several that are all small', 3, 1, false],
    ['of several one of which is crowded', 3, 33, true],
    ['of more than four', 5, 1, true],
  ])('%s', async (_which, count, inEach, isNarrow) => {
    const accounts = many(count);
    const names = accounts.map((account) => `b-${account}`);
    const own = accounts.map((account) => bindingOf(`b-${account}`, { serviceAccountName: account }));
    const { snapshot, calls } = await look({ bindings: [...own, ...crowd('n-0', inEach - 1)] }, { names });
    expect(snapshot.isNarrow ?? false).toBe(isNarrow);
    expect(calls).toContain('list outputs !key');
    expect(calls.filter((call) => call.includes('service-account'))).toEqual([]);
  });

  test.each([
    ['report', '!key'],
    ['refuse', '!service-account'],
  ] as const)(
    'has a name that no output can be labelled with, and that selects no output (%s)',
    async (overlapPolicy, unlabelled) => {
      const { calls, bindings } = await look(
        { bindings: [bindingOf('b', { serviceAccountName: 'x),label in (y' })] },
        { overlapPolicy },
      );
      expect(bindings).toEqual(['b@1']);
      expect(calls.filter((call) => call.startsWith('list outputs'))).toEqual([
        'list outputs binding-name=b',
        `list outputs ${unlabelled}`,
      ]);
    },
  );
});

/** A binding that has recorded two peers. */
function ownWith(reason: Peer['reason']): Binding {
  const conflicts = [
    { name: 'peer', uid: 'uid-peer', reason },
    { name: 'gone', uid: 'uid-gone', reason },
  ];
  return bindingOf('b', {}, { status: { ...asking('b'), conflicts } });
}

describe('a peer that asks for our key and is not listed by it, because its output cannot be deleted', () => {
  const peer = bindingOf('peer', { containerName: 'b' }, { status: undeleted('peer') });

  test('is read by name in a large account, before outputs are, if a collision with it is recorded', async () => {
    const bindings = [...crowd(), ownWith('IdentityCollision'), peer];
    const { calls, ...seen } = await look({ bindings, outputs: [outputOf('peer')] });
    expect(seen.bindings).toEqual(['b@1', 'peer@1']);
    expect(seen.outputs).toEqual([`${nameOf('peer')}@1`]);
    const before = calls.slice(0, calls.indexOf('list outputs binding-name=b,peer'));
    expect(before.filter((call) => call.startsWith('get'))).toEqual([
      'get binding b',
      'get binding peer',
      'get binding gone',
    ]);
  });

  test('is one of twenty at most that are read for each binding, and no list of the namespace', async () => {
    const own = ownWith('IdentityCollision');
    const conflicts = Array.from({ length: 30 }, (_, index) => ({
      name: `gone-${index}`,
      uid: `uid-${index}`,
      reason: 'IdentityCollision' as const,
    }));
    const forged = { ...own, status: { ...own.status, conflicts } };
    const { calls } = await look({ bindings: [...crowd(), forged] });
    expect(calls.filter((call) => call.startsWith('get binding gone'))).toHaveLength(20);
    expect(calls).not.toContain('list bindings');
  });

  test.each<[string, Binding[]]>([
    ['in a small account, whose list shows it', [ownWith('IdentityCollision')]],
    ['if only an overlap is recorded', [...crowd(), ownWith('PossibleOverlap')]],
  ])('is not read by name %s', async (_where, others) => {
    const { calls } = await look({ bindings: [...others, peer] });
    expect(calls).not.toContain('get binding peer');
  });
});

describe('a neighbour that only shares a small account', () => {
  const own = bindingOf('b', {}, { status: asking('b') });
  const theirs = {
    poolRef: { name: 'pool-of-n' },
    objectiveRef: { name: 'objective-of-n' },
    containerName: 'n',
  };

  /** What is read of the neighbour. */
  async function lookBeside(
    neighbour: Binding,
    outputs: readonly Output[] = [outputOf('n')],
    names: readonly string[] = ['b'],
  ) {
    const seen = await look({ bindings: [own, neighbour], outputs }, { names });
    const { all, snapshot } = seen;
    return {
      bindings: seen.bindings,
      partial: [...(snapshot.partial ?? [])],
      outputs: seen.outputs,
      sources: all.filter((call) => call.includes('-of-n')).length > 0,
      byName: all.includes(`get output ${nameOf('n')}`),
    };
  }

  const onlyItsClaim = {
    bindings: ['b@1', 'n@1'],
    partial: ['n'],
    outputs: [],
    sources: false,
    byName: false,
  };

  test('and is at rest is read no further than its claim: neither its output nor its pool is', async () => {
    const atRest = bindingOf('n', theirs, {
      generation: 3,
      status: { ...owning('n'), observedGeneration: 3 },
    });
    expect(await lookBeside(atRest)).toEqual(onlyItsClaim);
    // The list of outputs without this label shows it; it has no key of ours.
    expect(await lookBeside(atRest, [outputOf('n', { labels: { key: undefined } })])).toEqual(onlyItsClaim);
    expect(await lookBeside(atRest, [outputOf('n', { labels: noLabels })])).toEqual(onlyItsClaim);
    expect(await lookBeside(atRest, [])).toEqual(onlyItsClaim);
  });

  test('and is at rest still shows an output of its that has our key', async () => {
    const atRest = bindingOf('n', theirs, { status: owning('n') });
    const outputs = [`${nameOf('n')}@1`];
    expect(await lookBeside(atRest, [outputOf('n', { container: 'b' })])).toEqual({
      ...onlyItsClaim,
      outputs,
    });
    const unlabelled = outputOf('n', { container: 'b', labels: { key: undefined } });
    expect(await lookBeside(atRest, [unlabelled])).toEqual({ ...onlyItsClaim, outputs });
  });

  test.each<[string, Binding]>([
    [
      'was edited since',
      bindingOf('n', theirs, { generation: 4, status: { ...owning('n'), observedGeneration: 3 } }),
    ],
    ['moves', bindingOf('n', theirs, { status: moving('n', 'n', 'm') })],
    ['cannot be withdrawn', bindingOf('n', theirs, { status: undeleted('n') })],
    ['has announced an output', bindingOf('n', theirs, { status: creating('n', '2026-01-01T00:10:00Z') })],
    ['claims nothing', bindingOf('n', theirs, { status: asking('n') })],
    ['has a claim that cannot be read', bindingOf('n', theirs, { status: { claim: unreadable } })],
    ['nobody has evaluated', bindingOf('n', theirs)],
  ])('and is not at rest is read whole: one that %s', async (_which, neighbour) => {
    expect(await lookBeside(neighbour)).toMatchObject({
      partial: [],
      outputs: [`${nameOf('n')}@1`],
      sources: true,
    });
  });

  test('and is not at rest has its output read by the name in its claim, where it has lost its labels', async () => {
    const moves = bindingOf('n', theirs, { status: moving('n', 'n', 'm') });
    const stripped = outputOf('n', { labels: noLabels });
    expect(await lookBeside(moves, [stripped])).toMatchObject({
      outputs: [`${nameOf('n')}@1`],
      byName: true,
    });
  });

  test.each<[string, Binding, readonly string[]]>([
    ['that has our key too', bindingOf('n', theirs, { status: owning('n', 'b') }), ['b']],
    ['that is decided for too', bindingOf('n', theirs, { status: owning('n') }), ['b', 'n']],
  ])('is read whole, at rest or not: one %s', async (_which, neighbour, names) => {
    expect(await lookBeside(neighbour, [outputOf('n')], names)).toMatchObject({
      partial: [],
      outputs: [`${nameOf('n')}@1`],
      sources: true,
    });
  });

  test('is read whole in a whole look, and where overlaps are refused', async () => {
    const bindings = [own, bindingOf('n', theirs, { status: owning('n') })];
    for (const asked of [{ isWhole: true }, { overlapPolicy: 'refuse' }] as const) {
      const { snapshot, outputs } = await look({ bindings, outputs: [outputOf('n')] }, asked);
      expect(snapshot.partial).toBeUndefined();
      expect(outputs).toEqual([`${nameOf('n')}@1`]);
    }
  });
});

describe('where overlaps are refused', () => {
  const refusing = { overlapPolicy: 'refuse' } as const;

  test('all who ask or claim under the service account are read, if they are few', async () => {
    const { calls, bindings, snapshot } = await look(
      {
        bindings: [
          ...crowd('sa', 30),
          bindingOf('b', {}, { status: asking('b') }),
          bindingOf(
            'left',
            { serviceAccountName: 'new' },
            { status: creating('left', '2026-01-01T00:10:00Z') },
          ),
          bindingOf('foreign', { serviceAccountName: 'other' }),
        ],
      },
      refusing,
    );
    expect(calls).toEqual([
      'get binding b',
      few,
      'list bindings status.claim.serviceAccountName=sa most 32',
      claims,
      'list outputs binding-name=b',
      'list outputs !service-account',
      'list outputs service-account=sa',
    ]);
    expect(bindings).toHaveLength(32);
    expect(bindings).toContain('left@1');
    expect(snapshot.isNarrow).toBeUndefined();
  });

  test('those are read too under which its claim is', async () => {
    const moved = bindingOf('b', { serviceAccountName: 'new' }, { status: owning('b', 'b', 'old') });
    const others = ['old', 'new', 'third'].map((account) =>
      bindingOf(`of-${account}`, { serviceAccountName: account }),
    );
    const { bindings } = await look({ bindings: [moved, ...others] }, refusing);
    expect(bindings).toEqual(['b@1', 'of-new@1', 'of-old@1']);
  });

  test('moves between other service accounts are read too: the output that one leaves may have lost its labels', async () => {
    const { claim, ...status } = moving('left', 'b', 'c');
    const moved = bindingOf(
      'left',
      { serviceAccountName: 'new' },
      { status: { ...status, ...(claim && { claim: { ...claim, serviceAccountName: 'new' } }) } },
    );
    const stripped = outputOf('left', { container: 'b', labels: noLabels });
    const { bindings, outputs } = await look(
      { bindings: [bindingOf('b', {}, { status: asking('b') }), moved], outputs: [stripped] },
      refusing,
    );
    expect(bindings).toEqual(['b@1', 'left@1']);
    expect(outputs).toEqual([`${nameOf('left')}@1`]);
  });

  test('those are read too under which its recorded peers are, because they may recover when it leaves', async () => {
    const conflicts: Peer[] = [{ name: 'peer', uid: 'uid-rival', reason: 'PossibleOverlap' }];
    const names = many(25);
    const others = ['old', 'new', 'third'].map((account) =>
      bindingOf(`of-${account}`, { serviceAccountName: account }),
    );
    const peer = bindingOf('peer', { serviceAccountName: 'old' });
    const moved = bindingOf('b', { serviceAccountName: 'new' }, { status: { conflicts } });
    const { cluster, calls } = storedCluster({ bindings: [moved, peer, ...others] });
    const cache = createRunCache();
    const seen = toWords(await collect(cluster, scopeOf(refusing), cache));
    expect(seen.bindings).toEqual(['b@1', 'of-new@1', 'of-old@1', 'peer@1']);
    await collect(cluster, scopeOf(refusing), cache);
    expect(calls.filter((call) => call === 'get binding peer')).toHaveLength(1);

    const crowded = names.map((name): Peer => ({ name, uid: name, reason: 'IdentityCollision' }));
    const { calls: whole } = await look(
      { bindings: [bindingOf('b', {}, { status: { conflicts: crowded } })] },
      refusing,
    );
    expect(whole).toEqual(['get binding b', 'list bindings', 'list outputs']);
  });

  test('the namespace is read for more than eight service accounts, and for no fewer', async () => {
    const own = many(9).map((name) => bindingOf(name, { serviceAccountName: name }));
    const more = await look({ bindings: own }, { ...refusing, names: many(9) });
    expect(more.calls.slice(9)).toEqual(['list bindings', 'list outputs']);
    const fewer = await look({ bindings: own }, { ...refusing, names: many(8) });
    expect(fewer.calls).not.toContain('list bindings');
  });

  describe('in an account of more bindings than are read whole', () => {
    const own = bindingOf('b', {}, { status: { ...asking('b'), keyShape: shape } });
    const paths = ['spec.serviceAccountName', 'status.claim.serviceAccountName'];
    const byShape = paths.map(
      (path) => `list bindings ${path}=sa,status.keyDigest!=,status.keyShape!=${shape} most 256`,
    );
    const wholly = paths.map((path) => `list bindings ${path}=sa`);

    test('those of the same key are read, and those whose keys have another shape', async () => {
      const { calls, bindings, outputs, snapshot } = await look(
        {
          bindings: [
            ...crowd(),
            own,
            bindingOf('rival', {}, { status: { ...asking('b'), keyShape: shape } }),
            bindingOf('alike', {}, { status: { ...owning('alike'), keyShape: shape } }),
            bindingOf(
              'wider',
              {},
              { status: { ...owning('wider'), observedGeneration: 1, keyShape: 'other' } },
            ),
            bindingOf('unmarked', {}, { status: owning('unmarked') }),
            bindingOf('foreign', { serviceAccountName: 'other' }, { status: asking('foreign') }),
            bindingOf('left', {}, { status: moving('left', 'c', 'd') }),
          ].map((one) => ({ ...one, metadata: { ...one.metadata, generation: 1 } })),
          outputs: [
            outputOf('alike', { labels: { 'key-shape': shape } }),
            outputOf('wider', { labels: { 'key-shape': 'other' } }),
            outputOf('poolonly', { labels: { key: 'none' } }),
            outputOf('foreign', { labels: { 'service-account': 'other' } }),
            outputOf('gone'),
          ],
        },
        refusing,
      );
      expect(calls.slice(3).toSorted()).toEqual(
        [
          ...byShape,
          ...byKey('b'),
          claims,
          'list outputs binding-name=b,rival,unmarked,left',
          'list outputs !service-account',
          `list outputs service-account=sa key notin none key-shape notin ${shape}`,
          `list outputs key=${digestOf('b')}`,
          'get output kleym-default-left',
          'get output kleym-default-unmarked',
          'get binding gone',
        ].toSorted(),
      );
      expect(calls.indexOf(claims)).toBeGreaterThan(calls.indexOf(byShape[1] ?? ''));
      expect(bindings).toEqual(['b@1', 'left@1', 'rival@1', 'unmarked@1', 'wider@1']);
      expect(outputs).toEqual(['kleym-default-gone@1', 'kleym-default-wider@1']);
      expect([...(snapshot.partial ?? [])]).toEqual(['wider']);
      expect([...(snapshot.peerless ?? [])]).toEqual(['wider', 'unmarked', 'left']);
      expect(snapshot.isNarrow).toBeUndefined();
    });

    const conflicts: Peer[] = [{ name: 'peer', uid: 'uid-peer', reason: 'PossibleOverlap' }];
    test.each([
      [
        'its keys have two shapes',
        [own, bindingOf('c', {}, { status: { ...asking('c'), keyShape: 'other' } })],
      ],
      ['a key was recorded without its shape', [own, bindingOf('c', {}, { status: asking('c') })]],
      [
        'more than 256 have another shape',
        [own, ...many(257).map((name) => bindingOf(name, {}, { status: asking(name) }))],
      ],
      ['a binding overlaps already', [bindingOf('b', {}, { status: { ...asking('b'), conflicts } })]],
    ])('it is read whole if %s', async (_why, bindings) => {
      const { calls, snapshot } = await look(
        { bindings: [...crowd(), ...bindings] },
        { ...refusing, names: ['b', 'c'] },
      );
      expect(calls.filter((call) => wholly.includes(call))).toEqual(wholly);
      expect(calls).toContain('list outputs service-account=sa');
      expect(calls).not.toContain('list bindings');
      expect(snapshot.bindings.size).toBeGreaterThanOrEqual(34);
      expect(snapshot.peerless).toBeUndefined();
    });
  });
});

describe('an output', () => {
  const own = bindingOf('b', {}, { status: asking('b') });

  test.each([
    [
      'of the binding itself, whatever it is labelled with',
      outputOf('b', { labels: { key: 'other', 'service-account': 'other' } }),
    ],
    ['that has its key, whosever it is', outputOf('another', { container: 'b' })],
    [
      "without a label for its key, as the Go operator's, if it has this key",
      outputOf('another', { container: 'b', labels: { key: undefined } }),
    ],
  ])('is read: one %s', async (_which, one) => {
    const { outputs } = await look({ bindings: [...crowd(), own], outputs: [one] });
    expect(outputs).toEqual([toVersion(one)]);
  });

  test.each([
    ['that has another key', outputOf('another')],
    [
      'without a label for its key, if it has another and is of nobody in cache',
      outputOf('another', { labels: { key: undefined } }),
    ],
    [
      'of another namespace',
      outputOf('another', { container: 'b', labels: { 'binding-namespace': 'other' } }),
    ],
  ])('is left out: one %s', async (_which, one) => {
    const { outputs } = await look({ bindings: [...crowd(), own], outputs: [one] });
    expect(outputs).toEqual([]);
  });
});

describe('an owner', () => {
  const own = bindingOf('b', {}, { status: asking('b') });
  const theirs = outputOf('other', { container: 'b' });

  test('that no list shows is read by name before anybody calls it gone', async () => {
    const { bindings } = await look({ bindings: [...crowd(), own, bindingOf('other')], outputs: [theirs] });
    expect(bindings).toEqual(['b@1', 'other@1']);
  });

  test('that is not there either is gone', async () => {
    const { bindings, outputs } = await look({ bindings: [own], outputs: [theirs] });
    expect({ bindings, outputs }).toEqual({ bindings: ['b@1'], outputs: [`${nameOf('other')}@1`] });
  });

  test.each([
    ['is read again, or its new output would look like an orphan', true, ['b@1', 'other@7']],
    ['and is gone by now, is gone', false, ['b@1']],
  ])('that was listed before it was recreated %s', async (_then, isPresent, expected) => {
    const again = bindingOf('other', {}, { uid: 'uid-again', resourceVersion: '7' });
    const itsOutput = outputOf('other', { annotations: { 'kleym.sonda.red/binding-uid': 'uid-again' } });
    const { bindings } = await look(
      { bindings: [own, bindingOf('other')] },
      {
        changes: {
          'list outputs': () => ({ outputs: [itsOutput], bindings: isPresent ? [own, again] : [own] }),
        },
      },
    );
    expect(bindings).toEqual(expected);
  });

  test('whose output names no uid is the one that was listed', async () => {
    const { calls } = await look({
      bindings: [bindingOf('b', {}, { status: asking('b') })],
      outputs: [outputOf('b', { annotations: {} })],
    });
    expect(calls.filter((call) => call.startsWith('get binding'))).toEqual(['get binding b']);
  });

  test.each([
    [24, 24, 0],
    [25, 0, 1],
  ])('is one of %d that no list shows: %d reads by name, %d lists', async (count, byName, lists) => {
    const outputs = many(count).map((name) => outputOf(name, { container: 'b' }));
    const { calls, bindings } = await look({
      bindings: [own, ...crowd('other', 40), bindingOf('n-3', { serviceAccountName: 'other' })],
      outputs,
    });
    expect(calls.filter((call) => call.startsWith('get binding n-'))).toHaveLength(byName);
    expect(calls.filter((call) => call === 'list bindings')).toHaveLength(lists);
    expect(bindings).toEqual(['b@1', 'n-3@1']);
  });
});

describe('an output whose labels somebody took off', () => {
  const bare = outputOf('b', { labels: noLabels });

  test.each<[string, BindingStatus]>([
    ['owned', owning('b')],
    ['about to be moved', moving('b', 'b', 'other')],
    // The clock of the lists is 00:10:04 at the earliest, and two minutes are quarantine.
    ['announced so long ago that it cannot land any more', creating('b', '2026-01-01T00:08:04Z')],
  ])('is read by the name in the claim of its binding: %s', async (_which, status) => {
    const nonce = { 'kleym.sonda.red/claim': 'nonce', 'kleym.sonda.red/binding-uid': 'uid-b' };
    const { outputs } = await look({
      bindings: [bindingOf('b', {}, { status })],
      outputs: [{ ...bare, metadata: { ...bare.metadata, annotations: nonce } }],
    });
    expect(outputs).toEqual([`${nameOf('b')}@1`]);
  });

  test('is not looked for while its POST may still land, which its binding waits for', async () => {
    const status = creating('b', '2026-01-01T00:08:05Z');
    const { outputs, calls } = await look({ bindings: [bindingOf('b', {}, { status })], outputs: [bare] });
    expect(outputs).toEqual([]);
    expect(calls.filter((call) => call.startsWith('get output'))).toEqual([]);
  });

  test('is read once where it was listed, and once where two claims name it', async () => {
    const own = bindingOf('b', {}, { status: owning('b') });
    const listed = await look({ bindings: [own], outputs: [outputOf('b')] });
    expect(listed.calls.filter((call) => call.startsWith('get output'))).toEqual([]);
    const forger = bindingOf('forger', {}, { status: owning('b') });
    const claimed = await look({ bindings: [own, forger], outputs: [bare] });
    expect(claimed.calls.filter((call) => call.startsWith('get output'))).toEqual([
      `get output ${nameOf('b')}`,
    ]);
    expect(claimed.outputs).toEqual([`${nameOf('b')}@1`]);
  });

  test.each([
    [
      'is another than its binding claims',
      { ...bare, metadata: { ...bare.metadata, uid: 'another', annotations: {} } },
    ],
    [
      'is of another binding, as it says itself',
      outputOf('b', { labels: noLabels, annotations: { 'kleym.sonda.red/binding-uid': 'uid-c' } }),
    ],
  ])('is left alone where it %s', async (_why, one) => {
    const status = owning('b');
    const { outputs } = await look({
      bindings: [...crowd(), bindingOf('b', { containerName: 'new' }, { status })],
      outputs: [{ ...one, spec: {} }],
    });
    expect(outputs).toEqual([]);
  });

  test.each([
    [24, 24, 0],
    [25, 0, 1],
  ])(
    'is one of %d that are claimed: %d reads by name, %d lists of all outputs',
    async (count, byName, lists) => {
      const bindings = many(count).map((name) => bindingOf(name, {}, { status: owning(name) }));
      const outputs = [outputOf('n-3', { labels: noLabels }), outputOf('nobody', { labels: noLabels })];
      const seen = await look({ bindings, outputs }, { isWhole: true });
      expect(seen.calls.filter((call) => call.startsWith('get output'))).toHaveLength(byName);
      expect(seen.calls.filter((call) => call === 'list outputs')).toHaveLength(1 + lists);
      expect(seen.outputs).toEqual([`${nameOf('n-3')}@1`]);
    },
  );
});

describe('an object that two lists show in two states', () => {
  const own = bindingOf('b', {}, { status: asking('b') });
  const peer = bindingOf('peer', { containerName: 'b' }, { status: owning('peer', 'b') });

  test('is read once more, when it is a binding', async () => {
    const { bindings } = await look(
      { bindings: [own, peer] },
      {
        changes: {
          'list bindings status.keyDigest': () => ({ bindings: [own, written(peer)] }),
          'get binding peer': () => ({ bindings: [own, written(written(peer))] }),
        },
      },
    );
    expect(bindings).toEqual(['b@1', 'peer@3']);
  });

  const edited = { 'list outputs key=': () => ({ outputs: [written(outputOf('b'))] }) };

  test.each<[string, Changes, string[]]>([
    [
      'is read once more, when it is an output',
      { ...edited, 'get output': () => ({ outputs: [written(written(outputOf('b')))] }) },
      [`${nameOf('b')}@3`],
    ],
    ['is gone when it is gone by then', { ...edited, 'get output': () => ({ outputs: [] }) }, []],
    [
      'is another one of the same name when the uids differ, whatever its resourceVersion',
      {
        'list outputs key=': () => ({ outputs: [outputOf('b', { uid: 'uid-again' })] }),
        'get output': () => ({ outputs: [outputOf('b', { uid: 'uid-again', resourceVersion: '9' })] }),
      },
      [`${nameOf('b')}@9`],
    ],
  ])('%s', async (_what, changes, expected) => {
    const { outputs } = await look({ bindings: [own], outputs: [outputOf('b')] }, { changes });
    expect(outputs).toEqual(expected);
  });

  test('leaves a question open when its CRD goes at that moment', async () => {
    const changes = { ...edited, 'get output': () => ({ outputs: 'unserved' as const }) };
    const promise = look({ bindings: [own], outputs: [outputOf('b')] }, { changes });
    await expect(promise).rejects.toThrow(
      new UncertainError('a CRD was removed while its objects were read'),
    );
  });
});

describe('the key of a binding that turns out to be another than was read', () => {
  const neighbours = [
    bindingOf('of-old', {}, { status: asking('old') }),
    bindingOf('of-new', {}, { status: asking('new') }),
  ];
  const before = bindingOf('b', { containerName: 'old' }, { status: asking('old') });

  test.each<[string, Binding, string]>([
    ['spec was edited', written({ ...before, spec: { ...before.spec, containerName: 'new' } }), 'b@2'],
    ['claim was written', written({ ...before, status: owning('b', 'new') }), 'b@2'],
  ])('makes the collect start again when its %s meanwhile', async (_what, after, version) => {
    const { bindings } = await look(
      { bindings: [...crowd(), before, ...neighbours] },
      {
        changes: {
          'list bindings status.keyDigest': () => ({ bindings: [...crowd(), after, ...neighbours] }),
        },
      },
    );
    expect(bindings).toEqual([version, 'of-new@1', 'of-old@1']);
  });

  test('makes it start again when its pool was edited', async () => {
    const pools = [createPool({ matchLabels: { app: 'other' } }, 'pool')];
    const { calls } = await look(
      { bindings: [...crowd(), before] },
      { changes: { 'get pool': () => ({ pools }) } },
    );
    expect(calls.filter((call) => call.startsWith('list bindings status.keyDigest'))).toHaveLength(3);
  });

  test('ends with the binding when it is gone meanwhile: what was read by name is later than the list', async () => {
    const { bindings } = await look(
      { bindings: [...crowd(), before, ...neighbours] },
      { changes: { 'list bindings status.keyDigest': () => ({ bindings: [...crowd(), ...neighbours] }) } },
    );
    expect(bindings).toEqual(['of-old@1']);
  });

  test('is given up, for now, when it is another each time', async () => {
    const { cluster } = storedCluster({ bindings: crowd() });
    let reads = 0;
    const restless: Cluster = {
      ...cluster,
      getBinding: async (_namespace, name) => bindingOf(name, { containerName: `c-${reads++}` }),
    };
    await expect(collect(restless, scopeOf({}), createRunCache())).rejects.toThrow(
      new UncertainError('the bindings of namespace default change faster than they can be read'),
    );
    expect(reads).toBe(5);
  });

  test('is looked for under the service accounts that it has by now, where all of them are read', async () => {
    const moved = bindingOf('b', { serviceAccountName: 'new' });
    const others = [
      bindingOf('of-old', { serviceAccountName: 'old' }),
      bindingOf('of-new', { serviceAccountName: 'new' }),
    ];
    const { bindings } = await look(
      { bindings: [bindingOf('b', { serviceAccountName: 'old' }), ...others] },
      { overlapPolicy: 'refuse', changes: { 'list bindings': () => ({ bindings: [moved, ...others] }) } },
    );
    // The first look sees the binding as it was read by name; the write that follows from it is stale.
    expect(bindings).toEqual(['b@1', 'of-old@1']);
  });
});

describe('what an earlier collect of the run saw', () => {
  test('keeps in cache who is concerned by the key that was left', async () => {
    const before = bindingOf('b', {}, { status: asking('b') });
    const peer = bindingOf('peer', {}, { status: asking('b') });
    const { cluster, change } = storedCluster({ bindings: [...crowd(), before, peer] });
    const cache = createRunCache();
    await collect(cluster, scopeOf({}), cache);
    change({
      bindings: [
        ...crowd(),
        written(bindingOf('b', { containerName: 'new' }, { status: asking('new') })),
        peer,
      ],
    });
    expect(toWords(await collect(cluster, scopeOf({}), cache)).bindings).toEqual(['b@2', 'peer@1']);
  });

  test('says nothing about a binding that it did not see', async () => {
    const { cluster, change } = storedCluster({ bindings: [bindingOf('b')] });
    const cache = createRunCache();
    await collect(cluster, scopeOf({}), cache);
    change({ bindings: [bindingOf('b'), bindingOf('late', { serviceAccountName: 'late' })] });
    expect(toWords(await collect(cluster, scopeOf({ names: ['b', 'late'] }), cache)).bindings).toEqual([
      'b@1',
      'late@1',
    ]);
  });
});

describe('one list of the namespace', () => {
  const whole = ['list bindings', 'list outputs'];

  test('is read for more than 24 names, and for a whole look at fewer', async () => {
    const bindings = [
      ...many(25).map((name) => bindingOf(name)),
      bindingOf('foreign', { serviceAccountName: 'other' }),
    ];
    const seen = await look({ bindings }, { names: many(25) });
    expect(seen.calls).toEqual(whole);
    expect([seen.bindings.length, seen.snapshot.isNarrow]).toEqual([26, undefined]);
    expect((await look({ bindings }, { names: ['n-1'], isWhole: true })).calls).toEqual(whole);
    expect((await look({ bindings }, { names: many(24) })).calls).not.toContain('list bindings');
  });

  test('is read for more than 24 keys', async () => {
    const names = many(13);
    const bindings = names.map((name) => bindingOf(name, {}, { status: moving(name, `${name}-old`, name) }));
    const { calls } = await look({ bindings: [...bindings, ...crowd()] }, { names });
    expect(calls.slice(13, 15)).toEqual(whole);
  });
});

describe('the clock', () => {
  test("is the API server's at the earliest list of outputs: a POST may have landed after it", async () => {
    const { snapshot } = await look({ bindings: [bindingOf('b', {}, { status: asking('b') })] });
    // Three lists of bindings come first, each a second.
    expect(snapshot.clock).toEqual({
      now: '2026-01-01T00:10:04Z',
      quarantine: '2026-01-01T00:08:04Z',
      horizon: '2026-01-01T00:12:04Z',
    });
  });

  test('is that of one more list of bindings where outputs are not installed', async () => {
    const { snapshot, calls } = await look({
      bindings: [bindingOf('b', {}, { status: asking('b') })],
      outputs: 'unserved',
    });
    expect(snapshot.outputs).toBe('unserved');
    expect(snapshot.clock.now).toBe('2026-01-01T00:10:04Z');
    expect(calls.at(-1)).toBe('list bindings most 1');
  });
});

test.each([
  ['a few', ['b']],
  ['many', many(25)],
])('nothing is concluded from a missing CRD of bindings when it is asked for %s', async (_when, names) => {
  await expect(look({ bindings: 'unserved' }, { names })).rejects.toThrow(
    new UncertainError('the InferenceIdentityBinding CRD is not installed'),
  );
});
