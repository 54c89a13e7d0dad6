import { describe, expect, test } from 'vitest';
import { UncertainError } from '../../shared/api/uncertain-error.ts';
import type { Cluster } from '../../shared/kube/cluster.ts';
import type { Settings } from '../../shared/identity/settings.ts';
import { binding, objective, pool } from '../../test/support/manifests.ts';
import { type Override, createSettling } from '../../test/support/settling.ts';
import { testSettings } from '../../test/support/test-cluster.ts';
import { reconcileNamespace } from './reconcile-namespace.ts';

const names = Array.from({ length: 60 }, (_, index) => `binding-${String(index).padStart(2, '0')}`);

interface Large {
  /** How many bindings the namespace seems to have. */
  readonly count?: number;
  /** How long each of them is as JSON. */
  readonly length?: number;
  readonly toContainer?: (name: string) => string;
  readonly override?: (real: Cluster) => Override;
}

/** For which of the names the namespace must be read, and which are named for a reason of their own. */
interface Asking {
  readonly whole?: readonly string[];
  readonly own?: readonly string[];
  readonly settings?: Settings;
}

/** A namespace with sixty new bindings, of which the API server says that it has many more. */
async function openNamespace({
  count = 50_000,
  length = 3_000,
  toContainer = (name) => name,
  override,
}: Large = {}) {
  const wholeLists: string[] = [];
  let time = 0;
  const here = await createSettling((real) => ({
    listBindings: async (where) => {
      if (where.field !== undefined) return real.listBindings(where);
      if (where.most === undefined) wholeLists.push(where.namespace ?? '');
      const listed = await real.listBindings(where);
      if (listed === 'unserved' || where.most === undefined) return listed;
      const { items } = listed;
      return { ...listed, remaining: count - items.length, length: items.length * length };
    },
    ...override?.(real),
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
    run: (asked: readonly string[], { whole = [], own = [], settings = testSettings }: Asking = {}) => {
      const named = { namespace: 'team-a', names: asked, whole: new Set(whole), own: new Set(own) };
      return reconcileNamespace(named, settings, tools);
    },
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

  test.each([
    ['3,840 usual ones are listed', { count: 3_840 }, true],
    ['of more, portions are made', { count: 3_841 }, false],
    ['of 200 with large annotations too', { count: 200, length: 250_000 }, false],
  ])('of a namespace of bindings: %s', async (_what, large, isListed) => {
    const { run, wholeLists } = await openNamespace(large);
    expect(kindsOf(await run(names)).converged).toHaveLength(60);
    expect(wholeLists.length > 0).toBe(isListed);
  });

  test('are not listed either if they are as many as a sixteenth of it', async () => {
    const { run, wholeLists } = await openNamespace({ count: 16_400 });
    const gone = Array.from({ length: 1_000 }, (_, index) => `gone-${index}`);
    expect(kindsOf(await run([...names, ...gone])).converged).toHaveLength(1_060);
    expect(wholeLists).toEqual([]);
  });

  test('are listed with new ones that nobody has named yet', async () => {
    const { run, wholeLists } = await openNamespace({ count: 3_840 });
    const result = await run(names.slice(0, 30));
    expect(wholeLists.length).toBeGreaterThan(0);
    expect(kindsOf(result).converged).toHaveLength(60);
  });

  test('are not listed with others that were refused', async () => {
    const { here, run, wholeLists } = await openNamespace({
      count: 3_840,
      toContainer: (name) => (name < 'binding-30' ? name : 'main'),
    });
    await here.settle(names.slice(30));
    wholeLists.length = 0;
    await run(names.slice(0, 30));
    expect(wholeLists).toEqual([]);
  });

  test('that need a look at the whole of it have one, beside the others', async () => {
    const { run, wholeLists } = await openNamespace();
    const result = await run(names, { whole: ['binding-07'] });
    expect(new Set(wholeLists)).toEqual(new Set(['team-a']));
    expect(kindsOf(result).converged).toHaveLength(60);
  });

  test('are one run after all if they collide: each portion would read all of them', async () => {
    const crowd = await openNamespace({ toContainer: () => 'main', count: 10_000 });
    for (let index = 60; index < 400; index++) await crowd.here.create(binding(`more-${index}`));
    const result = await crowd.run(names);
    expect(crowd.wholeLists.length).toBeGreaterThan(0);
    // Of two portions that meet, one may tell of a claim which the other has given up by then: it is named again.
    const left = names.filter((name) => result.endings.get(name)?.kind !== 'converged');
    const again = await crowd.run(left);
    expect(left.map((name) => again.endings.get(name)?.kind)).toEqual(left.map(() => 'converged'));
    for (const name of names) expect(await crowd.here.ready(name)).toBe('False IdentityCollision');
  });

  test('are left to another request when the time is over', async () => {
    const { run, spend } = await openNamespace({
      override: () => ({ createOutput: () => spend(1_000) }),
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
      override: () => ({
        readBinding: (_namespace, name) =>
          name === 'binding-03' ? Promise.reject(new TypeError('a bug')) : undefined,
        replaceStatus: () => {
          if (isOver) writesAfter++;
          return undefined;
        },
      }),
    });
    const { failed = [], converged = [] } = kindsOf(await run(names));
    isOver = true;
    expect([failed.length, converged.length]).toEqual([24, 36]);
    await new Promise((resolve) => void setImmediate(resolve));
    expect(writesAfter).toBe(0);
  });

  test('of which one makes another wait say so, although its own portion found it right', async () => {
    const { here, run } = await openNamespace({
      override: () => ({
        deleteOutput: () => Promise.reject(new UncertainError('no answer')),
      }),
    });
    await run(names);
    await here.edit(binding('binding-00'), { spec: { containerName: 'binding-59' } });
    const { endings } = await run(names);
    expect(endings.get('binding-59')).toMatchObject({ kind: 'waiting' });
    expect(await here.ready('binding-59')).toBe('Unknown DeletionRejected');
  });
});

/** The namespace once all have been reconciled, and what is called from then on. */
async function openSettled(override: (real: Cluster) => Override = () => ({})) {
  let isSettled = false;
  const opened = await openNamespace({
    override: (real) => {
      const late = Object.entries(override(real)).map(([method, answer]) => [
        method,
        (...args: never[]) => (isSettled ? (answer as (...args: never[]) => unknown)(...args) : undefined),
      ]);
      return Object.fromEntries(late) as Override;
    },
  });
  await opened.run(names);
  isSettled = true;
  opened.here.calls.length = 0;
  opened.here.writes.length = 0;
  return opened;
}

describe('many names of a large namespace, each named for what it showed', () => {
  test('cost some reads by name if they do not show it any more', async () => {
    const { here, run } = await openSettled();
    expect(kindsOf(await run(names, { own: names })).converged).toHaveLength(60);
    expect(here.calls.filter((call) => call === 'getBinding')).toHaveLength(60);
    expect(new Set(here.calls)).toEqual(new Set(['listBindings', 'getBinding', 'getPool', 'getObjective']));
    expect(here.calls.filter((call) => call === 'listBindings')).toHaveLength(1);
  });

  test('are looked at if they still show it', async () => {
    const { here, run } = await openSettled();
    for (const name of ['binding-01', 'binding-58'])
      await here.edit(binding(name), { spec: { containerName: `other-${name}` } });
    const { endings, collects } = await run(names, { own: names });
    expect(kindsOf({ endings, collects, writes: 0, announcements: 0 }).converged).toHaveLength(60);
    // Both moved: announced, changed, confirmed.
    expect([here.writes.length, collects]).toEqual([6, 6]);
  });

  test('are looked at if their pool is another one by now', async () => {
    const { here, run } = await openSettled();
    await here.edit(pool(), { spec: { selector: { matchLabels: { app: 'next' } } } });
    await run(names, { own: names });
    expect(here.writes).toHaveLength(180);
  });

  test('are looked at if anybody has named them for anything else', async () => {
    const { here, run } = await openSettled();
    await run(names, { own: names.slice(1) });
    expect(here.calls).toContain('readBinding');
  });

  test('are looked at if they are gone: they may have left an output', async () => {
    const { here, run } = await openSettled();
    await here.edit(binding('binding-07'), { metadata: { finalizers: null } });
    await here.remove(binding('binding-07'));
    await run(names, { own: names });
    expect(await here.outputs()).toHaveLength(59);
  });

  test('are looked at if the API server does not say what they show', async () => {
    const { here, run } = await openSettled(() => ({
      getBinding: () => Promise.reject(new UncertainError('no answer')),
    }));
    expect(kindsOf(await run(names, { own: names })).converged).toHaveLength(60);
    expect(here.calls.filter((call) => call === 'readBinding')).toHaveLength(60);
  });

  test('are all told of a bug that is met when they are read, and the others are looked at', async () => {
    const { run } = await openSettled(() => ({
      getBinding: () => Promise.reject(new TypeError('a bug')),
    }));
    const { failed = [], converged = [] } = kindsOf(await run(names, { own: names.slice(0, 20) }));
    expect([failed.length, converged.length]).toEqual([20, 40]);
  });

  test('and of which a portion has ended for one are looked at, whatever they show', async () => {
    const ended = Promise.withResolvers<void>();
    let isFirst = true;
    const lookedAt: string[] = [];
    const { here, run } = await openSettled((real) => ({
      readBinding: (_namespace, name) => void lookedAt.push(name),
      // It is read when another binding, which takes its container, has tried to withdraw it and to say so.
      getBinding: async (namespace, name) => {
        if (name === 'binding-59' && isFirst) {
          isFirst = false;
          await ended.promise;
        }
        return real.getBinding(namespace, name);
      },
      deleteOutput: () => Promise.reject(new UncertainError('no answer')),
      replaceStatus: (_namespace, { name }) => {
        if (name !== 'binding-59') return undefined;
        setImmediate(ended.resolve);
        return Promise.reject(new UncertainError('no answer'));
      },
    }));
    await here.edit(binding('binding-00'), { spec: { containerName: 'binding-59' } });
    await run(names, { own: ['binding-59'] });
    expect(isFirst).toBe(false);
    expect(lookedAt).toContain('binding-59');
  });

  test('are left as they were named when the time is over', async () => {
    const { run, spend } = await openSettled(() => ({
      getBinding: () => spend(1_000),
    }));
    const { converged = [], 'not-begun': left = [] } = kindsOf(await run(names, { own: names }));
    expect([converged.length, left.length]).toEqual([48, 12]);
  });
});

test('one list of the namespace is read if it is not much longer than the names', async () => {
  const { run, wholeLists } = await openNamespace({ count: 900 });
  expect(kindsOf(await run(names)).converged).toHaveLength(60);
  expect(wholeLists.length).toBeGreaterThan(0);
});

describe('where overlaps are refused, many names of a large namespace', () => {
  const settings = { ...testSettings, overlapPolicy: 'refuse' } as const;

  test('are taken in portions if their keys are of one shape', async () => {
    const { run, wholeLists } = await openNamespace();
    expect(kindsOf(await run(names, { settings })).converged).toHaveLength(60);
    expect(wholeLists).toEqual([]);
  });

  test('are one run if their keys have several shapes', async () => {
    const { here, run, wholeLists } = await openNamespace();
    for (const name of names.filter((_name, index) => index % 2 === 0))
      await here.edit(binding(name), { spec: { podLabels: { role: name } } });
    expect(kindsOf(await run(names, { settings })).converged).toHaveLength(60);
    expect(wholeLists).toHaveLength(2);
  });

  test('are one run if many others have keys of another shape', async () => {
    const { here, run, wholeLists } = await openNamespace();
    const others = Array.from({ length: 257 }, (_, index) => `other-${index}`);
    await here.create(
      ...others.map((name) => binding(name, { containerName: name, podLabels: { role: 'decode' } })),
    );
    await run(others, { settings });
    wholeLists.length = 0;
    expect(kindsOf(await run(names, { settings })).converged).toHaveLength(60);
    expect(wholeLists).toHaveLength(2);
  });
});

test('where overlaps are refused, many names take what is new in the namespace, and a few do not', async () => {
  const settings = { ...testSettings, overlapPolicy: 'refuse' } as const;
  const many = await (await openNamespace({ count: 300 })).run(names.slice(0, 25), { settings });
  expect(kindsOf(many).converged).toHaveLength(60);
  const few = await (await openNamespace()).run(names.slice(0, 24), { settings });
  expect(kindsOf(few).converged).toHaveLength(24);
});

describe('where overlaps are refused, bindings that were all named for what they showed', () => {
  const settings = { ...testSettings, overlapPolicy: 'refuse' } as const;
  const few = names.slice(0, 24);

  test('cost no list if they do not show it any more', async () => {
    const { here, run } = await openSettled();
    expect(kindsOf(await run(few, { settings, own: few })).converged).toHaveLength(24);
    expect(new Set(here.calls)).toEqual(new Set(['getBinding', 'getPool', 'getObjective']));
  });

  test('are looked at if one of them still shows it', async () => {
    const { here, run } = await openSettled();
    for (const name of few.slice(12))
      await here.edit(binding(name), { spec: { containerName: `other-${name}` } });
    expect(kindsOf(await run(few, { settings, own: few })).converged).toHaveLength(24);
    expect(here.writes).toHaveLength(3 * 12);
  });

  test('are looked at if anybody has named one of them for anything else', async () => {
    const { here, run } = await openSettled();
    await run(few, { settings, own: few.slice(1) });
    expect(here.calls).toContain('listOutputs');
  });

  test('are looked at if the API server does not say what they show', async () => {
    let isFirst = true;
    const { here, run } = await openSettled(() => ({
      getPool: () => {
        if (!isFirst) return undefined;
        isFirst = false;
        return Promise.reject(new UncertainError('no answer'));
      },
    }));
    expect(kindsOf(await run(few, { settings, own: few })).converged).toHaveLength(24);
    expect(here.calls).toContain('listOutputs');
  });
});

describe('a few names', () => {
  test('of which one needs a look at the whole of a large namespace do not take what is new there', async () => {
    const { run, wholeLists } = await openNamespace();
    const result = await run(names.slice(0, 5), { whole: names.slice(0, 1) });
    expect(wholeLists.length).toBeGreaterThan(0);
    expect([...result.endings.keys()].toSorted()).toEqual(names.slice(0, 5));
  });

  test.each([
    [5, 80],
    [24, 384],
  ])(
    '%i of them cost one list of a namespace of %i, whose new bindings are taken too',
    async (few, count) => {
      const { here, run, wholeLists } = await openNamespace({ count });
      expect(kindsOf(await run(names.slice(0, few))).converged).toHaveLength(60);
      expect(wholeLists.length).toBeGreaterThan(0);
      expect(here.calls).not.toContain('readBinding');
    },
  );

  test.each([
    [4, 5],
    [5, 81],
    [24, 385],
  ])('%i of them are looked at alone in one of %i', async (few, count) => {
    const { run, wholeLists } = await openNamespace({ count });
    expect(kindsOf(await run(names.slice(0, few))).converged).toHaveLength(few);
    expect(wholeLists).toEqual([]);
  });
});

test('if the API server does not say how many bindings there are, each binding says that it waits', async () => {
  const { run } = await openNamespace({
    override: () => ({ listBindings: () => Promise.reject(new UncertainError('no answer')) }),
  });
  expect(kindsOf(await run(names)).waiting).toHaveLength(60);
});
