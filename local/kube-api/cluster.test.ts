import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CustomObjectsApi, KubeConfig, Watch } from '@kubernetes/client-node';
import { describe, expect, onTestFinished, test } from 'vitest';
import { type ClusterOptions, type EmbeddedCluster, startCluster } from './cluster.ts';

const definition = `
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: things.test.dev}
spec:
  group: test.dev
  scope: Namespaced
  names: {plural: things, kind: Thing}
  versions:
    - name: v1
      served: true
      storage: true
      subresources: {status: {}}
      schema:
        openAPIV3Schema:
          type: object
          properties:
            spec: {type: object, properties: {color: {type: string, default: red}}}
            status: {type: object, properties: {seen: {type: integer}}}
`;

const things = '/apis/test.dev/v1/namespaces/default/things';

const place = { group: 'test.dev', version: 'v1', namespace: 'default', plural: 'things' };

interface Body {
  readonly metadata: { readonly name: string; readonly uid: string; readonly resourceVersion: string };
  readonly items: readonly Body[];
  readonly spec?: unknown;
  readonly message?: string;
  readonly reason?: string;
}

interface Event {
  readonly type: string;
  readonly object: Body;
}

function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'cluster-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  return folder;
}

async function start(options: ClusterOptions = {}): Promise<EmbeddedCluster> {
  const cluster = await startCluster({ crds: [definition], ...options });
  onTestFinished(() => cluster.close());
  return cluster;
}

async function send(
  cluster: EmbeddedCluster,
  method: string,
  path: string,
  body?: object,
  type = 'application/json',
) {
  const sent = body === undefined ? {} : { body: JSON.stringify(body), headers: { 'content-type': type } };
  const response = await fetch(`${cluster.url}${path}`, { method, ...sent });
  const text = await response.text();
  return { status: response.status, headers: response.headers, text, body: JSON.parse(text) as Body };
}

async function create(cluster: EmbeddedCluster, name: string) {
  return await send(cluster, 'POST', things, {
    apiVersion: 'test.dev/v1',
    kind: 'Thing',
    metadata: { name },
    spec: {},
  });
}

async function namesIn(cluster: EmbeddedCluster): Promise<string[]> {
  const { body } = await send(cluster, 'GET', things);
  return body.items.map(({ metadata }) => metadata.name);
}

/** Opens a watch; its events are taken one by one until it ends or breaks. */
async function watch(cluster: EmbeddedCluster, query: string): Promise<AsyncGenerator<Event, void>> {
  const response = await fetch(`${cluster.url}${things}?watch=true&${query}`);
  return readEvents(response);
}

async function* readEvents({ body }: Response): AsyncGenerator<Event, void> {
  let rest = '';
  for await (const chunk of body ?? []) {
    const lines = `${rest}${Buffer.from(chunk).toString()}`.split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) yield JSON.parse(line) as Event;
  }
}

async function take(events: AsyncGenerator<Event, void>, count: number): Promise<string[]> {
  const told: string[] = [];
  while (told.length < count) {
    const { value, done } = await events.next();
    if (done === true) break;
    told.push(`${value.type} ${value.object.metadata.name ?? ''}`.trim());
  }
  return told;
}

describe('what @kubernetes/client-node sees', () => {
  test('lists and watches a kind through the kubeconfig', async () => {
    const cluster = await start();
    const config = new KubeConfig();
    config.loadFromString(cluster.kubeconfig());
    const api = config.makeApiClient(CustomObjectsApi);
    await api.createNamespacedCustomObject({
      ...place,
      body: { apiVersion: 'test.dev/v1', kind: 'Thing', metadata: { name: 'one' } },
    });
    const list = (await api.listNamespacedCustomObject(place)) as Body;
    expect(list.items.map(({ metadata }) => metadata.name)).toEqual(['one']);

    const told: string[] = [];
    const ended = Promise.withResolvers<void>();
    const watching = await new Watch(config).watch(
      things,
      { resourceVersion: list.metadata.resourceVersion },
      (type, object: Body) => {
        told.push(`${type} ${object.metadata.name}`);
        if (type === 'DELETED') watching.abort();
      },
      () => ended.resolve(),
    );
    await create(cluster, 'two');
    await api.deleteNamespacedCustomObject({ ...place, name: 'two' });
    await ended.promise;
    expect(told).toEqual(['ADDED two', 'DELETED two']);
  });

  test('is told of a conflict by its code and reason', async () => {
    const cluster = await start();
    const config = new KubeConfig();
    config.loadFromString(cluster.kubeconfig());
    const { body } = await create(cluster, 'one');
    await send(cluster, 'PUT', `${things}/one`, { ...body, spec: { color: 'blue' } });
    const stale = config.makeApiClient(CustomObjectsApi).replaceNamespacedCustomObject({
      ...place,
      name: 'one',
      body: { ...body, spec: { color: 'green' } },
    });
    await expect(stale).rejects.toMatchObject({
      code: 409,
      body: expect.stringContaining('the object has been modified'),
    });
  });
});

describe('a list that streams', () => {
  const streaming = 'sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true';

  test('begins with what is there, says where that ends, and goes on', async () => {
    const cluster = await start();
    await create(cluster, 'one');
    const events = await watch(cluster, streaming);
    expect(await take(events, 1)).toEqual(['ADDED one']);
    const { value: end } = await events.next();
    expect(end).toMatchObject({
      type: 'BOOKMARK',
      object: { kind: 'Thing', metadata: { annotations: { 'k8s.io/initial-events-end': 'true' } } },
    });
    await create(cluster, 'two');
    expect(await take(events, 1)).toEqual(['ADDED two']);
  });

  test('cannot show a future that this server has not seen', async () => {
    const cluster = await start();
    const events = await watch(cluster, `${streaming}&resourceVersion=999999`);
    const { value } = await events.next();
    expect(value).toMatchObject({ type: 'ERROR', object: { code: 504, reason: 'Timeout' } });
    expect(await take(events, 1)).toEqual([]);
  });

  test('leaves out what is there where it is asked to', async () => {
    const cluster = await start();
    await create(cluster, 'one');
    const events = await watch(cluster, 'sendInitialEvents=false&resourceVersionMatch=NotOlderThan');
    await create(cluster, 'two');
    expect(await take(events, 1)).toEqual(['ADDED two']);
  });
});

describe('watches', () => {
  test('end in order when their definition changes, and can be taken up without a loss', async () => {
    const cluster = await start();
    const { body } = await create(cluster, 'one');
    const events = await watch(cluster, `resourceVersion=${body.metadata.resourceVersion}`);
    await cluster.apply(definition.replace('default: red', 'default: blue'));
    expect(await take(events, 1)).toEqual([]);
    await create(cluster, 'two');
    const again = await watch(cluster, `resourceVersion=${body.metadata.resourceVersion}`);
    const { value } = await again.next();
    expect(value).toMatchObject({
      type: 'ADDED',
      object: { metadata: { name: 'two' }, spec: { color: 'blue' } },
    });
  });

  test('of an open kind go on when history is forgotten; older versions are refused', async () => {
    const cluster = await start();
    const { body } = await send(cluster, 'GET', things);
    const since = `resourceVersion=${body.metadata.resourceVersion}`;
    const open = await watch(cluster, since);
    await create(cluster, 'one');
    cluster.compact();
    await create(cluster, 'two');
    expect(await take(open, 2)).toEqual(['ADDED one', 'ADDED two']);
    const { value } = await (await watch(cluster, since)).next();
    expect(value).toMatchObject({ type: 'ERROR', object: { code: 410, reason: 'Expired' } });
  });
});

describe('manifests', () => {
  test('are created in their order, and updated when they come again', async () => {
    const cluster = await start();
    const manifests = `
apiVersion: v1
kind: Namespace
metadata: {name: a}
---
---
apiVersion: test.dev/v1
kind: Thing
metadata: {name: one, namespace: a}
spec: {color: blue}
`;
    await cluster.apply(manifests);
    const first = await send(cluster, 'GET', '/apis/test.dev/v1/namespaces/a/things/one');
    await cluster.apply(manifests);
    expect(await send(cluster, 'GET', '/apis/test.dev/v1/namespaces/a/things/one')).toMatchObject({
      body: first.body,
    });
    await cluster.apply(manifests.replace('blue', 'green'));
    const second = await send(cluster, 'GET', '/apis/test.dev/v1/namespaces/a/things/one');
    expect(second.body.spec).toEqual({ color: 'green' });
    expect(second.body.metadata.uid).toBe(first.body.metadata.uid);
  });

  test.each([
    [
      'of a kind that is not there',
      '{apiVersion: test.dev/v1, kind: Other, metadata: {name: x}}',
      'cannot apply Other x: test.dev/v1 has no such kind here; install its CRD first',
    ],
    [
      'for a namespace that is not there',
      '{apiVersion: test.dev/v1, kind: Thing, metadata: {name: x, namespace: b}}',
      'cannot apply Thing x: namespaces "b" not found',
    ],
    [
      'with a field that nobody knows',
      '{apiVersion: test.dev/v1, kind: Thing, metadata: {name: x}, spec: {size: 1}}',
      'cannot apply Thing x: failed to create typed patch object',
    ],
    ['that are no YAML', 'a: [', 'cannot read manifests:'],
  ])('%s are refused', async (_title, manifest, message) => {
    const cluster = await start();
    await expect(cluster.apply(manifest)).rejects.toThrow(message);
  });

  test('a definition that can only be obeyed in part lets the cluster not start', async () => {
    const broken = definition.replace('type: string, default: red', 'type: string, anyOf: [{maxLength: 1}]');
    await expect(startCluster({ crds: [broken] })).rejects.toThrow(
      'anyOf: Forbidden: the embedded cluster does not implement anyOf in a schema',
    );
  });

  test('a definition that cannot be served lets the cluster not start', async () => {
    const broken = definition.replace('type: string, default: red', 'type: frob');
    await expect(startCluster({ crds: [broken] })).rejects.toThrow(
      /cannot apply CustomResourceDefinition things.test.dev: .*Unsupported value: "frob"/,
    );
  });
});

describe('a port', () => {
  test('that is taken leaves the folder alone', async () => {
    const dataFolder = newFolder();
    const first = await start({ dataFolder });
    await create(first, 'one');
    const port = Number(new URL(first.url).port);
    await expect(startCluster({ port, dataFolder })).rejects.toThrow('EADDRINUSE');
    await create(first, 'two');
    await first.close();
    expect(await namesIn(await start({ dataFolder }))).toEqual(['one', 'two']);
  });
});

describe('a data folder', () => {
  test('brings everything back: objects, definitions and the revision', async () => {
    const dataFolder = newFolder();
    const first = await start({ dataFolder });
    await create(first, 'kept');
    await create(first, 'gone');
    await send(first, 'DELETE', `${things}/gone`);
    const before = await send(first, 'GET', things);
    await first.close();

    const second = await start({ dataFolder, crds: [] });
    const after = await send(second, 'GET', things);
    expect(after.body.items).toEqual(before.body.items);
    expect(after.body.metadata.resourceVersion).toBe(before.body.metadata.resourceVersion);
    const { value } = await (await watch(second, 'resourceVersion=2')).next();
    expect(value).toMatchObject({ type: 'ERROR', object: { code: 410 } });
  });

  test('a deletion that had begun is finished', async () => {
    const dataFolder = newFolder();
    const first = await start({ dataFolder });
    const metadata = { name: 'held', finalizers: ['test.dev/x'] };
    await send(first, 'POST', things, { apiVersion: 'test.dev/v1', kind: 'Thing', metadata });
    await first.apply('{apiVersion: v1, kind: Namespace, metadata: {name: a, finalizers: [test.dev/x]}}');
    await send(first, 'DELETE', '/api/v1/namespaces/a');
    await first.close();

    const second = await start({ dataFolder });
    const release = { metadata: { finalizers: null } };
    await send(second, 'PATCH', '/api/v1/namespaces/a', release, 'application/merge-patch+json');
    await expect.poll(async () => (await send(second, 'GET', '/api/v1/namespaces/a')).status).toBe(404);
    expect(await namesIn(second)).toEqual(['held']);
  });

  test('a deletion that a kill interrupted is finished at the start', async () => {
    const dataFolder = newFolder();
    const metadata = { name: 'a', resourceVersion: '7', deletionTimestamp: '2026-01-01T00:00:00Z' };
    const object = { apiVersion: 'v1', kind: 'Namespace', metadata, status: { phase: 'Terminating' } };
    const entry = { revision: 7, storage: 'namespaces', key: 'a', object };
    writeFileSync(join(dataFolder, 'cluster.jsonl'), `${JSON.stringify(entry)}\n`);
    const cluster = await start({ dataFolder });
    await expect.poll(async () => (await send(cluster, 'GET', '/api/v1/namespaces/a')).status).toBe(404);
  });

  test('every write that was answered survives a kill', async () => {
    const dataFolder = newFolder();
    const script = `
      const { startCluster } = await import(${JSON.stringify(join(import.meta.dirname, 'cluster.ts'))});
      const cluster = await startCluster(JSON.parse(process.argv[1]));
      process.stdout.write(cluster.url);`;
    const options = JSON.stringify({ dataFolder, crds: [definition] });
    const child = spawn(process.execPath, ['--input-type=module', '--eval', script, options], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    onTestFinished(() => void child.kill('SIGKILL'));
    const [url] = (await once(child.stdout, 'data')) as [Buffer];
    const written = Array.from({ length: 20 }, (_, index) => `thing-${10 + index}`);
    for (const name of written) {
      const { status } = await create({ url: url.toString() } as EmbeddedCluster, name);
      expect(status).toBe(201);
    }
    child.kill('SIGKILL');
    await once(child, 'exit');
    expect(await namesIn(await start({ dataFolder, crds: [] }))).toEqual(written);
  });
});

describe('what is not there', () => {
  test.each([
    [
      'PUT',
      '/api/v1/namespaces/default/finalize',
      501,
      'the embedded cluster does not implement the finalize subresource',
    ],
    [
      'GET',
      '/apis/test.dev/v1/watch/things',
      501,
      'the embedded cluster does not implement the old /watch/ addresses: use ?watch=true',
    ],
    ['OPTIONS', '/api/v1/namespaces', 405, 'the server does not allow this method on the requested resource'],
    ['GET', '/api/v1/secrets', 404, 'the server could not find the requested resource'],
    ['GET', '/api/v1/namespaces/%E0%A4%A', 400, 'the address "/api/v1/namespaces/%E0%A4%A" is malformed'],
  ])('%s %s is a %i', async (method, path, status, message) => {
    const answer = await send(await start(), method, path);
    expect([answer.status, answer.body.message]).toEqual([status, message]);
  });

  test('an aggregated API is no page', async () => {
    const cluster = await start();
    const response = await fetch(`${cluster.url}/apis/apps/v1/deployments`);
    expect([response.status, await response.text()]).toEqual([404, '404 page not found\n']);
  });
});

test('a namespace may be protobuf, as kubectl writes it', async () => {
  const cluster = await start();
  const namespace =
    '6b3873000a0f0a02763112094e616d657370616365121a0a120a026e6e12001a0022002a0032003800420012001a020a001a002200';
  const response = await fetch(`${cluster.url}/api/v1/namespaces`, {
    method: 'POST',
    headers: { 'content-type': 'application/vnd.kubernetes.protobuf' },
    body: Buffer.from(namespace, 'hex'),
  });
  expect(response.status).toBe(201);
  expect((await send(cluster, 'GET', '/api/v1/namespaces/nn')).status).toBe(200);
});

test('a request that breaks the server is a 500 with what went wrong, and the next one is answered', async () => {
  const cluster = await start();
  const anything = definition.replace(
    'spec: {type: object,',
    'spec: {x-kubernetes-preserve-unknown-fields: true,',
  );
  await cluster.apply(anything.replaceAll('thing', 'anything').replaceAll('Thing', 'Anything'));
  const depth = 20_000;
  const response = await fetch(`${cluster.url}${things.replace('things', 'anythings')}?dryRun=All`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: `{"apiVersion":"test.dev/v1","kind":"Anything","metadata":{"name":"a"},"spec":${'['.repeat(depth)}${']'.repeat(depth)}}`,
  });
  expect([response.status, await response.json()]).toEqual([
    500,
    expect.objectContaining({ message: expect.stringContaining('Internal error occurred: ') }),
  ]);
  expect((await create(cluster, 'one')).status).toBe(201);
});

test('closing twice is closing once, and ends what is open', async () => {
  const cluster = await start();
  const events = await watch(cluster, '');
  await cluster.close();
  await cluster.close();
  await expect(events.next()).rejects.toThrow('terminated');
  await expect(fetch(cluster.url)).rejects.toThrow('fetch failed');
});

test('an object that is applied bears the name of its address', async () => {
  const cluster = await start();
  await create(cluster, 'one');
  const apply = async (metadata: object) => {
    const body = { apiVersion: 'test.dev/v1', kind: 'Thing', metadata };
    const { status, body: answer } = await send(
      cluster,
      'PATCH',
      `${things}/one?fieldManager=test`,
      body,
      'application/apply-patch+yaml',
    );
    return [status, answer.message];
  };
  expect(await apply({})).toEqual([
    400,
    'the name of the object (one based on URL) was undeterminable: name must be provided',
  ]);
  expect(await apply({ name: 'two' })).toEqual([
    400,
    'the name of the object (two) does not match the name on the URL (one)',
  ]);
  expect(await apply({ name: 'one' })).toEqual([200, undefined]);
});
