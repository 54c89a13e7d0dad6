import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { UncertainError } from '../../shared/api/uncertain-error.ts';
import type { Cluster, WriteResult } from '../../shared/kube/cluster.ts';
import { binding, objective, output, pool, poolBinding } from '../../test/support/manifests.ts';
import { type Settling, createSettling } from '../../test/support/settling.ts';

const namespaced = (name: string) => ({ ...binding(name), metadata: { name, namespace: 'team-a' } });
const die = () => Promise.reject(new Error('dead'));
const label = (app: string) => ({ spec: { selector: { matchLabels: { app } } } });

async function withBinding(manifest = binding()): Promise<Settling> {
  const here = await createSettling();
  await here.create(pool(), objective(), objective('objective-b'), manifest);
  await here.settle(['binding-a']);
  expect(await here.ready('binding-a')).toBe('True Reconciled');
  return here;
}

const budget: readonly (readonly [string, () => Promise<Settling>, string[], number])[] = [
  [
    'a new binding',
    async () => {
      const here = await createSettling();
      await here.create(pool(), objective(), binding());
      return here;
    },
    ['patchFinalizers', 'replaceStatus', 'createOutput', 'replaceStatus'],
    2,
  ],
  [
    'an edited pool, PerObjective',
    async () => {
      const here = await withBinding();
      await here.edit(pool(), label('next'));
      return here;
    },
    ['replaceStatus', 'replaceOutput', 'replaceStatus'],
    3,
  ],
  [
    'an edited container',
    async () => {
      const here = await withBinding();
      await here.edit(binding(), { spec: { containerName: 'other' } });
      return here;
    },
    ['replaceStatus', 'replaceOutput', 'replaceStatus'],
    3,
  ],
  [
    'an edited service account',
    async () => {
      const here = await withBinding();
      await here.edit(binding(), { spec: { serviceAccountName: 'other-sa' } });
      return here;
    },
    ['replaceStatus', 'replaceOutput', 'replaceStatus'],
    3,
  ],
  [
    'an edited pool, PoolOnly',
    async () => {
      const here = await withBinding(poolBinding());
      await here.edit(pool(), label('next'));
      return here;
    },
    ['replaceOutput', 'replaceStatus'],
    2,
  ],
  [
    'another objective, and so another name',
    async () => {
      const here = await withBinding();
      await here.edit(binding(), { spec: { objectiveRef: { name: 'objective-b' } } });
      return here;
    },
    ['deleteOutput', 'replaceStatus', 'createOutput', 'replaceStatus'],
    3,
  ],
  [
    'a claim that was lost',
    async () => {
      const here = await withBinding();
      await here.kube.edit(namespaced('binding-a'), { status: { claim: null } }, 'status');
      return here;
    },
    ['replaceStatus'],
    2,
  ],
  [
    'a pool that turned unsafe',
    async () => {
      const here = await withBinding();
      await here.edit(pool(), label(''));
      return here;
    },
    ['deleteOutput', 'replaceStatus'],
    3,
  ],
  [
    'a binding that is deleted',
    async () => {
      const here = await withBinding();
      await here.remove(binding());
      return here;
    },
    ['deleteOutput', 'patchFinalizers'],
    3,
  ],
  ['a binding at rest', () => withBinding(), [], 1],
];

describe('the writes and collects that a change costs', () => {
  test.each(budget)('%s', async (_case, prepare, writes, collects) => {
    const here = await prepare();
    const run = await here.settle(['binding-a']);
    expect(here.writes).toEqual(writes);
    expect(run.collects).toBe(collects);
    expect([...run.endings]).toEqual([['binding-a', expect.objectContaining({ kind: 'converged' })]]);
  });

  test('an output that is refused: withdrawn once, and then asked about without a write', async () => {
    const here = await createSettling(() => ({
      createOutput: async () => ({ kind: 'rejected', forbidden: false, message: 'denied' }),
    }));
    await here.create(pool(), objective(), binding());
    const first = await here.settle(['binding-a']);
    expect(here.writes).toEqual(['patchFinalizers', 'replaceStatus', 'createOutput', 'replaceStatus']);
    expect(first.endings.get('binding-a')).toMatchObject({ kind: 'converged' });
    expect(await here.ready('binding-a')).toBe('False OutputRefused');
    await here.settle(['binding-a']);
    expect(here.writes).toEqual([]);
    expect(here.calls.filter((call) => call === 'dry run')).toHaveLength(1);
  });

  test("kleym-operator's output with the same key: finalizer, announcement, correction, confirmation", async () => {
    const here = await withBinding();
    const [ours] = await here.outputs();
    await here.remove(binding());
    await here.settle(['binding-a']);
    const labels = {
      'kleym.sonda.red/managed-by': 'kleym',
      'kleym.sonda.red/binding-name': 'binding-a',
      'kleym.sonda.red/binding-namespace': 'team-a',
    };
    await here.create(output(ours?.metadata.name ?? '', ours?.['spec'] as object, { labels }), binding());
    const run = await here.settle(['binding-a']);
    expect(here.writes).toEqual(['patchFinalizers', 'replaceStatus', 'replaceOutput', 'replaceStatus']);
    expect(run.collects).toBe(3);
    expect(await here.ready('binding-a')).toBe('True Reconciled');
  });

  test('an output whose run died before it recorded it, with its labels taken off: waited for, then labelled again', async () => {
    const here = await withBinding();
    const [made] = await here.outputs();
    if (!made) throw new Error('no output was made');
    await here.edit(binding(), { status: null }, 'status');
    await here.edit(made, { metadata: { labels: null } });
    const run = await here.settle(['binding-a']);
    expect(run.endings.get('binding-a')).toMatchObject({ kind: 'waiting' });
    expect(await here.ready('binding-a')).toBe('Unknown Initializing');
    await here.edit(binding(), { status: { claim: { at: '2026-01-01T00:00:00Z' } } }, 'status');
    await here.settle(['binding-a']);
    const { uid, labels } = made.metadata;
    expect(await here.outputs()).toMatchObject([{ metadata: { uid, labels } }]);
    expect(await here.ready('binding-a')).toBe('True Reconciled');
  });
});

describe('a run', () => {
  test('looks after the peer that its work sets free', async () => {
    const here = await createSettling();
    await here.create(pool(), objective(), binding(), binding('binding-b'));
    await here.settle(['binding-a', 'binding-b']);
    expect(await here.ready('binding-b')).toBe('False IdentityCollision');
    await here.edit(binding(), { spec: { containerName: 'other' } });
    const run = await here.settle(['binding-a']);
    expect([...run.endings.keys()].toSorted()).toEqual(['binding-a', 'binding-b']);
    expect([await here.ready('binding-a'), await here.ready('binding-b')]).toEqual([
      'True Reconciled',
      'True Reconciled',
    ]);
  });

  test('withdraws the peer of a new binding, although nobody named it', async () => {
    const here = await withBinding();
    await here.create(binding('binding-b'));
    await here.settle(['binding-b']);
    expect([await here.ready('binding-a'), await here.ready('binding-b')]).toEqual([
      'False IdentityCollision',
      'False IdentityCollision',
    ]);
    expect(await here.outputs()).toEqual([]);
  });

  test('looks again after one that it found at rest, where a peer changes under its hands', async () => {
    const here = await createSettling();
    const elsewhere = { poolRef: { name: 'pool-b' }, objectiveRef: { name: 'objective-b' } };
    await here.create(pool(), pool('pool-b', { app: 'other' }), objective());
    await here.create(
      objective('objective-b', { name: 'pool-b' }),
      binding(),
      binding('binding-b', elsewhere),
    );
    await here.settle(['binding-a', 'binding-b']);
    expect([await here.ready('binding-a'), await here.ready('binding-b')]).toEqual([
      'True Reconciled',
      'True Reconciled',
    ]);
    await here.kube.edit(namespaced('binding-b'), { status: { trustDomain: 'edited.by.hand' } }, 'status');
    let edits = 0;
    const cluster: Cluster = {
      ...here.cluster,
      replaceStatus: async (...status) => {
        const beside = { poolRef: { name: 'pool-a' }, objectiveRef: { name: 'objective-a' } };
        if (edits++ === 0) await here.edit(binding('binding-b'), { spec: beside });
        return await here.cluster.replaceStatus(...status);
      },
    };
    await here.settle(['binding-a', 'binding-b'], { cluster });
    expect([await here.ready('binding-a'), await here.ready('binding-b')]).toEqual([
      'False IdentityCollision',
      'False IdentityCollision',
    ]);
    expect(await here.outputs()).toEqual([]);
  });

  test.each([
    ['that collided with it', 'False IdentityCollision', 'other', 'model-server'],
    ['that it has set free', 'True Reconciled', 'model-server', 'other'],
  ])(
    'of one that is at rest looks after the peer %s, whom a dead run forgot',
    async (_case, ready, from, to) => {
      const here = await createSettling();
      const elsewhere = { poolRef: { name: 'pool-b' }, objectiveRef: { name: 'objective-b' } };
      await here.create(pool(), pool('pool-b', { app: from }), objective());
      await here.create(
        objective('objective-b', { name: 'pool-b' }),
        binding(),
        binding('binding-b', elsewhere),
      );
      await here.settle(['binding-a', 'binding-b']);
      await here.edit(pool('pool-b'), label(to));
      const cluster: Cluster = {
        ...here.cluster,
        deleteOutput: async (aim) =>
          await (aim.name.includes('binding-a') ? die() : here.cluster.deleteOutput(aim)),
        replaceStatus: async (namespace, aim, status) =>
          await (aim.name === 'binding-a' ? die() : here.cluster.replaceStatus(namespace, aim, status)),
      };
      const { endings } = await here.settle(['binding-b'], { cluster });
      expect(endings.get('binding-a')).toEqual({ kind: 'failed', error: new Error('dead') });
      expect(await here.ready('binding-b')).toBe(ready);
      expect(await here.ready('binding-a')).not.toBe(ready);
      await here.settle(['binding-b']);
      expect([await here.ready('binding-a'), await here.ready('binding-b')]).toEqual([ready, ready]);
    },
  );

  test('goes on with the others where one binding is in trouble', async () => {
    const here = await createSettling(() => ({
      createOutput: ({ metadata }) =>
        metadata.name.includes('binding-a') ? Promise.reject(new UncertainError('no answer')) : undefined,
    }));
    await here.create(pool(), objective(), binding(), binding('binding-b', { containerName: 'other' }));
    const { endings } = await here.settle(['binding-a', 'binding-b']);
    expect(endings.get('binding-a')).toMatchObject({
      kind: 'waiting',
      message: expect.stringContaining('no answer'),
    });
    expect(endings.get('binding-b')).toMatchObject({ kind: 'converged' });
  });

  test('tells a bug from trouble', async () => {
    const here = await createSettling(() => ({ createOutput: () => Promise.reject(new TypeError('a bug')) }));
    await here.create(pool(), objective(), binding());
    const { endings } = await here.settle(['binding-a']);
    expect(endings.get('binding-a')).toMatchObject({ kind: 'failed', error: new TypeError('a bug') });
  });

  test('never sends a second POST where the answer to the first is not known', async () => {
    const here = await createSettling(() => ({
      createOutput: () => Promise.reject(new UncertainError('no answer')),
    }));
    await here.create(pool(), objective(), binding());
    await here.settle(['binding-a']);
    expect(here.writes.filter((write) => write === 'createOutput')).toHaveLength(1);
    const { endings } = await here.settle(['binding-a']);
    expect(here.writes).toEqual([]);
    expect(endings.get('binding-a')).toMatchObject({
      kind: 'waiting',
      message: expect.stringContaining('may still take effect'),
    });
  });

  test('leaves what it could not reach in time to another request', async () => {
    let elapsed = 0;
    const here = await createSettling();
    await here.create(pool(), objective(), binding());
    const run = await here.settle(['binding-a'], { elapsed: () => (elapsed += 15_000) });
    expect(run.endings.get('binding-a')).toEqual({ kind: 'unfinished' });
  });

  test('announces no more than it can write, however slow the API server is', async () => {
    let elapsed = 0;
    const slow = () => {
      elapsed += 100;
      return undefined;
    };
    const here = await createSettling(() => ({
      patchFinalizers: slow,
      replaceStatus: slow,
      createOutput: slow,
    }));
    const names = Array.from({ length: 150 }, (_, index) => `binding-${index}`);
    await here.create(pool(), objective(), ...names.map((name) => binding(name, { containerName: name })));
    const { endings } = await here.settle(names, { elapsed: () => elapsed });
    const made = await here.outputs();
    expect(made.length).toBeGreaterThan(20);
    expect(made.length).toBeLessThan(names.length);
    const states = await Promise.all(names.map(async (name) => [name, await here.ready(name)] as const));
    expect(states.filter(([, state]) => state === 'True Reconciled')).toHaveLength(made.length);
    expect(states.filter(([, state]) => state === 'nothing')).toHaveLength(names.length - made.length);
    for (const [name, state] of states)
      expect(endings.get(name)).toEqual({ kind: state === 'nothing' ? 'unfinished' : 'converged' });
  });

  test('does not send what it announced too long ago', async () => {
    let elapsed = 0;
    const here = await createSettling(() => ({
      replaceStatus: () => {
        elapsed += 19_000;
        return undefined;
      },
      listOutputs: () => {
        elapsed += 1_800;
        return undefined;
      },
    }));
    await here.create(pool(), objective(), binding());
    await here.settle(['binding-a'], { elapsed: () => elapsed });
    expect(here.writes).not.toContain('createOutput');
    expect(await here.outputs()).toEqual([]);
  });

  test('counts from the beginning of the look that dated the announcement', async () => {
    let elapsed = 0;
    let looks = 0;
    const here = await createSettling(() => ({
      // Two looks of 9.9 s and 10.2 s, and nothing else takes any time.
      listBindings: () => {
        if (looks++ === 0) elapsed = 9_900;
        return undefined;
      },
      listOutputs: () => {
        elapsed = 20_100;
        return undefined;
      },
    }));
    await here.create(pool(), objective(), binding());
    const { collects } = await here.settle(['binding-a'], { elapsed: () => elapsed });
    expect(collects).toBe(2);
    expect(here.writes).toEqual(['patchFinalizers', 'replaceStatus']);
  });

  test('does not send what grew old while it waited for its turn', async () => {
    let elapsed = 0;
    const here = await createSettling(() => ({
      createOutput: () => {
        elapsed += 20_000;
        return undefined;
      },
    }));
    await here.create(pool(), objective(), binding(), binding('binding-b', { containerName: 'other' }));
    await here.settle(['binding-a', 'binding-b'], { elapsed: () => elapsed });
    expect(here.writes.filter((write) => write === 'createOutput')).toHaveLength(1);
    expect(await here.outputs()).toHaveLength(1);
  });

  test('begins no more writes where they take too long, and leaves what they were for to another request', async () => {
    let elapsed = 0;
    const here = await createSettling(() => ({
      patchFinalizers: () => {
        elapsed += 20_000;
        return undefined;
      },
    }));
    const names = Array.from({ length: 30 }, (_, index) => `binding-${index}`);
    await here.create(pool(), ...names.map((name) => poolBinding(name)));
    const { endings } = await here.settle(names, { elapsed: () => elapsed });
    expect(here.writes).toHaveLength(2 * 6);
    expect([...endings.values()]).toEqual(names.map(() => ({ kind: 'unfinished' })));
  });

  test('gives up, and asks for patience, where others write the same object again and again', async () => {
    const here = await createSettling(() => ({ patchFinalizers: async () => ({ kind: 'stale' }) }));
    await here.create(pool(), objective(), binding());
    const run = await here.settle(['binding-a']);
    expect(run.collects).toBe(12);
    expect(run.endings.get('binding-a')).toEqual({
      kind: 'waiting',
      message: 'not converged after 12 writes: something else writes the same objects',
    });
  });

  test('of a binding that is not there is settled', async () => {
    const here = await createSettling();
    const run = await here.settle(['nobody']);
    expect([...run.endings]).toEqual([['nobody', expect.objectContaining({ kind: 'converged' })]]);
  });
});

/** Two that collide, until one is edited; nobody has looked since. */
async function withCollision(override: Parameters<typeof createSettling>[0]): Promise<Settling> {
  const here = await createSettling(override);
  await here.create(pool(), objective(), binding(), binding('binding-b'));
  await here.settle(['binding-a', 'binding-b']);
  await here.edit(binding(), { spec: { containerName: 'other' } });
  return here;
}

test('a binding at rest is read once', async () => {
  const here = await createSettling();
  await here.create(pool(), poolBinding());
  await here.settle(['binding-a']);
  await here.settle(['binding-a']);
  expect(here.calls.filter((call) => ['readBinding', 'getBinding'].includes(call))).toEqual(['readBinding']);
});

test('a binding that a run has read is read again for each further look', async () => {
  const here = await createSettling();
  await here.create(pool(), poolBinding(), poolBinding('binding-b'));
  await here.settle(['binding-a']);
  await here.edit(pool(), { spec: { selector: { matchLabels: { app: 'next' } } } });
  const { collects } = await here.settle(['binding-a']);
  expect([collects, here.calls.filter((call) => call === 'getBinding').length]).toEqual([2, 1]);
  // Where another one of the run is new, it is written for before the look.
  await here.settle(['binding-a', 'binding-b']);
  expect(here.writes).toContain('createOutput');
  expect(here.calls.filter((call) => call === 'getBinding')).toHaveLength(1);
});

test('a run whose reads fail has ended its writes when it ends', async () => {
  let [begun, ended] = [0, 0];
  const here = await createSettling(() => ({
    getPool: () => Promise.reject(new UncertainError('not readable')),
    patchFinalizers: async () => {
      begun++;
      await sleep(20);
      ended++;
      return { kind: 'stale' };
    },
  }));
  const names = Array.from({ length: 24 }, (_, index) => `binding-${index}`);
  await here.create(pool(), objective(), ...names.map((name) => binding(name)));
  await here.settle(names);
  expect([begun, ended]).toEqual([24, 24]);
  await sleep(50);
  expect(begun).toBe(24);
});

describe('a neighbour that a run has begun to look after', () => {
  test('is not forgotten when the API server cannot be read any more', async () => {
    let isBroken = false;
    const here = await withCollision(() => ({
      createOutput: () => {
        isBroken = true;
        return Promise.reject(new UncertainError('no answer'));
      },
      listBindings: () => (isBroken ? Promise.reject(new UncertainError('not readable')) : undefined),
    }));
    const { endings } = await here.settle(['binding-a']);
    expect([...endings]).toEqual([
      ['binding-a', { kind: 'waiting', message: expect.any(String) }],
      ['binding-b', { kind: 'waiting', message: expect.any(String) }],
    ]);
  });

  test('and that its run left behind, is looked after by the next one that comes by', async () => {
    const here = await withCollision(() => ({
      createOutput: (wanted) =>
        wanted.metadata.name.includes('binding-b')
          ? Promise.reject(new UncertainError('no answer'))
          : undefined,
    }));
    await here.settle(['binding-a']);
    expect(await here.ready('binding-b')).toBe('Unknown Initializing');
    const claim = { at: '2026-01-01T00:00:00Z' };
    await here.kube.edit(namespaced('binding-b'), { status: { claim } }, 'status');
    const { endings } = await here.settle(['binding-a']);
    expect(here.writes).toEqual(['replaceStatus', 'createOutput']);
    expect(endings.get('binding-b')?.kind).toBe('waiting');
  });

  test('is found under the service account that its peer has left', async () => {
    const here = await withBinding();
    await here.edit(binding(), { spec: { serviceAccountName: 'other-sa' } });
    await here.create(binding('binding-b'));
    await here.settle(['binding-b']);
    expect(await here.ready('binding-b')).toBe('Unknown Waiting');
    await here.settle(['binding-a']);
    expect([await here.ready('binding-a'), await here.ready('binding-b')]).toEqual([
      'True Reconciled',
      'True Reconciled',
    ]);
  });

  test('and that has just come from another service account, sets free whom it left there', async () => {
    const here = await withBinding();
    await here.create(
      binding('binding-b', { serviceAccountName: 'other-sa' }),
      binding('binding-c', { serviceAccountName: 'other-sa' }),
    );
    await here.settle(['binding-b', 'binding-c']);
    await here.edit(binding('binding-c'), { spec: { serviceAccountName: 'inference-sa' } });
    await here.settle(['binding-a']);
    expect([await here.ready('binding-b'), await here.ready('binding-c')]).toEqual([
      'True Reconciled',
      'False IdentityCollision',
    ]);
  });

  test('is left to the reply where there are more than a run should take', async () => {
    let elapsed = 0;
    let isCrowdRefused = false;
    const here = await createSettling(() => ({
      replaceStatus: () => {
        if (!isCrowdRefused) return undefined;
        elapsed = 20_000;
        return Promise.resolve({ kind: 'stale' });
      },
    }));
    const names = Array.from({ length: 205 }, (_, index) => `binding-${index}`);
    await here.create(pool(), objective(), ...names.map((name) => binding(name)));
    await here.settle(names);
    isCrowdRefused = true;
    await here.edit(pool(), label(''));
    const run = await here.settle(['binding-0'], { elapsed: () => elapsed });
    const unfinished = [...run.endings.values()].filter(({ kind }) => kind === 'unfinished');
    expect(unfinished).toHaveLength(205);
  });
});

async function messageOf(here: Settling): Promise<string | undefined> {
  const found = await here.kube.get(namespaced('binding-a'));
  const status = found?.['status'] as { conditions: { message: string }[] };
  return status.conditions[0]?.message;
}

type Rejected = Extract<WriteResult<undefined>, { kind: 'rejected' }>;
type Refusal = UncertainError | Awaited<ReturnType<Settling['cluster']['deleteOutput']>>;

describe('a withdrawal that is refused', () => {
  const policy: Refusal = { kind: 'rejected', forbidden: false, message: 'denied by policy keep' };
  const answers: readonly (readonly [string, Refusal])[] = [
    ['by an admission policy', policy],
    ['by our own role', { kind: 'rejected', forbidden: true, message: 'denied by policy keep' }],
    ['in a way that leaves open whether it was', new UncertainError('denied by policy keep')],
  ];

  async function refusing(first: Refusal) {
    const by: { refusal: Refusal | undefined } = { refusal: first };
    const here = await createSettling(() => ({
      deleteOutput: () => {
        const { refusal } = by;
        if (refusal instanceof Error) return Promise.reject(refusal);
        return refusal && Promise.resolve(refusal);
      },
    }));
    await here.create(pool(), objective(), binding());
    await here.settle(['binding-a']);
    const [live] = await here.outputs();
    return { here, by, name: live?.metadata.name };
  }

  test.each(answers)('%s, is said once and waits', async (_case, refusal) => {
    const { here, by, name } = await refusing(refusal);
    await here.edit(pool(), label(''));
    const { endings } = await here.settle(['binding-a']);
    expect(await here.ready('binding-a')).toBe('Unknown DeletionRejected');
    const message = `ClusterSPIFFEID ${name} must be deleted, and the API server refuses: denied by policy keep`;
    expect(await messageOf(here)).toBe(message);
    expect(endings.get('binding-a')).toEqual({ kind: 'waiting', message });
    expect(here.writes).toEqual(['deleteOutput', 'replaceStatus']);

    by.refusal = { kind: 'rejected', forbidden: false, message: 'denied, request 4711' };
    const again = await here.settle(['binding-a']);
    expect(here.writes).toEqual(['deleteOutput']);
    expect(again.endings.get('binding-a')?.kind).toBe('waiting');
    expect(await messageOf(here)).toBe(message);
  });

  test.each(answers)('%s, is carried out when it is allowed', async (_case, refusal) => {
    const { here, by } = await refusing(refusal);
    await here.edit(pool(), label(''));
    await here.settle(['binding-a']);
    expect(await here.outputs()).toHaveLength(1);
    by.refusal = undefined;
    await here.settle(['binding-a']);
    expect(await here.outputs()).toEqual([]);
    expect(await here.ready('binding-a')).toBe('False InvalidPoolSelector');
  });

  test('is said of a binding that is being deleted too, which stays until its output is gone', async () => {
    const { here, by } = await refusing(policy);
    await here.remove(binding());
    expect((await here.settle(['binding-a'])).endings.get('binding-a')?.kind).toBe('waiting');
    expect(await here.ready('binding-a')).toBe('Unknown DeletionRejected');
    by.refusal = undefined;
    await here.settle(['binding-a']);
    expect(await here.ready('binding-a')).toBe('nothing');
    expect(await here.outputs()).toEqual([]);
  });

  test('frees nobody: only what goes is a reason to look after others', async () => {
    const { here } = await refusing(policy);
    await here.create(binding('binding-b', { containerName: 'other' }));
    await here.settle(['binding-b']);
    await here.edit(pool(), label(''));
    const { endings } = await here.settle(['binding-a']);
    expect([...endings.keys()]).toEqual(['binding-a']);
  });

  test('with many words is said with the first of them', async () => {
    const words = 'no '.repeat(10_000);
    const { here } = await refusing({ kind: 'rejected', forbidden: false, message: words });
    await here.edit(pool(), label(''));
    await here.settle(['binding-a']);
    expect((await messageOf(here))?.length).toBeLessThan(1_000);
  });
});

describe('a finalizer that the API server does not let us write', () => {
  const denied: Rejected = { kind: 'rejected', forbidden: false, message: 'denied, request 1' };

  async function denying() {
    const by: { refusal: Rejected | undefined } = { refusal: denied };
    const here = await createSettling(() => ({
      patchFinalizers: () => by.refusal && Promise.resolve(by.refusal),
    }));
    await here.create(pool(), objective(), binding());
    return { here, by };
  }

  test('is said once, and put on when it is allowed', async () => {
    const { here, by } = await denying();
    const { endings } = await here.settle(['binding-a']);
    const message = 'the API server refuses to add the finalizer: denied, request 1';
    expect(endings.get('binding-a')).toEqual({ kind: 'waiting', message });
    expect([await here.ready('binding-a'), await messageOf(here)]).toEqual([
      'Unknown FinalizerRejected',
      message,
    ]);

    by.refusal = { ...denied, message: 'denied, request 2' };
    const again = await here.settle(['binding-a']);
    expect(again.endings.get('binding-a')?.kind).toBe('waiting');
    expect([here.writes, await messageOf(here)]).toEqual([['patchFinalizers'], message]);

    by.refusal = undefined;
    await here.settle(['binding-a']);
    expect(await here.ready('binding-a')).toBe('True Reconciled');
  });

  test('leaves no output in force that must go, where it was taken off by hand', async () => {
    const { here, by } = await denying();
    by.refusal = undefined;
    await here.settle(['binding-a']);
    await here.kube.edit(namespaced('binding-a'), { metadata: { finalizers: [] } });
    by.refusal = denied;
    await here.settle(['binding-a']);
    expect(await here.outputs()).toHaveLength(1);
    await here.edit(pool(), label(''));
    await here.settle(['binding-a']);
    expect(await here.outputs()).toEqual([]);
    expect(await messageOf(here)).toBe('the API server refuses to add the finalizer: denied, request 1');
  });

  test('is not tried for a crowd by each of its members', async () => {
    const { here } = await denying();
    const names = ['binding-b', 'binding-c', 'binding-d'];
    await here.create(...names.map((name) => binding(name, { containerName: name })));
    await here.settle(['binding-a', ...names]);
    await here.settle(['binding-b']);
    expect(here.writes).toEqual(['patchFinalizers']);
  });

  test('holds a deletion, which says so when its output is gone', async () => {
    const { here, by } = await denying();
    by.refusal = undefined;
    await here.settle(['binding-a']);
    by.refusal = denied;
    await here.remove(binding());
    await here.settle(['binding-a']);
    expect(await here.outputs()).toEqual([]);
    expect(await messageOf(here)).toBe('the API server refuses to remove the finalizer: denied, request 1');
    by.refusal = undefined;
    await here.settle(['binding-a']);
    expect(await here.ready('binding-a')).toBe('nothing');
  });
});

test('a claim that a wrong clock dated ahead holds a deletion for the quarantine, and its POST is not sent', async () => {
  const here = await createSettling(() => ({
    createOutput: () => Promise.reject(new UncertainError('no answer')),
  }));
  await here.create(pool(), objective(), binding());
  await here.settle(['binding-a']);
  await here.kube.edit(
    namespaced('binding-a'),
    { status: { claim: { at: '2099-01-01T00:00:00Z' } } },
    'status',
  );
  await here.remove(binding());
  const { endings } = await here.settle(['binding-a']);
  expect(endings.get('binding-a')?.kind).toBe('waiting');
  expect(here.writes).toEqual(['replaceStatus']);
  const found = await here.kube.get(namespaced('binding-a'));
  const status = found?.['status'] as { claim: { at: string; nonce: string } } | undefined;
  expect(status?.claim.nonce).toBe('nonce-1');
  expect(status?.claim.at).toMatch(/^20[2-8]/);
  expect(found?.metadata.finalizers).toHaveLength(1);
});

describe('what the answer to a write means', () => {
  test.each([
    ['a stale status is collected again', { replaceStatus: async () => ({ kind: 'stale' as const }) }, 12],
    ['a stale output is collected again', { createOutput: async () => ({ kind: 'stale' as const }) }, 12],
  ])('%s', async (_case, override, most) => {
    const here = await createSettling(() => override);
    await here.create(pool(), objective(), binding());
    const run = await here.settle(['binding-a']);
    expect(run.collects).toBeLessThanOrEqual(most);
    expect(run.endings.get('binding-a')?.kind).toBe('waiting');
    expect(await here.ready('binding-a')).not.toBe('True Reconciled');
  });

  test('a status that is rejected is trouble, and not about the binding', async () => {
    const here = await createSettling(() => ({
      replaceStatus: async () => ({ kind: 'rejected', forbidden: true, message: 'no permission' }),
    }));
    await here.create(pool(), objective(), binding());
    const run = await here.settle(['binding-a']);
    expect(run.endings.get('binding-a')).toEqual({
      kind: 'waiting',
      message: 'the API server refuses to write the status of binding-a: no permission',
    });
  });

  test('an output that is forbidden is reported, and tried again', async () => {
    const here = await createSettling(() => ({
      createOutput: async () => ({ kind: 'rejected', forbidden: true, message: 'no permission' }),
    }));
    await here.create(pool(), objective(), binding());
    const run = await here.settle(['binding-a']);
    expect(run.endings.get('binding-a')?.kind).toBe('waiting');
    expect(await here.ready('binding-a')).toBe('False OutputForbidden');
  });

  test('an output that is stored with other content is withdrawn and reported', async () => {
    const here = await createSettling((real) => ({
      createOutput: (wanted, options) =>
        real.createOutput({ ...wanted, spec: { ...wanted.spec, fallback: true } }, options),
    }));
    await here.create(pool(), objective(), binding());
    await here.settle(['binding-a']);
    expect(await here.ready('binding-a')).toBe('False OutputRefused');
    expect(await here.outputs()).toEqual([]);
  });
});

test('a run has no limit but its time', async () => {
  const here = await createSettling();
  const names = Array.from({ length: 205 }, (_, index) => `binding-${index}`);
  await here.create(pool(), ...names.map((name) => poolBinding(name)));
  const { endings } = await here.settle(names);
  expect([...endings.values()]).toEqual(names.map(() => ({ kind: 'converged' })));
});

describe('a run is over', () => {
  const order: string[] = [];
  const events = {
    record: () => void order.push('record'),
    flush: async () => {
      await new Promise((resolve) => void setImmediate(resolve));
      order.push('flushed');
    },
  };

  test.each([
    ['it has worked', {}, ['record', 'record', 'flushed', 'over']],
    [
      'the API server could not be read',
      { readBinding: () => Promise.reject(new UncertainError('no')) },
      ['flushed', 'over'],
    ],
    ['it has met a bug', { readBinding: () => Promise.reject(new TypeError('a bug')) }, ['flushed', 'over']],
  ])('when every Event is written, after %s', async (_case, override, expected) => {
    order.length = 0;
    const here = await createSettling(() => override);
    await here.create(pool(), objective(), binding());
    const run = here.settle(['binding-a'], { events }).catch(() => undefined);
    await run.then(() => order.push('over'));
    expect(order).toEqual(expected);
  });
});
