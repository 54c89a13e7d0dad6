import { describe, expect, test } from 'vitest';
import { UncertainError } from '../../shared/kube/uncertain-error.ts';
import { binding, objective, output, pool, poolBinding } from '../../test/support/drafts.ts';
import { type Settling, createSettling } from '../../test/support/settling.ts';

const label = (app: string) => ({ spec: { selector: { matchLabels: { app } } } });

async function withBinding(draft = binding()): Promise<Settling> {
  const here = await createSettling();
  await here.create(pool(), objective(), objective('objective-b'), draft);
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
    ['patchFinalizers', 'patchStatus', 'createOutput', 'patchStatus'],
    2,
  ],
  [
    'an edited pool, PerObjective',
    async () => {
      const here = await withBinding();
      await here.edit(pool(), label('next'));
      return here;
    },
    ['patchStatus', 'replaceOutput', 'patchStatus'],
    3,
  ],
  [
    'an edited container',
    async () => {
      const here = await withBinding();
      await here.edit(binding(), { spec: { containerName: 'other' } });
      return here;
    },
    ['patchStatus', 'replaceOutput', 'patchStatus'],
    3,
  ],
  [
    'an edited service account',
    async () => {
      const here = await withBinding();
      await here.edit(binding(), { spec: { serviceAccountName: 'other-sa' } });
      return here;
    },
    ['patchStatus', 'replaceOutput', 'patchStatus'],
    3,
  ],
  [
    'an edited pool, PoolOnly',
    async () => {
      const here = await withBinding(poolBinding());
      await here.edit(pool(), label('next'));
      return here;
    },
    ['replaceOutput', 'patchStatus'],
    2,
  ],
  [
    'another objective, and so another name',
    async () => {
      const here = await withBinding();
      await here.edit(binding(), { spec: { objectiveRef: { name: 'objective-b' } } });
      return here;
    },
    ['deleteOutput', 'patchStatus', 'createOutput', 'patchStatus'],
    3,
  ],
  [
    'a claim that was lost',
    async () => {
      const here = await withBinding();
      await here.kube.edit(
        { ...binding(), metadata: { name: 'binding-a', namespace: 'team-a' } },
        { status: { claim: null } },
        'status',
      );
      return here;
    },
    ['patchStatus'],
    2,
  ],
  [
    'a pool that turned unsafe',
    async () => {
      const here = await withBinding();
      await here.edit(pool(), label(''));
      return here;
    },
    ['deleteOutput', 'patchStatus'],
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
    expect([...run.endings]).toEqual([['binding-a', expect.objectContaining({ kind: 'settled' })]]);
  });

  test('an output that is refused: withdrawn once, and then asked about without a write', async () => {
    const here = await createSettling(() => ({
      createOutput: async () => ({ kind: 'rejected', forbidden: false, message: 'denied' }),
    }));
    await here.create(pool(), objective(), binding());
    const first = await here.settle(['binding-a']);
    expect(here.writes).toEqual(['patchFinalizers', 'patchStatus', 'createOutput', 'patchStatus']);
    expect(first.endings.get('binding-a')).toMatchObject({ kind: 'settled' });
    expect(await here.ready('binding-a')).toBe('False OutputRefused');
    await here.settle(['binding-a']);
    expect(here.writes).toEqual([]);
    expect(here.calls.filter((call) => call === 'dry run')).toHaveLength(1);
  });

  test("kleym-operator's output with the same key: finalizer, correction, confirmation", async () => {
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
    expect(here.writes).toEqual(['patchFinalizers', 'replaceOutput', 'patchStatus']);
    expect(run.collects).toBe(3);
    expect(await here.ready('binding-a')).toBe('True Reconciled');
  });
});

describe('a run', () => {
  test('looks after the rival that its work sets free', async () => {
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

  test('withdraws the rival of a new binding, although nobody named it', async () => {
    const here = await withBinding();
    await here.create(binding('binding-b'));
    await here.settle(['binding-b']);
    expect([await here.ready('binding-a'), await here.ready('binding-b')]).toEqual([
      'False IdentityCollision',
      'False IdentityCollision',
    ]);
    expect(await here.outputs()).toEqual([]);
  });

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
    expect(endings.get('binding-b')).toMatchObject({ kind: 'settled' });
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
      message: expect.stringContaining('may still appear'),
    });
  });

  test('leaves what it could not reach in time to another request', async () => {
    let elapsed = 0;
    const here = await createSettling();
    await here.create(pool(), objective(), binding());
    const run = await here.settle(['binding-a'], { elapsed: () => (elapsed += 15_000) });
    expect(run.endings.get('binding-a')).toEqual({ kind: 'unfinished' });
  });

  test('does not send what it announced too long ago', async () => {
    let elapsed = 0;
    const here = await createSettling(() => ({
      patchStatus: () => {
        elapsed += 19_000;
        return undefined;
      },
      listOutputs: () => {
        elapsed += 600;
        return undefined;
      },
    }));
    await here.create(pool(), objective(), binding());
    await here.settle(['binding-a'], { elapsed: () => elapsed });
    expect(here.writes).not.toContain('createOutput');
    expect(await here.outputs()).toEqual([]);
  });

  test('gives up, and asks for patience, where others write the same object again and again', async () => {
    const here = await createSettling(() => ({ patchFinalizers: async () => ({ kind: 'stale' }) }));
    await here.create(pool(), objective(), binding());
    const run = await here.settle(['binding-a']);
    expect(run.collects).toBe(12);
    expect(run.endings.get('binding-a')).toEqual({
      kind: 'waiting',
      message: 'not at rest after 12 rounds: others write the same objects',
    });
  });

  test('of a binding that is not there is settled', async () => {
    const here = await createSettling();
    const run = await here.settle(['nobody']);
    expect([...run.endings]).toEqual([['nobody', expect.objectContaining({ kind: 'settled' })]]);
  });
});

describe('what the answer to a write means', () => {
  test.each([
    ['a stale status is collected again', { patchStatus: async () => ({ kind: 'stale' as const }) }, 12],
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
      patchStatus: async () => ({ kind: 'rejected', forbidden: true, message: 'no permission' }),
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

test('more names than one run should take are left for the reply', async () => {
  const here = await createSettling();
  const names = Array.from({ length: 205 }, (_, index) => `binding-${String(index).padStart(3, '0')}`);
  const { endings } = await here.settle(names);
  const left = [...endings].filter(([, { kind }]) => kind === 'unfinished').map(([name]) => name);
  expect(left).toEqual(['binding-200', 'binding-201', 'binding-202', 'binding-203', 'binding-204']);
});
