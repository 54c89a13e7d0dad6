import { describe, expect, test } from 'vitest';
import type { Binding, BindingStatus, Peer } from '../api/binding.ts';
import type { Output } from '../api/cluster-spiffe-id.ts';
import type { Pool } from '../api/pool.ts';
import { UncertainError } from '../api/uncertain-error.ts';
import type { Cluster, LabelQuery } from './cluster.ts';
import { collect } from './collect.ts';
import { toFieldValue } from './selectors.ts';

/** What the cluster stores; a kind that is not installed is `unserved`. */
interface Stored {
  readonly bindings: readonly Binding[] | 'unserved';
  readonly outputs: readonly Output[] | 'unserved';
  readonly pools: readonly Pool[];
}

/** What others change in it just before the first call that begins so. */
type Changes = Readonly<Record<string, (before: Stored) => Partial<Stored>>>;

const namespace = 'team-a';

function binding(
  name: string,
  serviceAccountName: string,
  { status, ...metadata }: Partial<Binding['metadata']> & { status?: BindingStatus } = {},
): Binding {
  return {
    metadata: { name, namespace, uid: `uid-${name}`, resourceVersion: '1', ...metadata },
    spec: { poolRef: { name: 'pool' }, serviceAccountName },
    ...(status && { status }),
  };
}

function owning(name: string, serviceAccountName: string): BindingStatus {
  return { claim: { kind: 'owning', name, serviceAccountName, uid: `uid-${name}` } };
}

function creating(name: string, at: string): BindingStatus {
  return { claim: { kind: 'creating', name, serviceAccountName: 'sa', nonce: 'nonce', at } };
}

function collidingWith(name: string): Peer {
  return { name, uid: `uid-${name}`, reason: 'IdentityCollision' };
}

const outputOf = (owner: string) => `kleym-team-a-${owner}`;

/** An output of a binding; without a service account it is as the Go operator leaves it. */
function output(
  owner: string,
  serviceAccountName: string | undefined,
  metadata: Partial<Output['metadata']> = {},
): Output {
  const name = outputOf(owner);
  return {
    metadata: {
      name,
      uid: `uid-${name}`,
      resourceVersion: '1',
      labels: {
        'kleym.sonda.red/managed-by': 'kleym',
        'kleym.sonda.red/binding-namespace': namespace,
        'kleym.sonda.red/binding-name': owner,
        ...(serviceAccountName !== undefined && { 'kleym.sonda.red/service-account': serviceAccountName }),
      },
      annotations: { 'kleym.sonda.red/binding-uid': `uid-${owner}` },
      ...metadata,
    },
    spec: { hint: `${namespace}/${owner}` },
  };
}

const pool: Pool = { metadata: { name: 'pool', namespace, uid: 'uid-pool', resourceVersion: '1' }, spec: {} };

/** A cluster that others change between two calls. Its clock goes on by a second with each list. */
function changingCluster(start: Partial<Stored>, changes: Changes = {}) {
  let state: Stored = { bindings: [], outputs: [], pools: [pool], ...start };
  const due = new Map(Object.entries(changes));
  const calls: string[] = [];
  let second = 0;
  function hear(call: string): Stored {
    for (const [beginning, change] of due) {
      if (!call.startsWith(beginning)) continue;
      state = { ...state, ...change(state) };
      due.delete(beginning);
    }
    calls.push(call);
    return state;
  }
  function list<T>(items: readonly T[]) {
    second++;
    return { items, at: `2026-01-01T00:10:${String(second).padStart(2, '0')}.000Z` };
  }
  const cluster: Cluster = {
    getBinding: async (_namespace, name) => find(hear(`get binding ${name}`).bindings, name),
    listBindings: async ({ field, most = Infinity }) => {
      const { bindings } = hear(field ? `list bindings ${field.path}=${field.value}` : 'list bindings');
      if (bindings === 'unserved') return bindings;
      const found = bindings.filter((one) => !field || toFieldValue(one, field.path) === field.value);
      return { ...list(found.slice(0, most)), isComplete: found.length <= most };
    },
    getOutput: async (name) => find(hear(`get output ${name}`).outputs, name),
    listOutputs: async (labels) => {
      const { outputs } = hear(`list outputs ${toWords(labels)}`.trim());
      return outputs === 'unserved' ? outputs : list(outputs.filter((one) => isSelected(one, labels)));
    },
    getPool: async (_resource, _namespace, name) => find(hear(`get pool ${name}`).pools, name),
    listPools: unexpected,
    getObjective: unexpected,
    listObjectives: unexpected,
    patchFinalizers: unexpected,
    replaceStatus: unexpected,
    createOutput: unexpected,
    replaceOutput: unexpected,
    deleteOutput: unexpected,
    announce: unexpected,
  };
  return { cluster, calls };
}

function find<T extends { metadata: { name: string } }>(items: readonly T[] | 'unserved', name: string) {
  if (items === 'unserved') return items;
  return items.find(({ metadata }) => metadata.name === name) ?? 'absent';
}

const unexpected = () => Promise.reject(new Error('a collect makes no such call here'));

/** The labels that narrow the list beyond our own and the namespace. */
function toWords(labels: LabelQuery): string {
  return Object.entries(labels)
    .map(([label, value]) => [label.replace('kleym.sonda.red/', ''), value] as const)
    .filter(([label]) => label !== 'managed-by' && label !== 'binding-namespace')
    .map(([label, value]) => (value === undefined ? `!${label}` : `${label}=${String(value)}`))
    .join(' ');
}

function isSelected({ metadata }: Output, labels: LabelQuery): boolean {
  return Object.entries(labels).every(([label, wanted]) => {
    const value = metadata.labels?.[label];
    if (wanted === undefined) return value === undefined;
    return value !== undefined && (typeof wanted === 'string' ? [wanted] : wanted).includes(value);
  });
}

/** Collects for these names, and says what was seen: `name@resourceVersion`. */
async function look(
  start: Partial<Stored>,
  { names = ['b'], changes }: { readonly names?: readonly string[]; readonly changes?: Changes } = {},
) {
  const { cluster, calls } = changingCluster(start, changes);
  const snapshot = await collect(cluster, namespace, names);
  return {
    snapshot,
    calls,
    bindings: [...snapshot.bindings.values()].map(toVersion).toSorted(),
    outputs: snapshot.outputs === 'unserved' ? [] : snapshot.outputs.map(toVersion).toSorted(),
  };
}

function toVersion({ metadata }: Binding | Output): string {
  return `${metadata.name}@${metadata.resourceVersion}`;
}

function next<T extends Binding | Output>(one: T, metadata: Partial<T['metadata']> = {}): T {
  const resourceVersion = String(Number(one.metadata.resourceVersion) + 1);
  return { ...one, metadata: { ...one.metadata, resourceVersion, ...metadata } };
}

const many = (count: number) => Array.from({ length: count }, (_, index) => `b-${index}`);

describe('the order', () => {
  test('is bindings, then outputs, then pools and objectives', async () => {
    const { calls } = await look({ bindings: [binding('b', 'sa')] });
    expect(calls).toEqual([
      'get binding b',
      'list bindings spec.serviceAccountName=sa',
      'list bindings status.claim.serviceAccountName=sa',
      'list outputs binding-name=b',
      'list outputs !service-account',
      'list outputs service-account=sa',
      'get pool pool',
      'get pool pool',
    ]);
  });

  test('shows a claim that was announced before an output appeared together with the output', async () => {
    const rival = binding('rival', 'sa', { status: creating(outputOf('rival'), '2026-01-01T00:10:00Z') });
    const seen = await look(
      { bindings: [binding('b', 'sa'), rival] },
      { changes: { 'list outputs': () => ({ outputs: [output('rival', 'sa')] }) } },
    );
    expect(seen.snapshot.bindings.get('rival')?.status?.claim?.kind).toBe('creating');
    expect(seen.outputs).toEqual([`${outputOf('rival')}@1`]);
  });
});

describe('the bindings of a neighbourhood', () => {
  test('are those that ask for the service account, or claim a key under it, and no others', async () => {
    const { bindings } = await look({
      bindings: [
        binding('b', 'sa'),
        binding('asks', 'sa'),
        binding('claims', 'left', { status: owning('x', 'sa') }),
        binding('foreign', 'other'),
      ],
    });
    expect(bindings).toEqual(['asks@1', 'b@1', 'claims@1']);
  });

  test('are found by the service account of its claim as well as by that of its spec', async () => {
    const { bindings, outputs } = await look({
      bindings: [
        binding('b', 'new', { status: owning(outputOf('b'), 'old') }),
        binding('of-old', 'old'),
        binding('of-new', 'new'),
      ],
      outputs: [output('b', 'old'), output('of-old', 'old'), output('of-new', 'new')],
    });
    expect(bindings).toEqual(['b@1', 'of-new@1', 'of-old@1']);
    expect(outputs).toEqual([`${outputOf('b')}@1`, `${outputOf('of-new')}@1`, `${outputOf('of-old')}@1`]);
  });

  test('are also those of the rivals that it recorded, because they may recover when it leaves', async () => {
    const { bindings } = await look({
      bindings: [
        binding('b', 'new', { status: { conflicts: [collidingWith('rival')] } }),
        binding('rival', 'old'),
        binding('another', 'old'),
      ],
    });
    expect(bindings).toEqual(['another@1', 'b@1', 'rival@1']);
  });

  test('are those of the rivals of each name, also where there are more rivals than are looked up', async () => {
    const names = many(30).map((name) => `crowd-${name}`);
    const { bindings } = await look(
      {
        bindings: [
          binding('a', 'crowded', { status: { conflicts: names.map(collidingWith) } }),
          binding('b', 'new', { status: { conflicts: [collidingWith('rival')] } }),
          ...names.map((name) => binding(name, 'crowded')),
          binding('rival', 'old'),
          binding('another', 'old'),
        ],
      },
      { names: ['a', 'b'] },
    );
    expect(bindings).toContain('another@1');
  });

  test('are read with a service account that no output can be labelled with, and that selects no output', async () => {
    const { calls, bindings } = await look({ bindings: [binding('b', 'x),label in (y')] });
    expect(bindings).toEqual(['b@1']);
    expect(calls.filter((call) => call.startsWith('list outputs'))).toEqual([
      'list outputs binding-name=b',
      'list outputs !service-account',
    ]);
  });
});

describe('the outputs of a neighbourhood', () => {
  test.each([
    ['labelled with the service account, whosever they are', output('another', 'sa')],
    ['of the binding itself, whatever service account they are labelled with', output('b', 'other')],
    ["without a service account, as the Go operator's: they may hold any key", output('another', undefined)],
  ])('are those %s', async (_which, one) => {
    const { outputs } = await look({ bindings: [binding('b', 'sa')], outputs: [one] });
    expect(outputs).toEqual([toVersion(one)]);
  });

  test('are none of other bindings with other service accounts', async () => {
    const { outputs } = await look({
      bindings: [binding('b', 'sa')],
      outputs: [output('another', 'other')],
    });
    expect(outputs).toEqual([]);
  });
});

describe('an owner', () => {
  test('that no list shows is read by name before anybody calls it gone', async () => {
    const { bindings } = await look({
      bindings: [binding('b', 'sa'), binding('moved', 'other')],
      outputs: [output('moved', 'sa')],
    });
    expect(bindings).toEqual(['b@1', 'moved@1']);
  });

  test('that is not there either is gone', async () => {
    const { bindings, outputs } = await look({
      bindings: [binding('b', 'sa')],
      outputs: [output('lost', 'sa')],
    });
    expect({ bindings, outputs }).toEqual({ bindings: ['b@1'], outputs: [`${outputOf('lost')}@1`] });
  });

  test('that was listed before it was recreated is read again, or its new output would look like an orphan', async () => {
    const again = binding('other', 'sa', { uid: 'uid-again', resourceVersion: '7' });
    const itsOutput = output('other', 'sa', { annotations: { 'kleym.sonda.red/binding-uid': 'uid-again' } });
    const { snapshot, bindings } = await look(
      { bindings: [binding('b', 'sa'), binding('other', 'sa')] },
      {
        changes: {
          'list outputs': () => ({ bindings: [binding('b', 'sa'), again], outputs: [itsOutput] }),
        },
      },
    );
    expect(bindings).toEqual(['b@1', 'other@7']);
    expect(snapshot.bindings.get('other')?.metadata.uid).toBe('uid-again');
  });

  test('that was listed before it was recreated, and is gone by now, is gone', async () => {
    const itsOutput = output('other', 'sa', { annotations: { 'kleym.sonda.red/binding-uid': 'uid-again' } });
    const { bindings } = await look(
      { bindings: [binding('b', 'sa'), binding('other', 'sa')] },
      { changes: { 'list outputs': () => ({ bindings: [binding('b', 'sa')], outputs: [itsOutput] }) } },
    );
    expect(bindings).toEqual(['b@1']);
  });

  test('whose output names no uid is the one that was listed', async () => {
    const { calls } = await look({
      bindings: [binding('b', 'sa')],
      outputs: [output('b', undefined, { annotations: {} })],
    });
    expect(calls.filter((call) => call.startsWith('get binding'))).toEqual(['get binding b']);
  });
});

describe('an output whose labels somebody took off', () => {
  const bare = output('b', 'sa', { labels: {} });

  test.each<[string, BindingStatus]>([
    ['owned', owning(outputOf('b'), 'sa')],
    [
      'about to be moved',
      {
        claim: {
          kind: 'replacing',
          name: outputOf('b'),
          serviceAccountName: 'sa',
          uid: bare.metadata.uid,
          base: '1',
        },
      },
    ],
    // The clock of the lists is 00:10:03 at the earliest, and two minutes are quarantine.
    ['announced so long ago that it cannot land any more', creating(outputOf('b'), '2026-01-01T00:08:03Z')],
  ])('is read by the name in the claim of its binding: %s', async (_which, status) => {
    const { outputs } = await look({ bindings: [binding('b', 'sa', { status })], outputs: [bare] });
    expect(outputs).toEqual([`${outputOf('b')}@1`]);
  });

  test('is not looked for while its POST may still land, which its binding waits for', async () => {
    const status = creating(outputOf('b'), '2026-01-01T00:08:04Z');
    const { outputs, calls } = await look({ bindings: [binding('b', 'sa', { status })], outputs: [bare] });
    expect(outputs).toEqual([]);
    expect(calls.filter((call) => call.startsWith('get output'))).toEqual([]);
  });

  test('is read once where it was listed', async () => {
    const status = owning(outputOf('b'), 'sa');
    const { outputs, calls } = await look({
      bindings: [binding('b', 'sa', { status })],
      outputs: [output('b', 'sa')],
    });
    expect(outputs).toEqual([`${outputOf('b')}@1`]);
    expect(calls.filter((call) => call.startsWith('get output'))).toEqual([]);
  });
});

describe('an object that two lists show in two states', () => {
  const claimed = binding('rival', 'sa', { status: owning(outputOf('rival'), 'sa') });

  test('is read once more, when it is a binding', async () => {
    const { bindings } = await look(
      { bindings: [binding('b', 'sa'), claimed] },
      {
        changes: {
          'list bindings status': () => ({ bindings: [binding('b', 'sa'), next(claimed)] }),
          'get binding rival': () => ({ bindings: [binding('b', 'sa'), next(next(claimed))] }),
        },
      },
    );
    expect(bindings).toEqual(['b@1', 'rival@3']);
  });

  test('is read once more, when it is an output', async () => {
    const { outputs } = await look(
      { bindings: [binding('b', 'sa')], outputs: [output('b', 'sa')] },
      {
        changes: {
          'list outputs service-account': () => ({ outputs: [next(output('b', 'sa'))] }),
          'get output': () => ({ outputs: [next(next(output('b', 'sa')))] }),
        },
      },
    );
    expect(outputs).toEqual([`${outputOf('b')}@3`]);
  });

  test('is gone when it is gone by then', async () => {
    const { outputs } = await look(
      { bindings: [binding('b', 'sa')], outputs: [output('b', 'sa')] },
      {
        changes: {
          'list outputs service-account': () => ({ outputs: [next(output('b', 'sa'))] }),
          'get output': () => ({ outputs: [] }),
        },
      },
    );
    expect(outputs).toEqual([]);
  });

  test('is another one of the same name when the uids differ, whatever its resourceVersion', async () => {
    const { calls } = await look(
      { bindings: [binding('b', 'sa')], outputs: [output('b', 'sa')] },
      {
        changes: {
          'list outputs service-account': () => ({ outputs: [output('b', 'sa', { uid: 'uid-again' })] }),
        },
      },
    );
    expect(calls).toContain(`get output ${outputOf('b')}`);
  });

  test('leaves a question open when its CRD goes at that moment', async () => {
    const promise = look(
      { bindings: [binding('b', 'sa')], outputs: [output('b', 'sa')] },
      {
        changes: {
          'list outputs service-account': () => ({ outputs: [next(output('b', 'sa'))] }),
          'get output': () => ({ outputs: 'unserved' }),
        },
      },
    );
    await expect(promise).rejects.toThrow(
      new UncertainError('a CRD was removed while its objects were read'),
    );
  });
});

describe('the service accounts of a binding that turn out to be others than were read', () => {
  const neighbours = [binding('of-old', 'old'), binding('of-new', 'new')];

  test('make the collect start again when its spec was edited meanwhile', async () => {
    const { bindings } = await look(
      { bindings: [binding('b', 'old'), ...neighbours] },
      { changes: { 'list bindings': () => ({ bindings: [binding('b', 'new'), ...neighbours] }) } },
    );
    expect(bindings).toEqual(['b@1', 'of-new@1']);
  });

  test('make it start again when it was listed, and claims under another one now', async () => {
    const claimed = binding('b', 'old', { status: owning(outputOf('b'), 'new') });
    const { bindings } = await look(
      { bindings: [binding('b', 'old'), ...neighbours] },
      { changes: { 'list bindings': () => ({ bindings: [claimed, ...neighbours] }) } },
    );
    expect(bindings).toEqual(['b@1', 'of-new@1', 'of-old@1']);
  });

  test('do not matter where the binding was not there when it was looked up: it brings an event of its own', async () => {
    const { bindings } = await look(
      { bindings: neighbours },
      {
        names: ['b', 'of-old'],
        changes: { 'list bindings': () => ({ bindings: [binding('b', 'new'), ...neighbours] }) },
      },
    );
    expect(bindings).toEqual(['of-old@1']);
  });

  test('make it start again when the binding is gone meanwhile, which ends it', async () => {
    const { bindings } = await look(
      { bindings: [binding('b', 'old'), ...neighbours] },
      { changes: { 'list bindings': () => ({ bindings: neighbours }) } },
    );
    expect(bindings).toEqual([]);
  });

  test('are given up, for now, when they are others each time', async () => {
    const { cluster } = changingCluster({});
    let reads = 0;
    const restless: Cluster = {
      ...cluster,
      getBinding: async (_namespace, name) => binding(name, `sa-${reads++}`),
    };
    await expect(collect(restless, namespace, ['b'])).rejects.toThrow(
      new UncertainError('the bindings of namespace team-a change faster than they can be read'),
    );
    expect(reads).toBe(5);
  });
});

describe('what an earlier collect saw', () => {
  const start = { bindings: [binding('b', 'sa'), binding('other', 'sa')] };

  test('saves looking up the service accounts', async () => {
    const { snapshot } = await look(start);
    const { cluster, calls } = changingCluster(start);
    await collect(cluster, namespace, ['b', 'other'], snapshot);
    expect(calls.filter((call) => call.startsWith('get binding'))).toEqual([]);
  });

  test('is looked up again where they are others by now', async () => {
    const { snapshot } = await look(start);
    const { cluster } = changingCluster({ bindings: [binding('b', 'new'), binding('of-new', 'new')] });
    const { bindings } = await collect(cluster, namespace, ['b'], snapshot);
    expect([...bindings.keys()].toSorted()).toEqual(['b', 'of-new']);
  });

  test('is not enough where a rival was recorded that it did not see', async () => {
    const moved = binding('moved', 'sa', { status: { conflicts: [collidingWith('left')] } });
    const bindings = [...start.bindings, moved, binding('left', 'old')];
    const { snapshot } = await look({ bindings });
    const { cluster } = changingCluster({ bindings });
    const { bindings: seen } = await collect(cluster, namespace, ['b', 'moved'], snapshot);
    expect([...seen.keys()].toSorted()).toEqual(['b', 'left', 'moved', 'other']);
  });

  test('says nothing about a binding that it did not see', async () => {
    const { snapshot } = await look(start);
    const { cluster } = changingCluster({ bindings: [...start.bindings, binding('late', 'late')] });
    const { bindings } = await collect(cluster, namespace, ['b', 'late'], snapshot);
    expect([...bindings.keys()].toSorted()).toEqual(['b', 'late', 'other']);
  });
});

describe('one list of the namespace', () => {
  const whole = ['list bindings', 'list outputs'];

  test('is read for many names', async () => {
    const bindings = many(25).map((name) => binding(name, 'sa'));
    const seen = await look({ bindings: [...bindings, binding('foreign', 'other')] }, { names: many(25) });
    expect(seen.calls.slice(0, 2)).toEqual(whole);
    expect(seen.bindings).toHaveLength(26);
  });

  test('is read for many service accounts', async () => {
    const bindings = many(9).map((name) => binding(name, `sa-${name}`));
    const seen = await look({ bindings }, { names: many(9) });
    expect(seen.calls.slice(9, 11)).toEqual(whole);
  });

  test('is not read for a few', async () => {
    const bindings = many(8).map((name) => binding(name, `sa-${name}`));
    const { calls } = await look({ bindings }, { names: many(8) });
    expect(calls).not.toContain('list bindings');
  });
});

describe('the clock', () => {
  test("is the API server's at the earliest list of outputs: a POST may have landed after it", async () => {
    const { snapshot } = await look({ bindings: [binding('b', 'sa')] });
    // Two lists of bindings come first, each a second.
    expect(snapshot.clock).toEqual({
      now: '2026-01-01T00:10:03Z',
      quarantine: '2026-01-01T00:08:03Z',
      horizon: '2026-01-01T00:12:03Z',
    });
  });

  test('is that of a list of bindings where outputs are not installed', async () => {
    const { snapshot } = await look({ bindings: [binding('b', 'sa')], outputs: 'unserved' });
    expect(snapshot.outputs).toBe('unserved');
    expect(snapshot.clock.now).toBe('2026-01-01T00:10:03Z');
  });
});

test.each([
  ['when it is asked for a few', ['b']],
  ['when it is asked for many', many(25)],
])('nothing is concluded from a missing CRD of bindings, %s', async (_when, names) => {
  await expect(look({ bindings: 'unserved' }, { names })).rejects.toThrow(
    new UncertainError('the InferenceIdentityBinding CRD is not installed'),
  );
});
