import { describe, expect, test } from 'vitest';
import { UncertainError } from '../../shared/api/uncertain-error.ts';
import type { Settings } from '../../shared/identity/settings.ts';
import { binding, objective, pool } from '../../test/support/manifests.ts';
import { type Override, createSettling } from '../../test/support/settling.ts';
import { testSettings } from '../../test/support/test-cluster.ts';
import { reconcileNamespace } from './reconcile-namespace.ts';

const names = Array.from({ length: 60 }, (_, index) => `binding-${String(index).padStart(2, '0')}`);

interface Large {
  /** How many bindings the namespace seems to have. */
  readonly count?: number;
  readonly toContainer?: (name: string) => string;
  readonly override?: Override;
}

/** A namespace with sixty new bindings, of which the API server says that it has many more. */
async function openNamespace({ count = 50_000, toContainer = (name) => name, override = {} }: Large = {}) {
  const wholeLists: string[] = [];
  let time = 0;
  const here = await createSettling((real) => ({
    listBindings: async (where) => {
      if (where.field !== undefined) return real.listBindings(where);
      if (where.most !== 1) wholeLists.push(where.namespace ?? '');
      const listed = await real.listBindings(where);
      return listed === 'unserved' || where.most !== 1 ? listed : { ...listed, remaining: count - 1 };
    },
    ...override,
  }));
  await here.create(pool(), objective());
  for (const name of names) await here.create(binding(name, { containerName: toContainer(name) }));
  let nonces = 0;
  const tools = {
    cluster: here.cluster,
    events: { record: () => undefined, flush: async () => undefined },
    nonce: () => `nonce-${nonces++}`,
    elapsed: () => time,
    yieldToOthers: async () => undefined,
  };
  return {
    here,
    wholeLists,
    spend: (ms: number): undefined => {
      time += ms;
    },
    run: (asked: readonly string[], whole: readonly string[] = [], settings: Settings = testSettings) =>
      reconcileNamespace({ namespace: 'team-a', names: asked, whole: new Set(whole) }, settings, tools),
  };
}

const kindsOf = ({ endings }: Awaited<ReturnType<typeof reconcileNamespace>>) =>
  Object.groupBy([...endings.values()], ({ kind }) => kind);

describe('many names of a large namespace', () => {
  test('are reconciled without a list of it', async () => {
    const { here, run, wholeLists } = await openNamespace();
    const result = await run(names);
    expect(wholeLists).toEqual([]);
    expect(kindsOf(result).converged).toHaveLength(60);
    expect(await here.outputs()).toHaveLength(60);
    expect(here.writes).toHaveLength(4 * 60);
    expect([result.writes, result.announcements]).toEqual([180, 120]);
  });

  test('that need a look at the whole of it have one, beside the others', async () => {
    const { run, wholeLists } = await openNamespace();
    const result = await run(names, ['binding-07']);
    expect(new Set(wholeLists)).toEqual(new Set(['team-a']));
    expect(kindsOf(result).converged).toHaveLength(60);
  });

  test('are one run after all if they collide: each portion would read all of them', async () => {
    const crowd = await openNamespace({ toContainer: () => 'main', count: 10_000 });
    for (let index = 60; index < 400; index++) await crowd.here.create(binding(`more-${index}`));
    const result = await crowd.run(names);
    expect(crowd.wholeLists.length).toBeGreaterThan(0);
    expect(names.map((name) => result.endings.get(name)?.kind)).toEqual(names.map(() => 'converged'));
    expect(await crowd.here.ready('binding-00')).toBe('False IdentityCollision');
  });

  test('are left to another request when the time is over', async () => {
    const { run, spend } = await openNamespace({
      override: { createOutput: () => spend(1_000) },
    });
    const result = await run(names);
    const { converged = [], unfinished = [] } = kindsOf(result);
    expect(converged.length).toBeGreaterThan(20);
    expect(unfinished.length).toBeGreaterThan(0);
    expect(converged.length + unfinished.length).toBe(60);
  });

  test('are all told of a bug that one portion meets, and nothing is written afterwards', async () => {
    let isOver = false;
    let writesAfter = 0;
    const { run } = await openNamespace({
      override: {
        readBinding: (_namespace, name) =>
          name === 'binding-03' ? Promise.reject(new TypeError('a bug')) : undefined,
        replaceStatus: () => {
          if (isOver) writesAfter++;
          return undefined;
        },
      },
    });
    const { failed = [], converged = [] } = kindsOf(await run(names));
    isOver = true;
    expect([failed.length, converged.length]).toEqual([24, 36]);
    await new Promise((resolve) => void setImmediate(resolve));
    expect(writesAfter).toBe(0);
  });

  test('of which one makes another wait say so, although its own portion found it right', async () => {
    const { here, run } = await openNamespace({
      override: {
        deleteOutput: () => Promise.reject(new UncertainError('no answer')),
      },
    });
    await run(names);
    await here.edit(binding('binding-00'), { spec: { containerName: 'binding-59' } });
    const { endings } = await run(names);
    expect(endings.get('binding-59')).toMatchObject({ kind: 'waiting' });
    expect(await here.ready('binding-59')).toBe('Unknown DeletionRejected');
  });
});

describe('one list of the namespace is read', () => {
  test.each([
    ['if it is not much longer than the names', 900, testSettings],
    [
      'if overlaps are refused, whatever its length',
      50_000,
      { ...testSettings, overlapPolicy: 'refuse' } as const,
    ],
  ])('%s', async (_when, count, settings) => {
    const { run, wholeLists } = await openNamespace({ count });
    expect(kindsOf(await run(names, [], settings)).converged).toHaveLength(60);
    expect(wholeLists.length).toBeGreaterThan(0);
  });
});

test('if the API server does not say how many bindings there are, each binding says that it waits', async () => {
  const { run } = await openNamespace({
    override: { listBindings: () => Promise.reject(new UncertainError('no answer')) },
  });
  expect(kindsOf(await run(names)).waiting).toHaveLength(60);
});
