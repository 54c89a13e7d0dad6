import { expect, test } from 'vitest';
import type { Body } from './api.ts';
import { type Subject, bindingOf, made, newPlace } from './subject.ts';

function namesOf({ items }: Body): string[] {
  return items.map(({ metadata }) => metadata.name);
}

const labelled = {
  a: { app: 'x', tier: 'front' },
  b: { app: 'y', tier: 'back' },
  c: { app: 'x' },
  d: {},
};

const labelSelectors: [selector: string, names: string][] = [
  ['app=x', 'a c'],
  ['app==x', 'a c'],
  ['app!=x', 'b d'],
  ['app', 'a b c'],
  ['!app', 'd'],
  ['app in (x,y)', 'a b c'],
  ['app in (y)', 'b'],
  ['app notin (x)', 'b d'],
  ['app=x,tier', 'a'],
  ['app=x,!tier', 'c'],
  ['app=x,tier in (front,back)', 'a'],
  ['tier=', ''],
  ['', 'a b c d'],
];

const specs = {
  a: { serviceAccountName: 'one', poolRef: { name: 'pool-a' } },
  b: { serviceAccountName: 'two', poolRef: { name: 'pool-a' }, objectiveRef: { name: 'objective-a' } },
  c: { serviceAccountName: 'two', poolRef: { name: 'pool-b' } },
};

const fieldSelectors: [selector: string, names: string][] = [
  ['spec.serviceAccountName=two', 'b c'],
  ['spec.serviceAccountName==two', 'b c'],
  ['spec.serviceAccountName!=two', 'a'],
  ['spec.poolRef.name=pool-a', 'a b'],
  ['spec.poolRef.name=pool-a,spec.serviceAccountName=two', 'b'],
  ['spec.objectiveRef.name=objective-a', 'b'],
  ['spec.objectiveRef.name=', 'a c'],
  ['status.claim.serviceAccountName=one', 'a'],
  ['status.claim.serviceAccountName=', 'b c'],
  ['metadata.name=b', 'b'],
  ['metadata.name=b,spec.serviceAccountName=one', ''],
  ['metadata.name!=b', 'a c'],
];

/** A token as it was when the cluster was new. Servers forget when they like; what they never knew they cannot have kept. */
function toAncient(token = ''): string {
  const read = JSON.parse(Buffer.from(token, 'base64url').toString()) as object;
  return Buffer.from(JSON.stringify({ ...read, rv: 1 })).toString('base64url');
}

/** What a list shows, of what, and of which moment. */
export function describeLists(subject: () => Subject): void {
  test('a list says its kind and version, and its objects come by namespace and name', async () => {
    const { api } = subject();
    const { bindings } = await newPlace(api);
    for (const name of ['c', 'a', 'b.a', 'b-a']) await made(api, bindings, bindingOf(name));
    const { status, body } = await api.get(bindings);
    expect([status, body.kind, body.apiVersion]).toEqual([
      200,
      'InferenceIdentityBindingList',
      'kleym.sonda.red/v1alpha1',
    ]);
    expect(body.metadata.resourceVersion).toMatch(/^[1-9]\d*$/);
    expect(namesOf(body)).toEqual(['a', 'b-a', 'b.a', 'c']);
  });

  test('the items of a list of custom objects say what they are, those of built-in ones do not', async () => {
    const { api } = subject();
    const { bindings, configMaps } = await newPlace(api);
    await made(api, bindings, bindingOf('a'));
    await made(api, configMaps, { metadata: { name: 'a' } });
    const custom = (await api.get(bindings)).body.items[0];
    const builtIn = (await api.get(configMaps)).body.items[0];
    expect([custom?.apiVersion, custom?.kind]).toEqual([
      'kleym.sonda.red/v1alpha1',
      'InferenceIdentityBinding',
    ]);
    expect([builtIn?.apiVersion, builtIn?.kind]).toEqual([undefined, undefined]);
  });

  test('a list of nothing has an empty list of items', async () => {
    const { api } = subject();
    const { bindings } = await newPlace(api);
    const { body } = await api.get(bindings);
    expect(body.items).toEqual([]);
  });

  test('a list of a namespace that is not there is empty, too', async () => {
    const { api } = subject();
    const { status, body } = await api.get(
      '/apis/kleym.sonda.red/v1alpha1/namespaces/nowhere/inferenceidentitybindings',
    );
    expect([status, body.items]).toEqual([200, []]);
  });

  test('a list over all namespaces shows each object with its namespace', async () => {
    const { api } = subject();
    const places = [await newPlace(api), await newPlace(api)];
    for (const { bindings } of places) await made(api, bindings, bindingOf('everywhere'));
    const query = { fieldSelector: 'metadata.name=everywhere' };
    const { body } = await api.get('/apis/kleym.sonda.red/v1alpha1/inferenceidentitybindings', query);
    const namespaces = body.items.map(({ metadata }) => metadata.namespace);
    expect(namespaces).toEqual(places.map(({ namespace }) => namespace).toSorted());
  });

  test('label selectors choose', async () => {
    const { api } = subject();
    const { configMaps } = await newPlace(api);
    for (const [name, labels] of Object.entries(labelled))
      await made(api, configMaps, { metadata: { name, labels } });
    const found: [string, string][] = [];
    for (const [labelSelector] of labelSelectors) {
      const { body } = await api.get(configMaps, { labelSelector });
      const names = namesOf(body).filter((name) => name !== 'kube-root-ca.crt');
      found.push([labelSelector, names.join(' ')]);
    }
    expect(found).toEqual(labelSelectors);
  });

  test('field selectors choose by what the definition declares, status included', async () => {
    const { api } = subject();
    const { bindings } = await newPlace(api);
    for (const [name, spec] of Object.entries(specs)) await made(api, bindings, bindingOf(name, {}, spec));
    const claim = { kind: 'owning', name: 'o', serviceAccountName: 'one', uid: 'u' };
    await api.patch(`${bindings}/a/status`, 'merge', { status: { claim } });
    const found: [string, string][] = [];
    for (const [fieldSelector] of fieldSelectors) {
      const { body } = await api.get(bindings, { fieldSelector });
      found.push([fieldSelector, namesOf(body).join(' ')]);
    }
    expect(found).toEqual(fieldSelectors);
  });

  test('a list may be selected by label and field at once', async () => {
    const { api } = subject();
    const { bindings } = await newPlace(api);
    await made(api, bindings, bindingOf('a', { labels: { app: 'x' } }));
    await made(api, bindings, bindingOf('b', { labels: { app: 'x' } }, { serviceAccountName: 'two' }));
    const { body } = await api.get(bindings, {
      labelSelector: 'app=x',
      fieldSelector: 'spec.serviceAccountName=two',
    });
    expect(namesOf(body)).toEqual(['b']);
  });

  test('a field that is not declared is refused in words that we look for', async () => {
    const { api } = subject();
    const { bindings } = await newPlace(api);
    const { status, body } = await api.get(bindings, { fieldSelector: 'spec.mode=PoolOnly' });
    expect([status, body.reason, body.message]).toEqual([
      400,
      'BadRequest',
      'field label not supported: spec.mode',
    ]);
  });

  test.each(['a=b=c', 'a in b', '=a', 'a b', '!', 'a in (b'])(
    'the label selector %s is refused',
    async (labelSelector) => {
      const { api } = subject();
      const { bindings } = await newPlace(api);
      const { status, body } = await api.get(bindings, { labelSelector });
      expect([status, body.reason]).toEqual([400, 'BadRequest']);
    },
  );

  test('a list page by page shows the moment of its first page', async () => {
    const { api } = subject();
    const { bindings } = await newPlace(api);
    for (const name of ['a', 'b', 'c', 'd', 'e']) await made(api, bindings, bindingOf(name));
    const first = await api.get(bindings, { limit: '2' });
    await api.delete(`${bindings}/c`);
    await made(api, bindings, bindingOf('bb'));
    await api.patch(`${bindings}/d`, 'merge', { spec: { serviceAccountName: 'other' } });
    const second = await api.get(bindings, { limit: '2', continue: first.body.metadata.continue ?? '' });
    const third = await api.get(bindings, { limit: '2', continue: second.body.metadata.continue ?? '' });
    expect([first, second, third].map(({ body }) => namesOf(body))).toEqual([['a', 'b'], ['c', 'd'], ['e']]);
    expect([first, second, third].map(({ body }) => body.metadata.remainingItemCount)).toEqual([
      3,
      1,
      undefined,
    ]);
    expect(third.body.metadata.continue ?? '').toBe('');
    const { resourceVersion } = first.body.metadata;
    expect([second, third].map(({ body }) => body.metadata.resourceVersion)).toEqual([
      resourceVersion,
      resourceVersion,
    ]);
    expect(second.body.items[1]?.['spec']).toMatchObject({ serviceAccountName: 'inference-sa' });
  });

  test('the pages of one list may have different sizes, and a token serves twice', async () => {
    const { api } = subject();
    const { bindings } = await newPlace(api);
    for (const name of ['a', 'b', 'c', 'd', 'e', 'f']) await made(api, bindings, bindingOf(name));
    const first = await api.get(bindings, { limit: '1' });
    const onward = { continue: first.body.metadata.continue ?? '' };
    const large = await api.get(bindings, { ...onward, limit: '4' });
    const small = await api.get(bindings, { ...onward, limit: '2' });
    const last = await api.get(bindings, {
      limit: '100',
      continue: small.body.metadata.continue ?? '',
    });
    expect([first, large, small, last].map(({ body }) => namesOf(body).join(' '))).toEqual([
      'a',
      'b c d e',
      'b c',
      'd e f',
    ]);
  });

  test('pages and selectors go together', async () => {
    const { api } = subject();
    const { bindings } = await newPlace(api);
    for (const name of ['a', 'b', 'c', 'd', 'e']) {
      await made(
        api,
        bindings,
        bindingOf(name, {}, { serviceAccountName: name === 'b' || name === 'd' ? 'two' : 'one' }),
      );
    }
    const query = { fieldSelector: 'spec.serviceAccountName=one', limit: '2' };
    const first = await api.get(bindings, query);
    const second = await api.get(bindings, { ...query, continue: first.body.metadata.continue ?? '' });
    expect([namesOf(first.body), namesOf(second.body)]).toEqual([['a', 'c'], ['e']]);
    expect(first.body.metadata.remainingItemCount).toBeUndefined();
  });

  test('a token that is none is refused', async () => {
    const { api } = subject();
    const { bindings } = await newPlace(api);
    const { status, body } = await api.get(bindings, { limit: '2', continue: 'nonsense' });
    expect([status, body.reason]).toEqual([400, 'BadRequest']);
  });

  test('a token that is too old is a 410, which has another to go on with', async () => {
    const { api, expire } = subject();
    const { bindings } = await newPlace(api);
    for (const name of ['a', 'b', 'c']) await made(api, bindings, bindingOf(name));
    const { body: page } = await api.get(bindings, { limit: '1' });
    await expire();
    const { status, body } = await api.get(bindings, {
      limit: '1',
      continue: toAncient(page.metadata.continue),
    });
    expect([status, body.reason, body.message]).toEqual([
      410,
      'Expired',
      expect.stringContaining(
        'The provided continue parameter is too old to display a consistent list result.',
      ),
    ]);
    const { body: others } = await api.get(bindings, { continue: body.metadata.continue ?? '' });
    expect(namesOf(others)).toEqual(['b', 'c']);
  });

  test('a version that nobody is to be shown but itself may be too old', async () => {
    const { api, expire } = subject();
    const { bindings } = await newPlace(api);
    await expire();
    const { status, body } = await api.get(bindings, { resourceVersion: '1', resourceVersionMatch: 'Exact' });
    expect([status, body.reason]).toEqual([410, 'Expired']);
  });

  test.each(['soon', '-1'])('the version %s is refused', async (resourceVersion) => {
    const { api } = subject();
    const { bindings } = await newPlace(api);
    const { status, body } = await api.get(bindings, { resourceVersion });
    expect([status, body.reason]).toEqual([400, 'BadRequest']);
  });

  test('a list of any version will do where any will do', async () => {
    const { api } = subject();
    const { bindings } = await newPlace(api);
    const { status } = await api.get(bindings, { resourceVersion: '0' });
    expect(status).toBe(200);
  });

  test('a read shows every write that was answered before it', async () => {
    const { api } = subject();
    const { bindings } = await newPlace(api);
    for (const name of ['a', 'b', 'c', 'd', 'e', 'f']) {
      await made(api, bindings, bindingOf(name));
      const { body } = await api.get(bindings, { fieldSelector: 'spec.serviceAccountName=inference-sa' });
      expect(namesOf(body)).toContain(name);
    }
  });
}
