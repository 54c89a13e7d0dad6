import { describe, expect, test } from 'vitest';
import { UncertainError } from '../../shared/api/uncertain-error.ts';
import type { FieldQuery } from '../../shared/kube/cluster.ts';
import { binding, objective, output, pool } from '../../test/support/manifests.ts';
import { type Override, type Settling, createSettling } from '../../test/support/settling.ts';
import { testSettings } from '../../test/support/test-cluster.ts';
import { reconcileBindings } from './reconcile-bindings.ts';

const settings = { ...testSettings, overlapPolicy: 'refuse' } as const;
const shared = { poolRef: { name: 'pool-of-wide' }, objectiveRef: { name: 'objective-of-wide' } };
const image = {
  containerName: undefined,
  containerImage: `registry.example.org/model@sha256:${'a'.repeat(64)}`,
};

function namesOf(prefix: string, count: number): string[] {
  return Array.from({ length: count }, (_, index) => `${prefix}-${index}`);
}

/** A service account that is not read whole: forty bindings with a pool each, and as many as may overlap with another. */
async function openLarge({ peers = 0, override }: { peers?: number; override?: () => Override } = {}) {
  const wide: string[] = [];
  const here = await createSettling((real) => ({
    listBindings: async (where) => {
      const fields: readonly FieldQuery[] = [where.field ?? []].flat();
      const [first] = fields;
      const isOfAccount = first === undefined || (fields.length === 1 && first.path.endsWith('AccountName'));
      if (isOfAccount && where.most === undefined) wide.push(first?.path ?? 'namespace');
      return await real.listBindings(where);
    },
    ...override?.(),
  }));
  for (const name of namesOf('alike', 40)) await createWithPool(here, name);
  await here.create(
    pool('pool-of-wide', { app: 'shared' }),
    objective('objective-of-wide', { name: 'pool-of-wide' }),
  );
  const names = namesOf('peer', peers);
  await here.create(...names.map((name) => binding(name, { ...shared, containerName: name })));
  let nonces = 0;
  const run = async (...asked: readonly string[]) => {
    wide.length = 0;
    const task = { namespace: 'team-a', names: asked };
    const { endings } = await reconcileBindings(task, settings, {
      cluster: here.cluster,
      events: { record: () => undefined, flush: async () => undefined },
      nonce: () => `nonce-${nonces++}`,
      elapsed: () => 0,
      yieldToOthers: async () => undefined,
    });
    return Object.fromEntries([...endings].map(([name, { kind }]) => [name, kind]));
  };
  await run(...namesOf('alike', 40), ...names);
  return { here, names, wide, run };
}

async function createWithPool(
  here: Settling,
  name: string,
  spec: Record<string, unknown> = {},
): Promise<void> {
  const references = { poolRef: { name: `pool-of-${name}` }, objectiveRef: { name: `objective-of-${name}` } };
  await here.create(
    pool(`pool-of-${name}`, { app: name }),
    objective(`objective-of-${name}`, { name: `pool-of-${name}` }),
    binding(name, { ...references, ...spec }),
  );
}

/** A binding that waits, because somebody holds the output of a peer that is gone. */
async function openWaiting() {
  const opened = await openLarge({ peers: 1 });
  const { here, run } = opened;
  const found = (await here.outputs()).find(({ metadata }) => metadata.name.includes('peer-0'));
  const held = output(found?.metadata.name ?? '');
  await here.edit(held, { metadata: { finalizers: ['example.org/hold'] } });
  await here.remove(binding('peer-0'));
  expect(await run('peer-0')).toEqual({ 'peer-0': 'waiting' });
  await here.create(binding('wide', { ...shared, ...image }));
  expect(await run('wide')).toMatchObject({ wide: 'waiting' });
  return { ...opened, held };
}

async function readyOf(here: Settling, names: readonly string[]): Promise<Set<string>> {
  return new Set(await Promise.all(names.map((name) => here.ready(name))));
}

describe('in a large service account', () => {
  test.each([3, 19, 20, 30])(
    'a binding that %i others overlap with is refused with all of them, and when it goes all recover',
    async (peers) => {
      const { here, names, run } = await openLarge({ peers });
      expect(await readyOf(here, names)).toEqual(new Set(['True Reconciled']));
      await here.create(binding('wide', { ...shared, ...image }));
      await run('wide');
      expect(await readyOf(here, ['wide', ...names])).toEqual(new Set(['False PossibleOverlap']));
      await here.remove(binding('wide'));
      await run('wide');
      expect(await readyOf(here, names)).toEqual(new Set(['True Reconciled']));
    },
  );

  test.each([
    ['goes', 0],
    ['goes', 20],
    ['goes', 41],
    ['is edited', 42],
  ])(
    'all recover too if it %s, the run dies after %i writes, and the event comes again',
    async (what, writes) => {
      let left = Infinity;
      const { here, names, run } = await openLarge({
        peers: 30,
        override: () => ({
          replaceStatus: () =>
            left-- > 0 ? undefined : Promise.reject(new UncertainError('the run is dead')),
        }),
      });
      await here.create(binding('wide', { ...shared, ...image }));
      await run('wide');
      const wide = await here.cluster.getBinding('team-a', 'wide');
      const recorded = typeof wide === 'object' ? (wide.status?.conflicts ?? []).map(({ name }) => name) : [];
      expect(recorded).toHaveLength(20);
      if (what === 'goes') await here.remove(binding('wide'));
      else await here.edit(binding('wide'), { spec: { containerName: 'alone', containerImage: null } });
      left = writes;
      await run('wide', ...recorded);
      left = Infinity;
      await run('wide', ...recorded);
      // What a dead run has announced waits for its time.
      expect(await readyOf(here, names)).not.toContain('False PossibleOverlap');
    },
  );

  test.each([19, 25])(
    'an overlap of %i others that is at rest costs nobody else a list of the account',
    async (peers) => {
      const { here, wide, run } = await openLarge({ peers });
      await here.create(binding('wide', { ...shared, ...image }));
      await run('wide');
      await createWithPool(here, 'new');
      expect(await run('new')).toEqual({ new: 'converged' });
      expect(wide).toEqual([]);
      expect(await run('alike-3')).toEqual({ 'alike-3': 'converged' });
      expect(wide).toEqual([]);
    },
  );

  describe('a binding that waits for the output of a peer', () => {
    test.each([
      ['an event of another', async () => undefined],
      ['the end of another', async (here: Settling) => await here.remove(binding('alike-3'))],
    ])('costs %s no list of the account, nor a wait', async (_what, change) => {
      const { here, wide, run } = await openWaiting();
      await change(here);
      expect(await run('alike-3')).toEqual({ 'alike-3': 'converged' });
      expect(wide).toEqual([]);
    });

    test('recovers by the event of the peer, whoever let the output go', async () => {
      const { here, run, held } = await openWaiting();
      await here.edit(held, { metadata: { finalizers: null } });
      await run('peer-0');
      expect(await here.ready('wide')).toBe('True Reconciled');
    });
  });

  test('a move that is stuck, with many peers, costs nobody else a list of the account, nor a wait', async () => {
    let [isKept, isCut] = [false, false];
    const { here, wide, run } = await openLarge({
      peers: 25,
      override: () => ({
        deleteOutput: () =>
          isKept ? Promise.resolve({ kind: 'rejected', forbidden: false, message: 'no' }) : undefined,
        replaceOutput: () => (isCut ? Promise.reject(new UncertainError('no answer')) : undefined),
      }),
    });
    await here.create(binding('mover', { ...shared, podLabels: { role: 'm' }, containerName: 'c1' }));
    expect(await run('mover')).toEqual({ mover: 'converged' });
    isCut = true;
    await here.edit(binding('mover'), { spec: { containerName: 'c2' } });
    await run('mover');
    [isKept, isCut] = [true, false];
    await here.edit(binding('mover'), {
      spec: { podLabels: null, containerName: null, containerImage: image.containerImage },
    });
    await run('mover');
    expect(await here.ready('mover')).toBe('Unknown DeletionRejected');
    expect(await run('alike-3')).toEqual({ 'alike-3': 'converged' });
    expect(await run('alike-3')).toEqual({ 'alike-3': 'converged' });
    expect(wide).toEqual([]);
  });

  test('bindings of another shape in another account are not read', async () => {
    const { here, wide, run } = await openLarge();
    for (const name of namesOf('other', 3))
      await createWithPool(here, name, { serviceAccountName: 'other-sa', podLabels: { role: name } });
    await run(...namesOf('other', 3));
    here.calls.length = 0;
    expect(await run('alike-3')).toEqual({ 'alike-3': 'converged' });
    expect(wide).toEqual([]);
    expect(here.calls.filter((call) => call === 'getPool')).toHaveLength(2);
  });
});
