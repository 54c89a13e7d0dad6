import { pino } from 'pino';
import { describe, expect, test } from 'vitest';
import type { Cluster } from '../../shared/kube/cluster.ts';
import { UncertainError } from '../../shared/api/uncertain-error.ts';
import { binding, objective, output, pool, poolBinding } from '../../test/support/manifests.ts';
import { postEvent, silentApp } from '../../test/support/post-event.ts';
import { answer, scriptedApiServer, status } from '../../test/support/scripted-api-server.ts';
import { type Override, type Settling, createSettling } from '../../test/support/settling.ts';
import { testSettings } from '../../test/support/test-cluster.ts';
import { reconcile } from './reconcile.ts';

const type = 'red.sonda.kleym.bindings.affected';
const yieldToOthers = async () => undefined;
const sleep = async () => undefined;

function appOn(cluster: Cluster, elapsed: () => number = () => 0) {
  let nonces = 0;
  const log = pino({ level: 'silent' });
  const nonce = () => `nonce-${nonces++}`;
  const options = { cluster, settings: testSettings, log, nonce, elapsed, yieldToOthers, sleep };
  return silentApp(reconcile(options), 'reconcile');
}

function naming(...names: string[]) {
  return { attributes: { type }, data: { bindings: [{ namespace: 'team-a', names }] } };
}

async function prepare(override?: (real: Cluster) => Override) {
  const here = await createSettling(override);
  await here.create(pool(), objective(), binding(), poolBinding('binding-b'));
  return here;
}

/** More bindings than are looked at one by one. */
async function crowd(here: Settling): Promise<string[]> {
  const names = Array.from({ length: 205 }, (_, index) => `binding-${String(index).padStart(3, '0')}`);
  await here.create(pool(), ...names.map((name) => poolBinding(name)));
  return names;
}

async function saidOf(here: Settling, names: readonly string[]): Promise<string[]> {
  return [...new Set(await Promise.all(names.map((name) => here.ready(name))))];
}

describe('reconcile answers', () => {
  test('204 when all bindings are at rest', async () => {
    const here = await prepare();
    expect(await postEvent(appOn(here.cluster), naming('binding-a', 'binding-b'))).toEqual({ status: 204 });
    expect(await here.ready('binding-a')).toBe('True Reconciled');
    expect(await here.ready('binding-b')).toBe('True Reconciled');
  });

  test('204 to a binding that is refused: the user must act, and asking again helps nobody', async () => {
    const here = await prepare();
    await here.remove(pool());
    expect(await postEvent(appOn(here.cluster), naming('binding-a'))).toEqual({ status: 204 });
    expect(await here.ready('binding-a')).toBe('False TargetPoolNotFound');
  });

  test('200 with what it did not reach in time', async () => {
    let elapsed = 0;
    const here = await prepare(() => ({
      createOutput: () => {
        elapsed += 20_000;
        return undefined;
      },
    }));
    const app = appOn(here.cluster, () => elapsed);
    expect(await postEvent(app, naming('binding-a', 'binding-b'))).toEqual({
      status: 200,
      bindings: [{ namespace: 'team-a', names: ['binding-b'] }],
    });
  });

  test('503 where it came to nothing in its time: to ask a slow API server again at once makes it slower', async () => {
    let elapsed = 0;
    const here = await prepare(() => ({
      listOutputs: () => {
        elapsed += 20_000;
        return undefined;
      },
    }));
    const app = appOn(here.cluster, () => elapsed);
    expect(await postEvent(app, naming('binding-a'))).toMatchObject({
      status: 503,
      error: { reason: 'team-a/binding-a: not reached in time' },
    });
  });

  test('200 with a neighbour that it looked after by itself and could not bring to rest', async () => {
    const here = await createSettling(() => ({
      deleteOutput: () => Promise.reject(new UncertainError('no answer')),
    }));
    await here.create(pool(), objective(), objective('objective-b'), binding());
    await here.settle(['binding-a']);
    await here.create(binding('binding-b', { objectiveRef: { name: 'objective-b' } }));
    expect(await postEvent(appOn(here.cluster), naming('binding-b'))).toEqual({
      status: 200,
      bindings: [{ namespace: 'team-a', names: ['binding-a'] }],
    });
    expect(await here.ready('binding-b')).toBe('False IdentityCollision');
  });

  test('200 with who waits and its neighbour, which a 503 would lose; and then 503 for both', async () => {
    let isOut = false;
    const here = await createSettling(() => ({
      createOutput: () => (isOut ? Promise.reject(new UncertainError('no answer')) : undefined),
    }));
    await here.create(pool(), objective(), binding(), binding('binding-b'));
    await here.settle(['binding-a', 'binding-b']);
    await here.edit(binding(), { spec: { containerName: 'other' } });
    isOut = true;
    const app = appOn(here.cluster);
    const names = ['binding-a', 'binding-b'];
    expect(await postEvent(app, naming('binding-a'))).toEqual({
      status: 200,
      bindings: [{ namespace: 'team-a', names }],
    });
    expect(await postEvent(app, naming(...names))).toMatchObject({ status: 503 });
  });

  test('503 to many names, when all of them wait', async () => {
    const here = await createSettling(() => ({ listOutputs: async () => 'unserved' as const }));
    const names = await crowd(here);
    const app = appOn(here.cluster);
    const answers = [];
    for (let turn = 0; turn < 3; turn++) answers.push((await postEvent(app, naming(...names))).status);
    expect(answers).toEqual([503, 503, 503]);
    expect(await saidOf(here, names)).toEqual(['False ClusterSPIFFEIDCRDMissing']);
  });

  test('503 to many names, when no output of theirs can be deleted', async () => {
    let isKeeping = false;
    const refusal = { kind: 'rejected', forbidden: true, message: 'no permission' } as const;
    const here = await createSettling(() => ({
      deleteOutput: () => (isKeeping ? Promise.resolve(refusal) : undefined),
    }));
    const names = await crowd(here);
    const app = appOn(here.cluster);
    await postEvent(app, naming(...names));
    expect(await postEvent(app, naming(...names))).toEqual({ status: 204 });
    isKeeping = true;
    await here.edit(pool(), { spec: { selector: { matchLabels: { app: '' } } } });
    const answers = [];
    for (let turn = 0; turn < 4; turn++) answers.push((await postEvent(app, naming(...names))).status);
    expect(answers).toEqual([503, 503, 503, 503]);
    expect(await saidOf(here, names)).toEqual(['Unknown DeletionRejected']);
  });

  test('503 for an orphan that cannot be deleted, and the bindings beside it go on', async () => {
    const here = await prepare(() => ({
      deleteOutput: async () => ({ kind: 'rejected', forbidden: true, message: 'no permission' }),
    }));
    const labels = {
      'kleym.sonda.red/managed-by': 'kleym',
      'kleym.sonda.red/binding-name': 'gone',
      'kleym.sonda.red/binding-namespace': 'team-a',
    };
    await here.create(output('kleym-team-a-gone-pool-00000000', { hint: 'team-a/gone' }, { labels }));
    const answered = await postEvent(appOn(here.cluster), naming('binding-a', 'gone'));
    expect(answered).toMatchObject({
      status: 503,
      error: { reason: expect.stringContaining('team-a/gone: ') },
    });
    expect(await here.ready('binding-a')).toBe('True Reconciled');
  });

  test('503 where something is missing that may come by itself', async () => {
    const here = await prepare(() => ({
      createOutput: async () => ({ kind: 'rejected', forbidden: true, message: 'no permission' }),
    }));
    const answered = await postEvent(appOn(here.cluster), naming('binding-a'));
    expect(answered).toMatchObject({ status: 503, error: { error: 'not now' } });
  });

  test('503 where the API server leaves a question open', async () => {
    const here = await prepare(() => ({ getPool: () => Promise.reject(new UncertainError('no answer')) }));
    const answered = await postEvent(appOn(here.cluster), naming('binding-a', 'binding-b'));
    expect(answered).toEqual({
      status: 503,
      error: { error: 'not now', reason: 'team-a/binding-a: no answer' },
    });
  });

  test('503 with a reason that is short and gives nothing away', async () => {
    const words = `Bearer abc.def ${'no '.repeat(1_000)}`;
    const here = await prepare(() => ({ getPool: () => Promise.reject(new UncertainError(words)) }));
    const answered = await postEvent(appOn(here.cluster), naming('binding-a'));
    const { reason } = answered.error as { reason: string };
    expect(reason).toMatch(/^team-a\/binding-a: Bearer \[redacted\] no no/);
    expect(reason.length).toBeLessThan(600);
  });

  test('500 to a bug, after everything else is done', async () => {
    const here = await prepare(() => ({
      createOutput: ({ metadata }) =>
        metadata.name.includes('binding-a') ? Promise.reject(new TypeError('a bug')) : undefined,
    }));
    expect(await postEvent(appOn(here.cluster), naming('binding-a', 'binding-b'))).toMatchObject({
      status: 500,
    });
    expect(await here.ready('binding-b')).toBe('True Reconciled');
  });

  test.each([
    ['another event', { attributes: { type: 'dev.knative.sources.ping' }, data: {} }],
    ['data that names no bindings', { attributes: { type }, data: { names: ['a'] } }],
    [
      'a namespace that is none',
      { attributes: { type }, data: { bindings: [{ namespace: '../x', names: ['a'] }] } },
    ],
    [
      'a binding that is none',
      { attributes: { type }, data: { bindings: [{ namespace: 'team-a', names: ['a/b'] }] } },
    ],
    ['no data', { attributes: { type } }],
  ])('400 to %s, and asks nobody', async (_case, event) => {
    const here = await prepare();
    expect(await postEvent(appOn(here.cluster), event)).toMatchObject({ status: 400 });
    expect(here.calls).toEqual([]);
  });

  test('204 to an event that names nothing', async () => {
    const here = await prepare();
    expect(await postEvent(appOn(here.cluster), { attributes: { type }, data: { bindings: [] } })).toEqual({
      status: 204,
    });
  });
});

describe('reconcile on an API server that says no', () => {
  const path = '/apis/kleym.sonda.red/v1alpha1/namespaces/team-a/inferenceidentitybindings/a';

  test('answers 503 and the reason where it may not read bindings', async () => {
    const server = scriptedApiServer(answer('get', path, 403, status(403, 'Forbidden', 'no permission')));
    const answered = await postEvent(appOn(server.cluster), naming('a'));
    expect(answered).toMatchObject({
      status: 503,
      error: { reason: expect.stringContaining('kleym lacks the permission') },
    });
    expect(server.sent.map(({ request }) => request)).toEqual([`GET ${path}`]);
  });

  test('answers 503 where its own CRD is not installed', async () => {
    const server = scriptedApiServer(
      answer('get', path, 404, '404 page not found'),
      answer('get', '/apis/kleym.sonda.red/v1alpha1', 404, '404 page not found'),
    );
    const answered = await postEvent(appOn(server.cluster), naming('a'));
    expect(answered).toMatchObject({
      status: 503,
      error: { reason: expect.stringContaining('the InferenceIdentityBinding CRD is not installed') },
    });
  });
});

describe('requests for one namespace', () => {
  test('that arrive while it works are put together', async () => {
    const gate = Promise.withResolvers<void>();
    const here = await prepare((real) => ({
      readBinding: async (...args) => {
        await gate.promise;
        return real.readBinding(...args);
      },
    }));
    const app = appOn(here.cluster);
    const first = postEvent(app, naming('binding-a'));
    await expect.poll(() => here.calls.length).toBe(1);
    const others = [postEvent(app, naming('binding-b')), postEvent(app, naming('binding-b', 'binding-a'))];
    await new Promise((resolve) => void setImmediate(resolve));
    expect(here.calls).toEqual(['readBinding']);
    gate.resolve();
    expect(await Promise.all([first, ...others])).toEqual([
      { status: 204 },
      { status: 204 },
      { status: 204 },
    ]);
    expect(here.calls.filter((call) => call === 'createOutput')).toHaveLength(2);
  });

  test('name a neighbour that they have in common once, in the answer to the last of them', async () => {
    const gate = Promise.withResolvers<void>();
    const here = await createSettling((real) => ({
      readBinding: async (...args) => {
        if (args[1] === 'nobody') await gate.promise;
        return real.readBinding(...args);
      },
      deleteOutput: () => Promise.reject(new UncertainError('no answer')),
    }));
    await here.create(pool(), objective(), binding());
    await here.settle(['binding-a']);
    await here.create(binding('binding-b'), binding('binding-c'));
    const app = appOn(here.cluster);
    const requests = ['nobody', 'binding-c', 'binding-b'].map((name) => postEvent(app, naming(name)));
    await new Promise((resolve) => void setImmediate(resolve));
    gate.resolve();
    expect(await Promise.all(requests)).toEqual([
      { status: 204 },
      { status: 204 },
      { status: 200, bindings: [{ namespace: 'team-a', names: ['binding-a'] }] },
    ]);
  });
});
