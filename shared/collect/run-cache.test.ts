import { describe, expect, test } from 'vitest';
import {
  type StoredObjects,
  asking,
  bindingOf,
  storedCluster,
  nameOf,
  outputOf,
  owning,
  written,
} from '../../test/support/stored-cluster.ts';
import { createObjective, createPool, exampleSettings } from '../../test/support/inference.ts';
import type { Binding } from '../api/binding.ts';
import type { Cluster, WriteResult } from '../kube/cluster.ts';
import { collect } from './collect.ts';
import { readNewBindings, readSourcesOf } from './read-new-bindings.ts';
import { type RunCache, createRunCache, cacheWrites } from './run-cache.ts';

const own = bindingOf('b', {}, { status: owning('b') });
const peer = bindingOf('peer', {}, { status: asking('b') });
const start = { bindings: [own, peer], outputs: [outputOf('b')] };
const sourcesOf = (name: string, objective = 'objective') => [
  `get pool ${name} of inference.networking.k8s.io`,
  `get pool ${name} of inference.networking.x-k8s.io`,
  ...['llm-d.ai', 'inference.networking.x-k8s.io', 'inference.networking.k8s.io'].map(
    (group) => `get objective ${objective} of ${group}`,
  ),
];

function collectFor(cluster: Cluster, cache: RunCache, names: readonly string[] = ['b']) {
  return collect(cluster, { namespace: 'default', names, isWhole: false, settings: exampleSettings }, cache);
}

interface Between {
  readonly names?: readonly string[];
  readonly write?: (port: Cluster) => Promise<unknown>;
  /** What the run's write left, where others have written once more by the next collect. */
  readonly answered?: Binding;
}

/** Which pools and objectives a second collect reads, after the cluster has changed and the run has written something. */
async function readAgain(
  change: Partial<StoredObjects>,
  { names = ['b'], write, answered }: Between = {},
): Promise<string[]> {
  const changing = storedCluster(start);
  const cache = createRunCache();
  await collectFor(changing.cluster, cache);
  changing.change(change);
  const left = answered ? { ...changing.stored(), bindings: [answered] } : changing.stored();
  if (write) await write(cacheWrites({ ...changing.cluster, ...answering(left) }, cache));
  const before = changing.calls.length;
  await collectFor(changing.cluster, cache, names);
  return changing.calls.slice(before).filter((call) => /get (?:pool|objective)/.test(call));
}

/** Writes that leave the objects as the cluster stores them by now. */
function answering({ bindings, outputs }: StoredObjects): Partial<Cluster> {
  const ofBinding = () => answer(bindings);
  const ofOutput = () => answer(outputs);
  return {
    patchFinalizers: ofBinding,
    replaceStatus: ofBinding,
    createOutput: ofOutput,
    replaceOutput: ofOutput,
    deleteOutput: async () => ({ kind: 'written', object: undefined }),
  };
}

async function answer<T>(stored: readonly T[] | 'unserved'): Promise<WriteResult<T>> {
  const object = stored === 'unserved' ? undefined : stored[0];
  return object === undefined ? { kind: 'stale' } : { kind: 'written', object };
}

const aim = { name: 'b', uid: 'uid-b', resourceVersion: '1' };
const aimAtOutput = { name: nameOf('b'), uid: `uid-${nameOf('b')}`, resourceVersion: '1' };
const newOutput = { metadata: { name: nameOf('b'), labels: {}, annotations: {} }, spec: {} } as never;

describe('pools and objectives that a run has read', () => {
  test('are not read again while bindings and outputs are as it left them', async () => {
    expect(await readAgain({})).toEqual([]);
  });

  test.each<[string, Partial<StoredObjects>, (port: Cluster) => Promise<unknown>]>([
    ['its status', { bindings: [written(own), peer] }, (port) => port.replaceStatus('default', aim, {})],
    [
      'its finalizers',
      { bindings: [written(own), peer] },
      (port) => port.patchFinalizers('default', aim, []),
    ],
    ['its output', { outputs: [written(outputOf('b'))] }, (port) => port.replaceOutput(outputOf('b'))],
    [
      'its output anew',
      { outputs: [outputOf('b', { uid: 'another' })] },
      (port) => port.createOutput(newOutput),
    ],
    ['that its output goes', { outputs: [] }, (port) => port.deleteOutput(aimAtOutput)],
  ])('are not read again where the run itself has written %s', async (_what, change, write) => {
    expect(await readAgain(change, { write })).toEqual([]);
  });

  test.each<[string, Partial<StoredObjects>]>([
    ['a binding was written by others', { bindings: [written(own), peer] }],
    [
      'a binding is another one of the same name',
      { bindings: [{ ...own, metadata: { ...own.metadata, uid: 'another' } }, peer] },
    ],
    ['a binding is gone, of which an output is left', { bindings: [peer] }],
    ['an output was written by others', { outputs: [written(outputOf('b'))] }],
    ['an output is another one of the same name', { outputs: [outputOf('b', { uid: 'another' })] }],
    ['an output is gone', { outputs: [] }],
    [
      'there is a new output',
      {
        outputs: [
          outputOf('b'),
          { ...outputOf('b'), metadata: { ...outputOf('b').metadata, name: 'kleym-second' } },
        ],
      },
    ],
  ])('are read again where %s', async (_why, change) => {
    expect(await readAgain(change)).toEqual(sourcesOf('pool'));
  });

  test('are read again where others have written after the run did', async () => {
    const calls = await readAgain(
      { bindings: [written(written(own)), peer] },
      { write: (port) => port.replaceStatus('default', aim, {}), answered: written(own) },
    );
    expect(calls).toEqual(sourcesOf('pool'));
  });

  test.each<[string, (port: Cluster) => Promise<unknown>]>([
    ['was only tried', (port) => port.createOutput(newOutput, { dryRun: true })],
  ])('are read again where a write %s', async (_what, write) => {
    expect(await readAgain({ outputs: [outputOf('b', { uid: 'another' })] }, { write })).toEqual(
      sourcesOf('pool'),
    );
  });

  test('are not read again for what is written of a neighbour', async () => {
    expect(await readAgain({ bindings: [own, written(peer)] })).toEqual([]);
  });

  test('are read again where the run takes up a neighbour, whom it did not see in its care', async () => {
    expect(await readAgain({}, { names: ['b', 'peer'] })).toEqual(sourcesOf('pool'));
  });

  test('are completed by those that are named now, and were not looked for', async () => {
    const moved = written({
      ...peer,
      spec: { ...peer.spec, poolRef: { name: 'second' }, objectiveRef: { name: 'other' } },
    });
    const calls = await readAgain({
      bindings: [own, moved],
      pools: [createPool({ matchLabels: { app: 'x' } }, 'second')],
      objectives: [createObjective({ name: 'second' }, 'other')],
    });
    expect(calls).toEqual(
      // What is not served was found not to be served.
      sourcesOf('second', 'other').filter(
        (call) =>
          call.endsWith('inference.networking.k8s.io') === call.startsWith('get pool') &&
          !call.includes('x-k8s.io'),
      ),
    );
  });
});

describe('a few bindings that are read by name', () => {
  const fresh = bindingOf('fresh');

  test('are seen with the time, and nobody else is read', async () => {
    const { cluster, calls } = storedCluster({ bindings: [own, fresh, peer] });
    const cache = createRunCache();
    const found = await readNewBindings(cluster, { namespace: 'default', names: ['fresh', 'nobody'] }, cache);
    expect(found.map(({ binding, clock }) => [binding.metadata.name, clock.now])).toEqual([
      ['fresh', '2026-01-01T00:10:01Z'],
    ]);
    expect(calls).toEqual(['read binding fresh', 'read binding nobody']);
  });

  test('have pools that are not asked for again by the collect that follows, where it finds all as it was', async () => {
    const { cluster, calls } = storedCluster({ bindings: [fresh] });
    const cache = createRunCache();
    await readNewBindings(cluster, { namespace: 'default', names: ['fresh'] }, cache);
    await readSourcesOf(cluster, 'default', [fresh], cache);
    const before = calls.length;
    await collectFor(cluster, cache, ['fresh']);
    expect(calls.slice(before).filter((call) => /get (?:pool|objective)/.test(call))).toEqual([]);
  });
});
