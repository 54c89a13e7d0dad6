import { describe, expect, test } from 'vitest';
import type { Binding } from '../api/binding.ts';
import type { Output } from '../api/cluster-spiffe-id.ts';
import { UncertainError } from '../api/uncertain-error.ts';
import {
  type Changes,
  asking,
  bindingOf,
  storedCluster,
  creating,
  digestOf,
  outputOf,
  owning,
  undeleted,
} from '../../test/support/stored-cluster.ts';
import { collectAlone, isSmallNamespace } from './collect-alone.ts';
import { readSourcesOf } from './read-new-bindings.ts';
import { createRunCache } from './run-cache.ts';

const now = '2026-01-01T00:10:00Z';
/** As the run has just announced it. */
const own = bindingOf('b', {}, { status: creating('b', now) });
const pooled = bindingOf('b', { mode: 'PoolOnly' }, { status: { observedGeneration: 1 } });

interface Scene {
  readonly bindings?: readonly Binding[];
  readonly outputs?: readonly Output[];
  readonly announced?: readonly Binding[];
  readonly changes?: Changes;
  /** In a namespace of few bindings. */
  readonly isSmall?: boolean;
}

/** What a collectFromFewLists shows a run that has announced these bindings. */
async function collectFromFewLists({
  bindings = [own],
  outputs = [],
  announced = [own],
  changes = {},
  isSmall = false,
}: Scene) {
  const { cluster, calls } = storedCluster({ bindings, outputs }, { changes });
  const cache = createRunCache();
  cache.isSmallNamespace = isSmall;
  for (const binding of announced) cache.bindings.set(binding.metadata.name, binding);
  await readSourcesOf(cluster, 'default', announced, cache);
  const before = calls.length;
  const names = announced.map(({ metadata }) => metadata.name);
  const snapshot = await collectAlone(cluster, { namespace: 'default', names }, cache);
  return { snapshot, calls: calls.slice(before) };
}

/** So many others under its service account, all at rest. */
function others(count: number): Binding[] {
  return Array.from({ length: count }, (_, index) =>
    bindingOf(
      `o-${index}`,
      {},
      { generation: 1, status: { ...owning(`o-${index}`), observedGeneration: 1 } },
    ),
  );
}

describe('a binding that was just announced is alone', () => {
  test('where only its own announcement shows', async () => {
    const { snapshot, calls } = await collectFromFewLists({});
    expect([...(snapshot?.bindings.keys() ?? [])]).toEqual(['b']);
    expect(snapshot?.outputs).toEqual([]);
    expect(snapshot?.clock.now).toMatch(/^2026-01-01T00:10:/);
    expect([...new Set(calls)].toSorted()).toEqual([
      'list bindings spec.serviceAccountName=sa most 32',
      'list bindings status.claim.kind!=,status.claim.kind!=creating,status.claim.kind!=owning',
      `list bindings status.keyDigest=${digestOf('b')}`,
      'list outputs !key',
      'list outputs binding-name=b',
      `list outputs key=${digestOf('b')}`,
    ]);
  });

  test('beside others that only share its service account: of them it shows overlaps', async () => {
    const { snapshot } = await collectFromFewLists({ bindings: [own, ...others(3)] });
    expect([...(snapshot?.partial ?? [])]).toEqual(['o-0', 'o-1', 'o-2']);
    expect(snapshot?.isNarrow).toBeUndefined();
  });

  test('beside many others, of which it shows none', async () => {
    const { snapshot } = await collectFromFewLists({ bindings: [own, ...others(33)] });
    expect([...(snapshot?.bindings.keys() ?? [])]).toEqual(['b']);
    expect(snapshot?.isNarrow).toBe(true);
  });

  test('without a key, where it has no output', async () => {
    const { snapshot, calls } = await collectFromFewLists({ bindings: [pooled], announced: [pooled] });
    expect([...(snapshot?.bindings.keys() ?? [])]).toEqual(['b']);
    expect(calls.toSorted()).toEqual([
      'list bindings spec.serviceAccountName=sa most 32',
      'list outputs binding-name=b',
      'read binding b',
    ]);
  });
});

describe('in a namespace of few bindings, a binding that was just announced is alone', () => {
  test('beside others: two lists show all of them, and it looks at those of its service account', async () => {
    const bindings = [own, ...others(3), bindingOf('elsewhere', { serviceAccountName: 'other' })];
    const { snapshot, calls } = await collectFromFewLists({ bindings, isSmall: true });
    expect([...(snapshot?.bindings.keys() ?? [])].toSorted()).toEqual(['b', 'o-0', 'o-1', 'o-2']);
    expect([...(snapshot?.partial ?? [])]).toEqual(['o-0', 'o-1', 'o-2']);
    expect(snapshot?.isNarrow).toBeUndefined();
    expect(calls.toSorted()).toEqual(['list bindings most 32', 'list outputs']);
  });

  test('beside outputs of other keys', async () => {
    const outputs = [outputOf('o-0')];
    const { snapshot } = await collectFromFewLists({ bindings: [own, ...others(1)], outputs, isSmall: true });
    expect(snapshot?.outputs).toEqual([]);
  });

  test('without a key, where it has no output', async () => {
    const scene = { bindings: [pooled], announced: [pooled], isSmall: true };
    expect([...((await collectFromFewLists(scene)).snapshot?.bindings.keys() ?? [])]).toEqual(['b']);
  });

  test('unless they have become many', async () => {
    const { snapshot } = await collectFromFewLists({ bindings: [own, ...others(32)], isSmall: true });
    expect(snapshot).toBeUndefined();
  });
});

describe('a namespace', () => {
  test.each([
    [1, true],
    [32, true],
    [33, false],
  ])('of %i bindings has few: %s', async (count, isSmall) => {
    const { cluster } = storedCluster({ bindings: [own, ...others(count - 1)] });
    expect(await isSmallNamespace(cluster, 'default', [own])).toBe(isSmall);
  });

  test('has many, if the API server does not say', async () => {
    const { cluster } = storedCluster({ bindings: [own] });
    const silent = { ...cluster, listBindings: () => Promise.reject(new UncertainError('too large')) };
    expect(await isSmallNamespace(silent, 'default', [own])).toBe(false);
  });
});

const peer = (status: Binding['status']) => ({ bindings: [own, bindingOf('peer', {}, { status })] });
const moving = {
  ...owning('peer'),
  claim: { ...owning('peer').claim, kind: 'replacing', base: '1' },
} as const;

describe('only a collect can tell', () => {
  test.each<[string, Scene]>([
    ['another one asks for its key', peer(asking('b'))],
    ['another one has announced its key', peer(creating('peer', now, 'b'))],
    ['another one owns its key', peer(owning('peer', 'b'))],
    [
      'another one is moving from its key',
      peer({ ...moving, claim: { ...moving.claim, previousKeyDigest: digestOf('b') } } as Binding['status']),
    ],
    [
      'a claim cannot be read',
      peer({ claim: { kind: 'unreadable', words: 'what?', serviceAccountName: 'sa' } }),
    ],
    ['a neighbour is not at rest', peer(asking('peer'))],
    ['a neighbour asks for its key, and cannot be withdrawn', peer(undeleted('peer'))],
    ['it was written since', { bindings: [{ ...own, metadata: { ...own.metadata, resourceVersion: '2' } }] }],
    ['it is gone', { bindings: [] }],
    ['it has an output', { outputs: [outputOf('b')] }],
    ['another one has an output of its key', { outputs: [outputOf('peer', { container: 'b' })] }],
    ['an output does not say its key', { outputs: [outputOf('operated', { labels: { key: undefined } })] }],
  ])('where %s', async (_case, scene) => {
    expect((await collectFromFewLists(scene)).snapshot).toBeUndefined();
    expect((await collectFromFewLists({ ...scene, isSmall: true })).snapshot).toBeUndefined();
  });

  // A cache lags behind the announcements, or has more outputs without a label than an answer may have.
  test.each([
    ['listBindings', false],
    ['listOutputs', false],
    ['listBindings', true],
    ['listOutputs', true],
  ] as const)('where %s is not answered (few bindings: %s)', async (call, isSmall) => {
    const { cluster } = storedCluster({ bindings: [own] });
    const cache = createRunCache();
    cache.isSmallNamespace = isSmall;
    cache.bindings.set('b', own);
    await readSourcesOf(cluster, 'default', [own], cache);
    const broken = { ...cluster, [call]: () => Promise.reject(new UncertainError('too large')) };
    expect(await collectAlone(broken, { namespace: 'default', names: ['b'] }, cache)).toBeUndefined();
  });
});
