import { describe, expect, it } from 'vitest';
import { answer, scriptedApiServer, status } from '../../test/support/scripted-api-server.ts';
import { ForbiddenError, UncertainError } from '../api/uncertain-error.ts';

const pools = {
  group: 'inference.networking.k8s.io',
  version: 'v1',
  kind: 'InferencePool',
  plural: 'inferencepools',
} as const;
const objectives = {
  group: 'llm-d.ai',
  version: 'v1alpha2',
  kind: 'InferenceObjective',
  plural: 'inferenceobjectives',
} as const;

const poolsPath = '/apis/inference.networking.k8s.io/v1/namespaces/team-a/inferencepools';
const poolPath = `${poolsPath}/llama`;
const bindingsPath = '/apis/kleym.sonda.red/v1alpha1/namespaces/team-a/inferenceidentitybindings';
const spire = '/apis/spire.spiffe.io';
const outputsPath = `${spire}/v1alpha1/clusterspiffeids`;

const pool = {
  apiVersion: 'inference.networking.k8s.io/v1',
  kind: 'InferencePool',
  metadata: { name: 'llama', namespace: 'team-a', uid: 'u-1', resourceVersion: '7', generation: 1 },
  spec: { selector: { matchLabels: { app: 'llama' } } },
};

function bindingOf(name: string, spec: object = {}, state?: object) {
  return {
    metadata: { name, namespace: 'team-a', uid: `u-${name}`, resourceVersion: '1' },
    spec: { poolRef: { name: 'llama' }, serviceAccountName: 'sa', ...spec },
    ...(state ? { status: state } : {}),
  };
}

function outputOf(name: string) {
  return { metadata: { name, uid: `u-${name}`, resourceVersion: '1' }, spec: { ttl: '1h' } };
}

function groupOf(...names: readonly string[]) {
  return { versions: names.map((version) => ({ groupVersion: `spire.spiffe.io/${version}`, version })) };
}

const notThere = (name: string) => status(404, 'NotFound', `"${name}" not found`, { name });

describe('one object', () => {
  it('is read without a resourceVersion, so that the answer is a quorum read', async () => {
    const { cluster, sent } = scriptedApiServer(answer('get', poolPath, 200, pool));
    expect(await cluster.getPool(pools, 'team-a', 'llama')).toEqual({
      metadata: { name: 'llama', namespace: 'team-a', uid: 'u-1', resourceVersion: '7', generation: 1 },
      spec: { selector: { matchLabels: { app: 'llama' } } },
    });
    expect(sent).toEqual([
      {
        request: `GET ${poolPath}`,
        headers: {
          Accept: 'application/json',
          'Accept-Encoding': 'identity',
          'User-Agent': 'kleym/test',
        },
        body: undefined,
      },
    ]);
  });

  it('is absent when a Status names it', async () => {
    const { cluster } = scriptedApiServer(answer('get', poolPath, 404, notThere('llama')));
    expect(await cluster.getPool(pools, 'team-a', 'llama')).toBe('absent');
  });

  it.each(['', '.', '..', 'llama/status', '%2e%2e', 'a%2Fb'])(
    'called %j is absent without a request, because the path would lead elsewhere',
    async (name) => {
      const { cluster } = scriptedApiServer();
      expect(await cluster.getPool(pools, 'team-a', name)).toBe('absent');
      expect(await cluster.getObjective(objectives, name, 'llama')).toBe('absent');
      expect(await cluster.getBinding('team-a', name)).toBe('absent');
      expect(await cluster.getOutput(name)).toBe('absent');
    },
  );

  it.each([
    ['that is plain text', '404 page not found\n'],
    [
      'whose Status names no object',
      status(404, 'NotFound', 'the server could not find the requested resource'),
    ],
    ['whose Status names another object', notThere('another')],
  ])('is unserved after a 404 %s, when discovery does not know the group', async (_, body) => {
    const { cluster } = scriptedApiServer(
      answer('get', poolPath, 404, body),
      answer('get', '/apis/inference.networking.k8s.io/v1', 404, '404 page not found\n'),
    );
    expect(await cluster.getPool(pools, 'team-a', 'llama')).toBe('unserved');
  });

  it('is unserved when discovery knows the group, but not the plural', async () => {
    const { cluster } = scriptedApiServer(
      answer('get', poolPath, 404, '404 page not found\n'),
      answer('get', '/apis/inference.networking.k8s.io/v1', 200, { resources: [{ name: 'others' }] }),
    );
    expect(await cluster.getPool(pools, 'team-a', 'llama')).toBe('unserved');
  });

  it('is uncertain when discovery says that the plural is served', async () => {
    const { cluster } = scriptedApiServer(
      answer('get', poolPath, 404, '404 page not found\n'),
      answer('get', '/apis/inference.networking.k8s.io/v1', 200, { resources: [{ name: 'inferencepools' }] }),
    );
    await expect(cluster.getPool(pools, 'team-a', 'llama')).rejects.toThrow(
      new UncertainError(
        `GET ${poolPath}: answered 404, but /apis/inference.networking.k8s.io/v1 says that inferencepools are served; the API server has not caught up`,
      ),
    );
  });

  it('is uncertain when discovery fails', async () => {
    const { cluster } = scriptedApiServer(
      answer('get', poolPath, 404, '404 page not found\n'),
      answer('get', '/apis/inference.networking.k8s.io/v1', 403, status(403, 'Forbidden', 'no')),
    );
    await expect(cluster.getPool(pools, 'team-a', 'llama')).rejects.toThrow(UncertainError);
  });

  it.each([
    ['not JSON', '<html>', `GET ${poolPath}: answered 200 with a body that is not JSON`],
    [
      'of another shape',
      { metadata: { name: 'llama' } },
      `GET ${poolPath}: the object does not have the expected shape: metadata.namespace: Invalid input: expected string`,
    ],
  ])('that is %s is a fault and not uncertainty', async (_, body, message) => {
    const { cluster } = scriptedApiServer(answer('get', poolPath, 200, body));
    const error: unknown = await cluster.getPool(pools, 'team-a', 'llama').catch((error: unknown) => error);
    expect(error).toBeInstanceOf(Error);
    expect(error).not.toBeInstanceOf(UncertainError);
    expect(error).toHaveProperty('message', expect.stringContaining(message));
    expect(error).toHaveProperty('cause', expect.any(Error));
  });
});

describe('a resource that is not installed', () => {
  const plain = '404 page not found\n';

  it('is confirmed by discovery once for a while, because groups that a cluster lacks are asked for all the time', async () => {
    const { cluster, unasked } = scriptedApiServer(
      answer('get', poolPath, 404, plain),
      answer('get', '/apis/inference.networking.k8s.io/v1', 404, plain),
      answer('get', poolPath, 404, plain),
    );
    expect(await cluster.getPool(pools, 'team-a', 'llama')).toBe('unserved');
    expect(await cluster.getPool(pools, 'team-a', 'llama')).toBe('unserved');
    expect(unasked()).toBe(0);
  });

  it('is asked about each time where outputs are meant: without them, finalizers go', async () => {
    const { cluster } = scriptedApiServer(
      answer('get', outputsPath, 404, plain),
      answer('get', spire, 404, plain),
      answer('get', outputsPath, 404, plain),
      answer('get', spire, 200, groupOf('v1alpha1')),
      answer('get', `${spire}/v1alpha1`, 200, { resources: [{ name: 'clusterspiffeids' }] }),
    );
    expect(await cluster.listOutputs({})).toBe('unserved');
    await expect(cluster.listOutputs({})).rejects.toThrow(
      new UncertainError(
        `GET ${outputsPath}: answered 404, but /apis/spire.spiffe.io/v1alpha1 says that clusterspiffeids are served; the API server has not caught up`,
      ),
    );
  });
});

describe('outputs whose version is not served', () => {
  const plain = '404 page not found\n';
  const outputs = { resources: [{ name: 'clusterspiffeids' }, { name: 'clusterspiffeids/status' }] };
  const others = { resources: [{ name: 'clusterstaticentries' }] };

  /** What the group names, and how each of its versions is answered. */
  function discovered(names: readonly string[], versions: Readonly<Record<string, object | 403 | 404>>) {
    return scriptedApiServer(
      answer('get', outputsPath, 404, plain),
      answer('get', spire, 200, groupOf(...names)),
      ...Object.entries(versions).map(([name, is]) => {
        const path = `${spire}/${name}`;
        return typeof is === 'number' ? answer('get', path, is, plain) : answer('get', path, 200, { ...is });
      }),
    );
  }

  it.each([
    ['the group of no definition', 'v1alpha1', { v1alpha1: others }],
    ['several versions of other kinds', 'v1 v1alpha1', { v1: others, v1alpha1: others }],
    ['another version of other kinds, and not ours', 'v1', { v1: others, v1alpha1: 404 as const }],
  ])('are not installed when discovery knows %s', async (_, names, versions) => {
    const { cluster, sent, unasked } = discovered(names.split(' '), versions);
    expect(await cluster.listOutputs({})).toBe('unserved');
    expect({ sent: sent.length, unasked: unasked() }).toEqual({
      sent: 2 + Object.keys(versions).length,
      unasked: 0,
    });
  });

  it.each([
    ['where ours has other kinds', 'v1beta1 v1alpha1', { v1beta1: outputs, v1alpha1: others }, 'v1beta1'],
    ['where ours is gone', 'v1beta1', { v1beta1: outputs, v1alpha1: 404 as const }, 'v1beta1'],
    [
      'and by a third one',
      'v1 v1beta1 v1alpha1',
      { v1: outputs, v1beta1: outputs, v1alpha1: others },
      'v1, spire.spiffe.io/v1beta1',
    ],
  ])('may be in force when another version shows them, %s', async (_, names, versions, served) => {
    const { cluster, unasked } = discovered(names.split(' '), versions);
    await expect(cluster.listOutputs({})).rejects.toThrow(
      new UncertainError(
        `GET ${outputsPath}: answered 404, because clusterspiffeids are served as spire.spiffe.io/${served} and not as spire.spiffe.io/v1alpha1, which is what kleym reads and writes; let the CRD clusterspiffeids.spire.spiffe.io serve v1alpha1 again`,
      ),
    );
    expect(unasked()).toBe(0);
  });

  it('may be in force where one of them is read by its name, too', async () => {
    const { cluster } = scriptedApiServer(
      answer('get', `${outputsPath}/kleym-a`, 404, plain),
      answer('get', spire, 200, groupOf('v1beta1')),
      answer('get', `${spire}/v1alpha1`, 404, plain),
      answer('get', `${spire}/v1beta1`, 200, outputs),
    );
    await expect(cluster.getOutput('kleym-a')).rejects.toThrow(UncertainError);
  });

  it.each([
    ['another version', 'v1beta1 v1alpha1', { v1beta1: 404 as const, v1alpha1: others }, 'v1beta1'],
    ['our version', 'v1alpha1', { v1alpha1: 404 as const }, 'v1alpha1'],
  ])('are uncertain when the group names %s and does not serve it', async (_, names, versions, unknown) => {
    const { cluster } = discovered(names.split(' '), versions);
    await expect(cluster.listOutputs({})).rejects.toThrow(
      new UncertainError(
        `GET ${outputsPath}: answered 404, but /apis/spire.spiffe.io names spire.spiffe.io/${unknown}, which is answered with 404; the API server has not caught up`,
      ),
    );
  });

  it('are uncertain when another version cannot be asked about', async () => {
    const { cluster } = discovered(['v1beta1', 'v1alpha1'], { v1beta1: 403, v1alpha1: others });
    await expect(cluster.listOutputs({})).rejects.toThrow(UncertainError);
  });

  it('are uncertain when the group cannot be asked about', async () => {
    const { cluster } = scriptedApiServer(
      answer('get', outputsPath, 404, plain),
      answer('get', spire, 403, status(403, 'Forbidden', 'no')),
    );
    await expect(cluster.listOutputs({})).rejects.toThrow(
      new ForbiddenError(
        `GET ${spire}: answered 403, kleym lacks the permission; check the role and the role binding of its account (no)`,
        { method: 'GET', path: spire },
      ),
    );
  });

  it('do not matter to pools: of them, another version is as good as none', async () => {
    const { cluster, unasked } = scriptedApiServer(
      answer('get', poolPath, 404, plain),
      answer('get', '/apis/inference.networking.k8s.io/v1', 404, plain),
    );
    expect(await cluster.getPool(pools, 'team-a', 'llama')).toBe('unserved');
    expect(unasked()).toBe(0);
  });
});

describe('a read that is refused or fails', () => {
  it.each([
    [
      401,
      'the API server does not accept the token; check that it exists and has not expired (no)',
      UncertainError,
    ],
    [
      403,
      'kleym lacks the permission; check the role and the role binding of its account (no)',
      ForbiddenError,
    ],
  ])('with %i is uncertain, and says what is missing', async (code, words, Kind) => {
    const no = status(code, 'No', 'no');
    const { cluster, unasked } = scriptedApiServer(
      answer('get', poolPath, code, no),
      ...(code === 401 ? [answer('get', poolPath, code, no)] : []),
    );
    await expect(cluster.getPool(pools, 'team-a', 'llama')).rejects.toThrow(
      new Kind(`GET ${poolPath}: answered ${code}, ${words}`, { method: 'GET', path: poolPath }),
    );
    expect(unasked()).toBe(0);
  });

  it.each([500, 502, 503, 504])('with %i is asked once more, and is then uncertain', async (code) => {
    const { cluster, pauses, unasked } = scriptedApiServer(
      answer('get', poolPath, code, 'upstream says no'),
      answer('get', poolPath, code, 'upstream says no'),
    );
    await expect(cluster.getPool(pools, 'team-a', 'llama')).rejects.toThrow(
      new UncertainError(`GET ${poolPath}: answered ${code} (upstream says no)`),
    );
    expect({ pauses, unasked: unasked() }).toEqual({ pauses: [100], unasked: 0 });
  });

  it('because the storage is initializing waits as long as the API server says', async () => {
    const busy = status(429, 'TooManyRequests', 'storage is (re)initializing');
    const { cluster, pauses } = scriptedApiServer(
      answer('get', bindingsPath, 429, busy, { 'retry-after': '1' }),
      answer('get', bindingsPath, 503, busy, { 'retry-after': '2' }),
      answer('get', bindingsPath, 200, { items: [] }),
    );
    expect(await cluster.listBindings({ namespace: 'team-a' })).toEqual({
      items: [],
      at: '2026-01-06T10:00:00.000Z',
      isComplete: true,
      length: expect.any(Number),
    });
    expect(pauses).toEqual([1000, 2000]);
  });

  it('because the API server is busy for long is uncertain', async () => {
    const { cluster, pauses } = scriptedApiServer(
      answer('get', poolPath, 429, status(429, 'TooManyRequests', 'busy'), { 'retry-after': '60' }),
    );
    await expect(cluster.getPool(pools, 'team-a', 'llama')).rejects.toThrow(
      new UncertainError(`GET ${poolPath}: answered 429, the API server is busy (busy)`),
    );
    expect(pauses).toEqual([]);
  });

  it.each([400, 405, 410, 422])('with %i, which no read should get, is uncertain', async (code) => {
    const { cluster } = scriptedApiServer(answer('get', poolPath, code, status(code, 'Odd', 'odd')));
    await expect(cluster.getPool(pools, 'team-a', 'llama')).rejects.toThrow(
      new UncertainError(`GET ${poolPath}: answered ${code} (odd)`),
    );
  });
});

describe('a list', () => {
  it('is followed to its end, at the time of its first page', async () => {
    const { cluster, sent } = scriptedApiServer(
      answer('get', outputsPath, 200, {
        metadata: { continue: 'more' },
        items: [outputOf('a'), outputOf('b')],
      }),
      answer(
        'get',
        outputsPath,
        200,
        { metadata: { continue: '' }, items: [outputOf('c')] },
        { date: 'Tue, 06 Jan 2026 10:00:09 GMT' },
      ),
    );
    expect(await cluster.listOutputs({ app: 'x' })).toEqual({
      items: [outputOf('a'), outputOf('b'), outputOf('c')],
      at: '2026-01-06T10:00:00.000Z',
      isComplete: true,
      length: expect.any(Number),
    });
    expect(sent.map(({ request }) => request)).toEqual([
      `GET ${outputsPath}?labelSelector=app=x&limit=16`,
      `GET ${outputsPath}?labelSelector=app=x&limit=128&continue=more`,
    ]);
  });

  it('is started again when its continuation has expired', async () => {
    const expired = status(410, 'Expired', 'The provided continue parameter is too old');
    const { cluster } = scriptedApiServer(
      answer('get', outputsPath, 200, { metadata: { continue: 'one' }, items: [outputOf('gone')] }),
      answer('get', outputsPath, 410, expired),
      answer('get', outputsPath, 200, { metadata: { continue: 'two' }, items: [outputOf('a')] }),
      answer('get', outputsPath, 200, { items: [outputOf('b')] }),
    );
    expect(await cluster.listOutputs({})).toHaveProperty('items', [outputOf('a'), outputOf('b')]);
  });

  it('of bindings tells when its state is settled: with its first page, and again with that of a new start', async () => {
    const expired = status(410, 'Expired', 'The provided continue parameter is too old');
    const { cluster, sent } = scriptedApiServer(
      answer('get', bindingsPath, 200, { metadata: { continue: 'one' }, items: [] }),
      answer('get', bindingsPath, 410, expired),
      answer('get', bindingsPath, 200, { metadata: { continue: 'two' }, items: [] }),
      answer('get', bindingsPath, 200, { items: [] }),
    );
    const heard: number[] = [];
    await cluster.listBindings({ namespace: 'team-a', onState: () => heard.push(sent.length) });
    expect(heard).toEqual([1, 3]);
  });

  it('is uncertain when its continuation expires each time', async () => {
    const first = () => answer('get', outputsPath, 200, { metadata: { continue: 'one' }, items: [] });
    const expired = () => answer('get', outputsPath, 410, status(410, 'Expired', 'too old'));
    const { cluster, unasked } = scriptedApiServer(
      first(),
      expired(),
      first(),
      expired(),
      first(),
      expired(),
    );
    await expect(cluster.listOutputs({})).rejects.toThrow(
      new UncertainError(`GET ${outputsPath}: answered 410 (too old)`),
    );
    expect(unasked()).toBe(0);
  });

  it('of a missing resource is unserved', async () => {
    const { cluster } = scriptedApiServer(
      answer('get', '/apis/llm-d.ai/v1alpha2/inferenceobjectives', 404, '404 page not found\n'),
      answer('get', '/apis/llm-d.ai/v1alpha2', 404, '404 page not found\n'),
    );
    expect(await cluster.listObjectives(objectives)).toBe('unserved');
  });

  it('of all namespaces or of one has its own path', async () => {
    const { cluster, unasked } = scriptedApiServer(
      answer('get', '/apis/inference.networking.k8s.io/v1/inferencepools', 200, { items: [pool] }),
      answer('get', poolsPath, 200, { items: [] }),
    );
    expect(await cluster.listPools(pools)).toHaveProperty('items.length', 1);
    expect(await cluster.listPools(pools, 'team-a')).toHaveProperty('items.length', 0);
    expect(unasked()).toBe(0);
  });

  it('keeps the fields of an output that we do not know', async () => {
    const { cluster } = scriptedApiServer(answer('get', outputsPath, 200, { items: [outputOf('a')] }));
    expect(await cluster.listOutputs({})).toHaveProperty('items.0.spec.ttl', '1h');
  });

  it('has everybody, although another version has stored one of them', async () => {
    const odd = bindingOf('odd', { mode: 'PerPod' }, { conditions: [{}], claim: { kind: 'lending' } });
    const { cluster } = scriptedApiServer(
      answer('get', bindingsPath, 200, { items: [bindingOf('fine'), odd] }),
      answer('get', outputsPath, 200, { items: [{ ...outputOf('odd'), spec: null }, outputOf('fine')] }),
    );
    const listed = await cluster.listBindings({ namespace: 'team-a' });
    expect(listed).toHaveProperty('items.length', 2);
    expect(listed).toHaveProperty('items.1.status.claim.kind', 'unreadable');
    expect(await cluster.listOutputs({})).toHaveProperty('items.length', 2);
  });

  it('with an item of another shape is a fault that names the item', async () => {
    const { cluster } = scriptedApiServer(
      answer('get', bindingsPath, 200, {
        items: [bindingOf('fine'), { metadata: { name: 'odd', namespace: 'team-a' } }],
      }),
    );
    const error: unknown = await cluster
      .listBindings({ namespace: 'team-a' })
      .catch((error: unknown) => error);
    expect(error).not.toBeInstanceOf(UncertainError);
    expect(error).toHaveProperty('message', expect.stringContaining(`team-a/odd in GET ${bindingsPath}: `));
  });

  it('is asked for the next page while this one is checked', async () => {
    const { cluster, unasked } = scriptedApiServer(
      answer('get', bindingsPath, 200, {
        metadata: { continue: 'more' },
        items: [{ metadata: { name: 'odd', namespace: 'team-a' } }],
      }),
      answer('get', bindingsPath, 404, '404 page not found\n'),
    );
    await expect(cluster.listBindings({ namespace: 'team-a' })).rejects.toThrow('team-a/odd in GET');
    expect(unasked()).toBe(0);
  });

  it('with a key of 1 MB that has no text is a fault that does not repeat the key', async () => {
    const odd = outputOf('odd');
    const labels = { ['k'.repeat(1_000_000)]: 1 };
    const { cluster } = scriptedApiServer(
      answer('get', outputsPath, 200, { items: [{ ...odd, metadata: { ...odd.metadata, labels } }] }),
    );
    await expect(cluster.listOutputs({})).rejects.toThrow(
      /: the object does not have the expected shape: metadata.labels: expected texts by keys$/,
    );
  });

  it('without the time of day is a fault', async () => {
    const { cluster } = scriptedApiServer(answer('get', outputsPath, 200, { items: [] }, { date: '' }));
    await expect(cluster.listOutputs({})).rejects.toThrow(
      `GET ${outputsPath}: the answer has no Date header to tell the time by`,
    );
  });
});

/** The limits that were asked for, one after the other. */
function limitsOf(sent: readonly { readonly request: string }[]): string[] {
  return sent.map(({ request }) => new URLSearchParams(request.split('?')[1]).get('limit') ?? 'none');
}

describe('a list of large objects', () => {
  const more = { metadata: { continue: 'more' } };

  it('is asked for in pages of some 2 MB', async () => {
    const large = Array.from({ length: 16 }, (_, index) => ({
      ...bindingOf(`b-${index}`),
      spec: { ...bindingOf('b').spec, padding: 'x'.repeat(250_000) },
    }));
    const { cluster, sent } = scriptedApiServer(
      answer('get', bindingsPath, 200, { ...more, items: large }),
      answer('get', bindingsPath, 200, { ...more, items: large.slice(8) }),
      answer('get', bindingsPath, 200, { items: [bindingOf('last')] }),
    );
    expect(await cluster.listBindings({ namespace: 'team-a' })).toHaveProperty('items.length', 25);
    expect(limitsOf(sent)).toEqual(['16', '7', '7']);
  });
});

describe('the beginning of a list of bindings', () => {
  const two = [bindingOf('a'), bindingOf('b')];

  it('is one request, which tells whether there are more', async () => {
    const { cluster, sent } = scriptedApiServer(
      answer('get', bindingsPath, 200, { metadata: { continue: 'more' }, items: two }),
    );
    expect(await cluster.listBindings({ namespace: 'team-a', most: 2 })).toEqual({
      items: two,
      at: '2026-01-06T10:00:00.000Z',
      isComplete: false,
      length: expect.any(Number),
    });
    expect(limitsOf(sent)).toEqual(['2']);
  });

  it.each([2, 3, 500])('is the whole list where that is not longer: at most %i', async (most) => {
    const { cluster, sent } = scriptedApiServer(answer('get', bindingsPath, 200, { items: two }));
    expect(await cluster.listBindings({ namespace: 'team-a', most })).toMatchObject({
      items: two,
      isComplete: true,
    });
    expect(limitsOf(sent)).toEqual([String(most)]);
  });

  it('says how many there are behind it, if the API server does, and how long it was', async () => {
    const page = {
      metadata: { continue: 'more', remainingItemCount: 41 },
      items: [bindingOf('a')],
    };
    const { cluster } = scriptedApiServer(answer('get', bindingsPath, 200, page));
    expect(await cluster.listBindings({ namespace: 'team-a', most: 1 })).toMatchObject({
      remaining: 41,
      length: JSON.stringify(page).length,
    });
  });

  it('goes on where a page has fewer than were asked for', async () => {
    const { cluster, sent } = scriptedApiServer(
      answer('get', bindingsPath, 200, { metadata: { continue: 'more' }, items: two }),
      answer('get', bindingsPath, 200, { metadata: { continue: 'even more' }, items: [bindingOf('c')] }),
    );
    expect(await cluster.listBindings({ namespace: 'team-a', most: 3 })).toMatchObject({
      items: [...two, bindingOf('c')],
      isComplete: false,
    });
    expect(limitsOf(sent)).toEqual(['3', '1']);
  });

  it('is cut here where the API server takes no limit', async () => {
    const { cluster } = scriptedApiServer(answer('get', bindingsPath, 200, { items: two }));
    expect(await cluster.listBindings({ namespace: 'team-a', most: 1 })).toMatchObject({
      items: [bindingOf('a')],
      isComplete: false,
    });
  });
});

describe('bindings by a field', () => {
  const field = { path: 'status.claim.serviceAccountName', value: 'sa' } as const;
  const claim = { kind: 'owning', name: 'x', serviceAccountName: 'sa', uid: 'u' };
  const unsupported = status(400, 'BadRequest', 'field label not supported: status.claim.serviceAccountName');

  it('are selected by the API server', async () => {
    const { cluster, sent } = scriptedApiServer(
      answer('get', bindingsPath, 200, { items: [bindingOf('a', {}, { claim })] }),
    );
    expect(await cluster.listBindings({ namespace: 'team-a', field })).toHaveProperty('items.length', 1);
    expect(sent.map(({ request }) => request)).toEqual([
      `GET ${bindingsPath}?fieldSelector=status.claim.serviceAccountName=sa&limit=16`,
    ]);
  });

  it('are selected here where the API server cannot, and only those that match exactly', async () => {
    const { cluster, sent } = scriptedApiServer(
      answer('get', bindingsPath, 400, unsupported),
      answer('get', bindingsPath, 200, {
        metadata: { continue: 'more' },
        items: [bindingOf('unclaimed'), bindingOf('a', {}, { claim })],
      }),
      answer('get', bindingsPath, 200, {
        items: [bindingOf('b', {}, { claim: { ...claim, serviceAccountName: 'SA' } })],
      }),
    );
    const listed = await cluster.listBindings({ namespace: 'team-a', field });
    expect(listed).toEqual({
      items: [bindingOf('a', {}, { claim })],
      at: '2026-01-06T10:00:00.000Z',
      isComplete: true,
      length: expect.any(Number),
    });
    expect(sent.map(({ request }) => request)).toEqual([
      `GET ${bindingsPath}?fieldSelector=status.claim.serviceAccountName=sa&limit=16`,
      `GET ${bindingsPath}?limit=16`,
      `GET ${bindingsPath}?limit=128&continue=more`,
    ]);
  });

  it.each([
    [1, { items: [bindingOf('a', {}, { claim })], isComplete: false }],
    [2, { items: [bindingOf('a', {}, { claim }), bindingOf('b', {}, { claim })], isComplete: true }],
  ])('are counted here where they are selected here: at most %i', async (most, expected) => {
    const { cluster, sent } = scriptedApiServer(
      answer('get', bindingsPath, 400, unsupported),
      answer('get', bindingsPath, 200, {
        items: [bindingOf('unclaimed'), bindingOf('a', {}, { claim }), bindingOf('b', {}, { claim })],
      }),
    );
    expect(await cluster.listBindings({ namespace: 'team-a', field, most })).toMatchObject(expected);
    expect(limitsOf(sent)).toEqual([String(most), '16']);
  });

  it('are unserved when the resource goes between the two lists', async () => {
    const { cluster } = scriptedApiServer(
      answer('get', bindingsPath, 400, unsupported),
      answer('get', bindingsPath, 404, '404 page not found\n'),
      answer('get', '/apis/kleym.sonda.red/v1alpha1', 404, '404 page not found\n'),
    );
    expect(await cluster.listBindings({ namespace: 'team-a', field })).toBe('unserved');
  });

  it('are uncertain after any other 400', async () => {
    const { cluster } = scriptedApiServer(answer('get', bindingsPath, 400, status(400, 'BadRequest', 'odd')));
    await expect(cluster.listBindings({ namespace: 'team-a', field })).rejects.toThrow(UncertainError);
  });
});
