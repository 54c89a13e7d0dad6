import { describe, expect, test } from 'vitest';
import { binding, objective, pool, poolBinding } from '../support/manifests.ts';
import type { ProxiedRequest, Verdict } from '../support/fault-proxy.ts';
import type { Stored } from '../support/kube-client.ts';
import type { Settings } from '../../shared/identity/settings.ts';
import { type TestNamespace, type RunningStack, eventually, useCluster } from '../support/test-cluster.ts';

// A stack looks after all namespaces, so only one runs at a time.
const cluster = await useCluster();

/** Does something while a stack of these settings runs. */
async function withStack<T>(
  settings: Partial<Settings>,
  use: (stack: RunningStack) => Promise<T>,
): Promise<T> {
  const stack = await cluster.startStack(settings);
  try {
    return await use(stack);
  } finally {
    await stack.stop();
  }
}

/** Runs a stack that dies at the first request that fits: nothing of it is heard afterwards. */
async function dieAt(
  act: () => Promise<unknown>,
  fits: (request: ProxiedRequest) => boolean,
  verdict: Verdict,
): Promise<void> {
  const stack = await cluster.startStack();
  const died = Promise.withResolvers<void>();
  let dead = false;
  stack.proxy.intercept((request) => {
    if (dead) return 'cut before';
    if (!fits(request)) return 'pass';
    dead = true;
    died.resolve();
    return verdict;
  });
  await act();
  await died.promise;
  await stack.stop();
}

/** An output that was created, but not confirmed, and that has lost what it is listed by. */
async function loseLabels(here: TestNamespace): Promise<Stored> {
  await dieAt(() => here.create(binding()), isCall(here, 'POST', 'clusterspiffeids'), 'cut after');
  const [created] = await here.outputs();
  if (!created) throw new Error('the output did not come');
  return here.edit(created, { metadata: { labels: null } });
}

async function prepare(): Promise<TestNamespace> {
  const here = await cluster.namespace();
  await here.create(pool(), objective(), objective('objective-b'));
  return here;
}

function isCall(here: TestNamespace, method: string, part: string): (request: ProxiedRequest) => boolean {
  return (request) =>
    request.method === method &&
    request.path.includes(part) &&
    `${request.path} ${request.body}`.includes(here.name);
}

describe('a restart with other settings', () => {
  test('with another trust domain replaces every output by one under a new name', async () => {
    const here = await prepare();
    const before = await withStack({}, async () => {
      await here.create(binding());
      return here.ready('binding-a');
    });
    await withStack({ trustDomain: 'example.org' }, () =>
      eventually(async () => {
        const after = await here.ready('binding-a');
        expect(after['spec']).toMatchObject({
          spiffeIDTemplate: `spiffe://example.org/ns/${here.name}/objective/objective-a`,
        });
        expect(after.metadata.name).not.toBe(before.metadata.name);
        expect((await here.status('binding-a')).trustDomain).toBe('example.org');
      }),
    );
    await here.delete(binding());
    await withStack({}, () => here.gone('binding-a'));
  });

  test('with a class name changes outputs in place, and so does one without it', async () => {
    const here = await prepare();
    const before = await withStack({}, async () => {
      await here.create(poolBinding());
      return here.ready('binding-a');
    });
    await withStack({ className: 'kleym' }, () =>
      eventually(async () => {
        const after = await here.ready('binding-a');
        expect(after['spec']).toMatchObject({ className: 'kleym' });
        expect(after.metadata.labels).toMatchObject({ 'spire.spiffe.io/class-name': 'kleym' });
        expect(after.metadata.uid).toBe(before.metadata.uid);
        expect((await here.status('binding-a')).clusterSPIFFEIDClassName).toBe('kleym');
      }),
    );
    await withStack({}, () =>
      eventually(async () => {
        const after = await here.ready('binding-a');
        expect(after['spec']).toEqual(before['spec']);
        expect(after.metadata.labels).toEqual(before.metadata.labels);
        expect((await here.status('binding-a')).clusterSPIFFEIDClassName).toBeUndefined();
      }),
    );
  });

  test('without the namespace selector removes it from outputs', async () => {
    const here = await prepare();
    await here.create(poolBinding());
    await withStack({}, () => here.ready('binding-a'));
    await withStack({ namespaceSelector: false }, () =>
      eventually(async () => {
        const { spec } = await here.ready('binding-a');
        expect(spec).not.toHaveProperty('namespaceSelector');
      }),
    );
  });

  test.each([
    ['a small service account', 0],
    ['one of many bindings', 40],
  ])(
    'with overlaps refused withdraws the outputs of overlaps that were only reported, in %s',
    async (_of, others) => {
      const here = await prepare();
      const names = Array.from({ length: others }, (_, index) => `other-${index}`);
      await here.create(...names.map((name) => binding(name, { containerName: name })));
      await here.create(
        pool('pool-b', { app: 'model-server', tier: 'gpu' }),
        objective('objective-c', { name: 'pool-b' }),
      );
      const wide = binding();
      const narrow = binding('binding-b', {
        poolRef: { name: 'pool-b' },
        objectiveRef: { name: 'objective-c' },
      });
      await here.create(wide, narrow);
      await withStack({}, async () => {
        await here.ready('binding-a');
        await here.ready('binding-b');
        for (const name of names) await here.ready(name);
      });
      await withStack({ overlapPolicy: 'refuse' }, async () => {
        expect(await here.refused('binding-a', 'Conflict', 'PossibleOverlap')).toBe(
          'identity overlap with bindings binding-b: one container may match them all, and KLEYM_OVERLAP_POLICY is refuse; make the container names or the pool labels differ',
        );
        await here.refused('binding-b', 'Conflict', 'PossibleOverlap');
        await here.edit(narrow, { spec: { containerName: 'other' } });
        await here.ready('binding-a');
        await here.ready('binding-b');
        for (const name of names)
          await eventually(async () => {
            const { labels } = (await here.ready(name)).metadata;
            expect(labels).toHaveProperty(['kleym.sonda.red/key-shape']);
          });
      });
    },
  );
});

describe('bindings that were created while no function ran', () => {
  test('are reconciled when the functions start', async () => {
    const here = await prepare();
    await here.create(binding());
    await withStack({}, () => here.ready('binding-a'));
  });

  test('are cleaned up when they were deleted too', async () => {
    const here = await prepare();
    await here.create(binding());
    await withStack({}, () => here.ready('binding-a'));
    await here.delete(binding());
    await withStack({}, () => here.gone('binding-a'));
  });
});

function create(here: TestNamespace): () => Promise<unknown> {
  return () => here.create(binding());
}

function edit(here: TestNamespace): () => Promise<unknown> {
  return () => here.edit(binding(), { spec: { containerName: 'other' } });
}

function remove(here: TestNamespace): () => Promise<unknown> {
  return () => here.delete(binding());
}

describe('after a process dies between two calls another one finishes its work', () => {
  test.each([
    ['before the finalizer', 'PATCH', 'inferenceidentitybindings', 'cut before', create],
    ['after the finalizer', 'PATCH', 'inferenceidentitybindings', 'cut after', create],
    ['before the announcement', 'PUT', '/status', 'cut before', create],
    ['after the announcement', 'PUT', '/status', 'cut after', create],
    ['before the output', 'POST', 'clusterspiffeids', 'cut before', create],
    ['after the output', 'POST', 'clusterspiffeids', 'cut after', create],
    ['before a move was announced', 'PUT', '/status', 'cut before', edit],
    ['after a move was announced', 'PUT', '/status', 'cut after', edit],
    ['before a move', 'PUT', 'clusterspiffeids', 'cut before', edit],
    ['after a move', 'PUT', 'clusterspiffeids', 'cut after', edit],
    ['before a withdrawal', 'DELETE', 'clusterspiffeids', 'cut before', remove],
    ['after a withdrawal', 'DELETE', 'clusterspiffeids', 'cut after', remove],
    ['before it lets go', 'PATCH', 'inferenceidentitybindings', 'cut before', remove],
    ['after it let go', 'PATCH', 'inferenceidentitybindings', 'cut after', remove],
  ] as const)('%s', async (_case, method, part, verdict, act) => {
    const here = await prepare();
    if (act !== create) {
      await here.create(binding());
      await withStack({}, () => here.ready('binding-a'));
    }
    // The body of a DELETE names no namespace, but the name of the output does.
    await dieAt(act(here), isCall(here, method, part), verdict);
    await withStack({}, async (stack) => {
      // What was announced may still land for a while; nobody has to sit and wait for that here.
      stack.proxy.advanceClock(200_000);
      stack.sweep();
      if (act === remove) return here.gone('binding-a');
      const container = act === edit ? 'other' : 'main';
      return eventually(async () => {
        const { spec } = await here.ready('binding-a');
        expect(spec).toMatchObject({
          workloadSelectorTemplates: expect.arrayContaining([`k8s:container-name:${container}`]),
        });
      });
    });
    expect(await here.outputs()).toHaveLength(act === remove ? 0 : 1);
  });

  test('an output that loses its labels before it was confirmed is restored in place', async () => {
    const here = await prepare();
    const { metadata } = await loseLabels(here);
    await withStack({}, async (stack) => {
      stack.proxy.advanceClock(200_000);
      stack.sweep();
      expect((await here.ready('binding-a')).metadata.uid).toBe(metadata.uid);
    });
  });

  test('an output that loses its labels before it was confirmed is deleted with its binding', async () => {
    const here = await prepare();
    const lost = await loseLabels(here);
    await here.delete(binding());
    await withStack({}, async (stack) => {
      stack.proxy.advanceClock(200_000);
      stack.sweep();
      await here.gone('binding-a');
      expect(await here.isGone(lost)).toBe(true);
    });
  });

  test('a peer waits while the POST of a dead process may still land', async () => {
    const here = await prepare();
    await dieAt(() => here.create(binding()), isCall(here, 'POST', 'clusterspiffeids'), 'cut before');
    await here.edit(binding(), { spec: { containerName: 'other' } });
    await here.create(binding('binding-b', { objectiveRef: { name: 'objective-b' } }));
    await withStack({}, async (stack) => {
      await eventually(async () => {
        const { conditions = [] } = await here.status('binding-b');
        expect([conditions[0]?.status, conditions[0]?.reason]).toEqual(['Unknown', 'Waiting']);
        expect(conditions[0]?.message).toBe(
          'binding binding-a still holds the same pods, service account and container',
        );
      });
      expect(await here.outputs()).toEqual([]);
      stack.proxy.advanceClock(200_000);
      stack.sweep();
      await here.ready('binding-a');
      await here.ready('binding-b');
    });
  });
});
