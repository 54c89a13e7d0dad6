import { expect, onTestFinished, test } from 'vitest';
import type { Api, Watch, WatchEvent } from './api.ts';
import {
  type Place,
  type Subject,
  bindingOf,
  made,
  newName,
  newPlace,
  outputOf,
  outputsPath,
} from './subject.ts';

const finalizer = 'kleym.sonda.red/test';

function told(events: readonly WatchEvent[]): string[] {
  return events.map(({ type, object }) => `${type} ${object.metadata.name}`);
}

/** Watches from now on. */
async function watchFromNow(
  api: Api,
  path: string,
  query: Readonly<Record<string, string>> = {},
): Promise<Watch> {
  const { body } = await api.get(path, { limit: '1' });
  const watch = await api.watch(path, { ...query, resourceVersion: body.metadata.resourceVersion });
  onTestFinished(() => watch.close());
  return watch;
}

/** What a watch tells, in which order, from where on. */
export function describeWatches(subject: () => Subject): void {
  describeOrder(subject);
  describeSelection(subject);
  describeEnds(subject);
}

async function changeAll(api: Api, { bindings }: Place): Promise<void> {
  await made(api, bindings, bindingOf('a'));
  await api.patch(`${bindings}/a`, 'merge', { spec: { serviceAccountName: 'other' } });
  await api.patch(`${bindings}/a/status`, 'merge', { status: { observedGeneration: 2 } });
  await made(api, bindings, bindingOf('b'));
  await api.delete(`${bindings}/a`);
}

function describeOrder(subject: () => Subject): void {
  test('a watch from a list on tells every change once and in order', async () => {
    const { api } = subject();
    const place = await newPlace(api);
    const watch = await watchFromNow(api, place.bindings);
    await changeAll(api, place);
    const events = await watch.take(5);
    expect(told(events)).toEqual(['ADDED a', 'MODIFIED a', 'MODIFIED a', 'ADDED b', 'DELETED a']);
    const versions = events.map(({ object }) => Number(object.metadata.resourceVersion));
    expect(versions).toEqual(versions.toSorted((a, b) => a - b));
    expect(new Set(versions).size).toBe(5);
    expect(events[0]?.object).toMatchObject({
      kind: 'InferenceIdentityBinding',
      apiVersion: 'kleym.sonda.red/v1alpha1',
    });
  });

  test('a watch is taken up where another one ended', async () => {
    const { api } = subject();
    const place = await newPlace(api);
    const first = await watchFromNow(api, place.bindings);
    await changeAll(api, place);
    const [, , third] = await first.take(3);
    const resourceVersion = third?.object.metadata.resourceVersion ?? '';
    const second = await api.watch(place.bindings, { resourceVersion });
    onTestFinished(() => second.close());
    expect(told(await second.take(2))).toEqual(['ADDED b', 'DELETED a']);
  });

  test.each([{}, { resourceVersion: '0' }])('a watch from %o begins with what is there', async (query) => {
    const { api } = subject();
    const { bindings } = await newPlace(api);
    await made(api, bindings, bindingOf('a'));
    await made(api, bindings, bindingOf('b'));
    const watch = await api.watch(bindings, query);
    onTestFinished(() => watch.close());
    expect(told(await watch.take(2)).toSorted()).toEqual(['ADDED a', 'ADDED b']);
    await api.delete(`${bindings}/a`);
    expect(told(await watch.take(1))).toEqual(['DELETED a']);
  });

  test('a deletion shows the last state, under the version of the deletion', async () => {
    const { api } = subject();
    const { bindings } = await newPlace(api);
    const stored = await made(api, bindings, bindingOf('a', { labels: { a: 'b' } }));
    const watch = await watchFromNow(api, bindings);
    await api.delete(`${bindings}/a`);
    const [event] = await watch.take(1);
    expect(event?.object.metadata).toMatchObject({
      uid: stored.metadata.uid,
      labels: { a: 'b' },
      generation: 1,
    });
    expect(event?.object.metadata.deletionTimestamp).toBeUndefined();
    expect(Number(event?.object.metadata.resourceVersion)).toBeGreaterThan(
      Number(stored.metadata.resourceVersion),
    );
  });

  test('a deletion that a finalizer held shows as a change, and later as a deletion that still has the finalizer', async () => {
    const { api } = subject();
    const { bindings } = await newPlace(api);
    await made(api, bindings, bindingOf('a', { finalizers: [finalizer] }));
    const watch = await watchFromNow(api, bindings);
    await api.delete(`${bindings}/a`);
    await api.patch(`${bindings}/a`, 'merge', { metadata: { finalizers: null } });
    const [change, end] = await watch.take(2);
    expect([change?.type, change?.object.metadata]).toEqual([
      'MODIFIED',
      expect.objectContaining({ finalizers: [finalizer], deletionGracePeriodSeconds: 0, generation: 2 }),
    ]);
    expect([end?.type, end?.object.metadata]).toEqual([
      'DELETED',
      expect.objectContaining({ finalizers: [finalizer], deletionTimestamp: expect.any(String) }),
    ]);
    const versions = [change, end].map((event) => Number(event?.object.metadata.resourceVersion));
    expect(versions[1]).toBeGreaterThan(versions[0] ?? 0);
  });

  test('a write that changes nothing is not told', async () => {
    const { api } = subject();
    const { bindings } = await newPlace(api);
    await made(api, bindings, bindingOf('a', { labels: { a: 'b' } }));
    const watch = await watchFromNow(api, bindings);
    await api.patch(`${bindings}/a`, 'merge', { metadata: { labels: { a: 'b' } } });
    await made(api, bindings, bindingOf('b'));
    expect(told(await watch.take(1))).toEqual(['ADDED b']);
  });

  test('a dry run is not told', async () => {
    const { api } = subject();
    const { bindings } = await newPlace(api);
    const watch = await watchFromNow(api, bindings);
    await api.post(bindings, bindingOf('a'), { dryRun: 'All' });
    await made(api, bindings, bindingOf('b'));
    expect(told(await watch.take(1))).toEqual(['ADDED b']);
  });
}

function describeSelection(subject: () => Subject): void {
  test('an object that enters a label selector is added, one that leaves it is deleted, with its old labels', async () => {
    const { api } = subject();
    const name = newName('output');
    const path = `${outputsPath}/${name}`;
    const label = `label-${name}`;
    await made(api, outputsPath, outputOf(name));
    const watch = await watchFromNow(api, outputsPath, { labelSelector: `${label}=in` });
    const changes = [{ [label]: 'in' }, { [label]: 'in', more: 'x' }, { [label]: 'out' }, { [label]: 'in' }];
    const versions: unknown[] = [];
    for (const labels of changes) {
      const { body } = await api.patch(path, 'merge', { metadata: { labels } });
      versions.push(body.metadata.resourceVersion);
    }
    const events = await watch.take(4);
    expect(events.map(({ type }) => type)).toEqual(['ADDED', 'MODIFIED', 'DELETED', 'ADDED']);
    expect(events.map(({ object }) => object.metadata.resourceVersion)).toEqual(versions);
    expect(events[2]?.object.metadata.labels).toEqual({ [label]: 'in', more: 'x' });
  });

  test.each([
    [
      'spec.serviceAccountName',
      '',
      { spec: { serviceAccountName: 'chosen' } },
      { spec: { serviceAccountName: 'other' } },
    ],
    [
      'status.claim.serviceAccountName',
      '/status',
      { status: { claim: { kind: 'owning', name: 'o', uid: 'u', serviceAccountName: 'chosen' } } },
      { status: { claim: null } },
    ],
  ])('an object enters and leaves a selector by %s', async (field, part, enter, leave) => {
    const { api } = subject();
    const { bindings } = await newPlace(api);
    await made(api, bindings, bindingOf('a'));
    const watch = await watchFromNow(api, bindings, { fieldSelector: `${field}=chosen` });
    await api.patch(`${bindings}/a${part}`, 'merge', enter);
    await api.patch(`${bindings}/a${part}`, 'merge', leave);
    await api.patch(`${bindings}/a${part}`, 'merge', enter);
    expect(told(await watch.take(3))).toEqual(['ADDED a', 'DELETED a', 'ADDED a']);
  });

  test('a watch of one namespace hears of no other', async () => {
    const { api } = subject();
    const [here, there] = [await newPlace(api), await newPlace(api)];
    const watch = await watchFromNow(api, here.bindings);
    await made(api, there.bindings, bindingOf('a'));
    await made(api, here.bindings, bindingOf('b'));
    expect(told(await watch.take(1))).toEqual(['ADDED b']);
  });

  test('a watch of one object hears of no other', async () => {
    const { api } = subject();
    const { bindings } = await newPlace(api);
    const watch = await watchFromNow(api, bindings, { fieldSelector: 'metadata.name=b' });
    await made(api, bindings, bindingOf('a'));
    await made(api, bindings, bindingOf('b'));
    expect(told(await watch.take(1))).toEqual(['ADDED b']);
  });
}

function describeEnds(subject: () => Subject): void {
  test('a bookmark says how far a watch came, and nothing else', async () => {
    const { api } = subject();
    const { bindings } = await newPlace(api);
    const { metadata } = await made(api, bindings, bindingOf('a'));
    // The only bookmark that does not take a minute to come: the one behind what was there at the start.
    const initially = {
      sendInitialEvents: 'true',
      resourceVersionMatch: 'NotOlderThan',
      allowWatchBookmarks: 'true',
    };
    const watch = await api.watch(bindings, initially);
    onTestFinished(() => watch.close());
    const [added, bookmark] = await watch.take(2);
    expect([added?.type, bookmark?.type]).toEqual(['ADDED', 'BOOKMARK']);
    expect(bookmark?.object).toEqual({
      kind: 'InferenceIdentityBinding',
      apiVersion: 'kleym.sonda.red/v1alpha1',
      metadata: expect.objectContaining({ resourceVersion: expect.stringMatching(/^\d+$/) }),
    });
    const { resourceVersion = '' } = bookmark?.object.metadata ?? {};
    expect(Number(resourceVersion)).toBeGreaterThanOrEqual(Number(metadata.resourceVersion));
    const next = await api.watch(bindings, { resourceVersion });
    onTestFinished(() => next.close());
    await made(api, bindings, bindingOf('b'));
    expect(told(await next.take(1))).toEqual(['ADDED b']);
  });

  test('a watch ends after its time', async () => {
    const { api } = subject();
    const { bindings } = await newPlace(api);
    const { metadata } = await made(api, bindings, bindingOf('a'));
    const watch = await api.watch(bindings, {
      resourceVersion: metadata.resourceVersion,
      timeoutSeconds: '1',
    });
    expect(await watch.rest()).toEqual([]);
  });

  test('a watch from a version that is forgotten ends with a 410 in its stream', async () => {
    const { api, expire } = subject();
    const { bindings } = await newPlace(api);
    await made(api, bindings, bindingOf('a'));
    await expire();
    const watch = await api.watch(bindings, { resourceVersion: '1' });
    const events = await watch.rest();
    expect(events).toEqual([
      {
        type: 'ERROR',
        object: expect.objectContaining({
          kind: 'Status',
          code: 410,
          reason: 'Expired',
          message: expect.stringMatching(/^too old resource version: 1 \(\d+\)$/),
        }),
      },
    ]);
  });
}
