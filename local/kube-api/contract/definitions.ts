import { expect, onTestFinished, test } from 'vitest';
import type { Api } from './api.ts';
import {
  type Definition,
  type Subject,
  collectionOf,
  definitionsPath,
  made,
  newName,
  newPlace,
  untilServed,
} from './subject.ts';

/** A definition of a kind that nobody else has. */
function newDefinition(schema: object = {}): Definition {
  const plural = newName('widgets').replaceAll('-', '');
  const group = `${plural}.example.org`;
  const properties = { spec: { type: 'object', properties: { size: { type: 'integer' } } } };
  return {
    metadata: { name: `${plural}.${group}` },
    spec: {
      group,
      scope: 'Namespaced',
      names: { plural, singular: plural.slice(1), kind: 'Widget', listKind: 'WidgetList' } as {
        plural: string;
      },
      versions: [
        {
          name: 'v1',
          served: true,
          storage: true,
          schema: { openAPIV3Schema: { type: 'object', properties, ...schema } },
        },
      ],
    },
  };
}

function widgetOf({ spec }: Definition, name: string, more: object = {}) {
  return { apiVersion: `${spec.group}/v1`, kind: 'Widget', metadata: { name }, ...more };
}

async function install(api: Api, definition: Definition) {
  await made(api, definitionsPath, definition);
  onTestFinished(async () => {
    await api.delete(`${definitionsPath}/${definition.metadata.name}`);
  });
  return await untilServed(api, definition);
}

async function untilGone(api: Api, path: string): Promise<void> {
  await expect.poll(async () => (await api.get(path)).status, { timeout: 15_000 }).toBe(404);
}

/** Kinds that come and go while the server runs. */
export function describeDefinitions(subject: () => Subject): void {
  test('a kind is unknown, then perhaps not ready for a moment, then served', async () => {
    const { api } = subject();
    const definition = newDefinition();
    expect((await api.get(collectionOf(definition))).text).toBe('404 page not found\n');
    const before = await install(api, definition);
    expect([404, 429]).toEqual(expect.arrayContaining([...new Set(before.map(({ status }) => status))]));
    for (const { body, retryAfter } of before.filter(({ status }) => status === 429)) {
      expect([body.reason, retryAfter]).toEqual(['TooManyRequests', '1']);
      expect(body.message).toContain('storage is (re)initializing');
    }
    const { body } = await api.get(collectionOf(definition));
    expect([body.kind, body.items]).toEqual(['WidgetList', []]);
  });

  test('a definition says that it is established under its name', async () => {
    const { api } = subject();
    const definition = newDefinition();
    await install(api, definition);
    const { body } = await api.get(`${definitionsPath}/${definition.metadata.name}`);
    const { conditions, acceptedNames, storedVersions } = body['status'] as Record<string, object[]>;
    expect(conditions).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ type: 'NamesAccepted', status: 'True' }),
        expect.objectContaining({ type: 'Established', status: 'True' }),
      ]),
    );
    expect([acceptedNames, storedVersions]).toEqual([expect.objectContaining({ kind: 'Widget' }), ['v1']]);
  });

  test('discovery lists what is served, with its status and short names', async () => {
    const { api } = subject();
    const { status, body } = await api.get('/apis/kleym.sonda.red/v1alpha1');
    expect([status, body.kind]).toEqual([200, 'APIResourceList']);
    expect(body['resources']).toEqual([
      expect.objectContaining({
        name: 'inferenceidentitybindings',
        namespaced: true,
        kind: 'InferenceIdentityBinding',
        shortNames: ['iib'],
        verbs: expect.arrayContaining(['create', 'delete', 'get', 'list', 'patch', 'update', 'watch']),
      }),
      expect.objectContaining({
        name: 'inferenceidentitybindings/status',
        verbs: ['get', 'patch', 'update'],
      }),
    ]);
  });

  test('discovery of a group that is not served is a plain 404', async () => {
    const { api } = subject();
    const answers = [
      await api.get('/apis/nothing.example.org/v1'),
      await api.get('/apis/nothing.example.org'),
    ];
    expect(answers.map(({ status, text }) => [status, text])).toEqual(
      answers.map(() => [404, '404 page not found\n']),
    );
  });

  test('a kind goes with its definition, its objects first', async () => {
    const { api } = subject();
    const definition = newDefinition();
    const { namespace } = await newPlace(api);
    await install(api, definition);
    const path = `/apis/${definition.spec.group}/v1/namespaces/${namespace}/${definition.spec.names.plural}`;
    const { metadata } = await made(api, path, widgetOf(definition, 'a'));
    const watch = await api.watch(path, { resourceVersion: metadata.resourceVersion });
    const { status } = await api.delete(`${definitionsPath}/${definition.metadata.name}`);
    expect(status).toBe(200);
    const events = await watch.rest();
    expect(events.map(({ type, object }) => `${type} ${object.metadata.name}`)).toEqual(['DELETED a']);
    await untilGone(api, collectionOf(definition));
    await untilGone(api, `${definitionsPath}/${definition.metadata.name}`);
    expect((await api.get(collectionOf(definition))).text).toBe('404 page not found\n');
    await expect
      .poll(async () => (await api.get(`/apis/${definition.spec.group}/v1`)).status, { timeout: 15_000 })
      .toBe(404);
  });

  test('a definition waits for objects that a finalizer holds, and takes no new ones', async () => {
    const { api } = subject();
    const definition = newDefinition();
    const { namespace } = await newPlace(api);
    await install(api, definition);
    const path = `/apis/${definition.spec.group}/v1/namespaces/${namespace}/${definition.spec.names.plural}`;
    await made(api, path, widgetOf(definition, 'a', { metadata: { name: 'a', finalizers: ['x.y/z'] } }));
    await api.delete(`${definitionsPath}/${definition.metadata.name}`);
    await expect
      .poll(async () => (await api.get(`${path}/a`)).body.metadata.deletionTimestamp, { timeout: 15_000 })
      .toBeDefined();
    await expect
      .poll(async () => (await api.post(path, widgetOf(definition, 'b'))).status, { timeout: 15_000 })
      .toBe(403);
    expect((await api.get(`${definitionsPath}/${definition.metadata.name}`)).status).toBe(200);
    await api.patch(`${path}/a`, 'merge', { metadata: { finalizers: null } });
    await untilGone(api, `${definitionsPath}/${definition.metadata.name}`);
  });

  test('a definition that comes again serves again, without the objects of before', async () => {
    const { api } = subject();
    const definition = newDefinition();
    const { namespace } = await newPlace(api);
    await install(api, definition);
    const path = `/apis/${definition.spec.group}/v1/namespaces/${namespace}/${definition.spec.names.plural}`;
    await made(api, path, widgetOf(definition, 'a'));
    await api.delete(`${definitionsPath}/${definition.metadata.name}`);
    await untilGone(api, `${definitionsPath}/${definition.metadata.name}`);
    await made(api, definitionsPath, definition);
    await untilServed(api, definition);
    expect((await api.get(collectionOf(definition))).body.items).toEqual([]);
  });

  test('a field that a definition learns is kept from then on', async () => {
    const { api } = subject();
    const definition = newDefinition();
    const { namespace } = await newPlace(api);
    await install(api, definition);
    const path = `/apis/${definition.spec.group}/v1/namespaces/${namespace}/${definition.spec.names.plural}`;
    await made(api, path, widgetOf(definition, 'a', { spec: { size: 1, colour: 'red' } }));
    expect((await api.get(`${path}/a`)).body['spec']).toEqual({ size: 1 });
    const colour = {
      op: 'add',
      path: '/spec/versions/0/schema/openAPIV3Schema/properties/spec/properties/colour',
      value: { type: 'string' },
    };
    const { status } = await api.patch(`${definitionsPath}/${definition.metadata.name}`, 'json', [colour]);
    expect(status).toBe(200);
    const spec = { size: 1, colour: 'red' };
    await expect
      .poll(async () => (await api.patch(`${path}/a`, 'merge', { spec })).body['spec'], { timeout: 15_000 })
      .toEqual(spec);
  });

  test('a definition that carries a rule which cannot be compiled is refused', async () => {
    const { api } = subject();
    const rule = { rule: 'self.nothing == 1', message: 'never' };
    const { status, body } = await api.post(
      definitionsPath,
      newDefinition({ 'x-kubernetes-validations': [rule] }),
    );
    expect([status, body.reason]).toEqual([422, 'Invalid']);
    expect(body.message).toContain("undefined field 'nothing'");
  });

  test('a definition must be called by its plural and group', async () => {
    const { api } = subject();
    const { status, body } = await api.post(definitionsPath, {
      ...newDefinition(),
      metadata: { name: 'widgets' },
    });
    expect([status, body.reason]).toEqual([422, 'Invalid']);
    expect(body.details?.causes).toEqual(
      expect.arrayContaining([expect.objectContaining({ field: 'metadata.name' })]),
    );
  });
}
