import { pino } from 'pino';
import { describe, expect, test } from 'vitest';
import type { Cluster } from '../../shared/kube/cluster.ts';
import { UncertainError } from '../../shared/kube/uncertain-error.ts';
import { binding, objective, output, pool, poolBinding } from '../../test/support/drafts.ts';
import { postEvent, silentApp } from '../../test/support/post-event.ts';
import { answer, scriptedApiServer, status } from '../../test/support/scripted-api-server.ts';
import { type Override, createSettling } from '../../test/support/settling.ts';
import { testSettings } from '../../test/support/test-cluster.ts';
import { reconcile } from './reconcile.ts';

const type = 'red.sonda.kleym.bindings.affected';

function appOn(cluster: Cluster, elapsed: () => number = () => 0) {
  let nonces = 0;
  const log = pino({ level: 'silent' });
  const options = { cluster, settings: testSettings, log, nonce: () => `nonce-${nonces++}`, elapsed };
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
    const here = await prepare();
    let elapsed = 0;
    const app = appOn(here.cluster, () => (elapsed += 15_000));
    expect(await postEvent(app, naming('binding-a', 'binding-b'))).toEqual({
      status: 200,
      bindings: [{ namespace: 'team-a', names: ['binding-a', 'binding-b'] }],
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
      error: { reason: expect.stringContaining('we lack the permission') },
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
      getBinding: async (...args) => {
        await gate.promise;
        return real.getBinding(...args);
      },
    }));
    const app = appOn(here.cluster);
    const first = postEvent(app, naming('binding-a'));
    await expect.poll(() => here.calls.length).toBe(1);
    const others = [postEvent(app, naming('binding-b')), postEvent(app, naming('binding-b', 'binding-a'))];
    await new Promise((resolve) => void setImmediate(resolve));
    expect(here.calls).toEqual(['getBinding']);
    gate.resolve();
    expect(await Promise.all([first, ...others])).toEqual([
      { status: 204 },
      { status: 204 },
      { status: 204 },
    ]);
    expect(here.calls.filter((call) => call === 'createOutput')).toHaveLength(2);
  });
});
