import { describe, expect, test } from 'vitest';
import type { KubeObject } from './kube-object.ts';
import { type Change, type Entry, createStore } from './store.ts';

function thing(name: string, color = 'red'): KubeObject {
  return { apiVersion: 'test.dev/v1', kind: 'Thing', metadata: { name, namespace: 'a' }, spec: { color } };
}

function emptyStore() {
  return createStore([], () => {});
}

function names(objects: readonly KubeObject[]): string[] {
  return objects.map(({ metadata }) => metadata.name);
}

test('each write is one revision, over all kinds, and the object carries it', () => {
  const store = emptyStore();
  const start = store.revision();
  expect(store.put('things', thing('one')).metadata.resourceVersion).toBe(String(start + 1));
  expect(store.put('others', thing('one')).metadata.resourceVersion).toBe(String(start + 2));
  store.remove('things', 'a/one');
  expect(store.revision()).toBe(start + 3);
});

test('a list comes in the order of keys, whenever they came', () => {
  const store = emptyStore();
  for (const name of ['b', 'a-2', 'c', 'a', 'B']) store.put('things', thing(name));
  expect(names(store.list('things'))).toEqual(['B', 'a', 'a-2', 'b', 'c']);
});

test('a list of an earlier revision shows what was there then', () => {
  const store = emptyStore();
  store.put('things', thing('changed'));
  store.put('things', thing('deleted'));
  const then = store.revision();
  store.put('things', thing('changed', 'blue'));
  store.remove('things', 'a/deleted');
  store.put('things', thing('new'));
  expect(store.list('things', then).map(({ metadata, spec }) => [metadata.name, spec])).toEqual([
    ['changed', { color: 'red' }],
    ['deleted', { color: 'red' }],
  ]);
  expect(names(store.list('things'))).toEqual(['changed', 'new']);
});

test('a deletion is told as the last state under the revision of the deletion', () => {
  const store = emptyStore();
  const told: Change[] = [];
  store.subscribe((change) => told.push(change));
  const stored = store.put('things', thing('one'));
  store.remove('things', 'a/one');
  expect(told.map(({ type }) => type)).toEqual(['ADDED', 'DELETED']);
  expect(told[1]?.object).toEqual({
    ...stored,
    metadata: { ...stored.metadata, resourceVersion: String(store.revision()) },
  });
  expect(told[1]?.previous).toEqual(stored);
});

test('a listener that has left hears nothing', () => {
  const store = emptyStore();
  const told: Change[] = [];
  const leave = store.subscribe((change) => told.push(change));
  leave();
  store.put('things', thing('one'));
  expect(told).toEqual([]);
});

describe('history', () => {
  test('changes since a revision are those of one kind, in order', () => {
    const store = emptyStore();
    store.put('things', thing('before'));
    const then = store.revision();
    store.put('things', thing('one'));
    store.put('others', thing('two'));
    store.put('things', thing('three'));
    const changes = store.changesSince('things', then);
    expect(changes.map(({ object }) => object.metadata.name)).toEqual(['one', 'three']);
    expect(store.changesSince('things', store.revision())).toEqual([]);
  });

  test('compacting forgets it and goes on', () => {
    const store = emptyStore();
    store.put('things', thing('one'));
    store.compact();
    const compacted = store.revision();
    expect(store.compactedRevision()).toBe(compacted);
    expect(store.changesSince('things', 0)).toEqual([]);
    store.put('things', thing('two'));
    expect(names(store.changesSince('things', compacted).map(({ object }) => object))).toEqual(['two']);
  });

  test('it is bounded, and says how far back it goes', () => {
    const store = emptyStore();
    for (let count = 0; count <= 30_000; count += 1) store.put('things', thing('one', String(count)));
    const oldest = store.compactedRevision();
    expect(store.revision() - oldest).toBe(20_000);
    expect(store.changesSince('things', oldest)).toHaveLength(20_000);
    expect(store.changesSince('things', oldest)[0]?.revision).toBe(oldest + 1);
  });
});

describe('what is recorded', () => {
  test('makes the same store again, with the same revision', () => {
    const entries: Entry[] = [];
    const store = createStore([], (entry) => entries.push(entry));
    store.put('things', thing('kept'));
    store.put('things', thing('gone'));
    store.remove('things', 'a/gone');
    const again = createStore(entries, () => {});
    expect(again.list('things')).toEqual(store.list('things'));
    expect(again.revision()).toBe(store.revision());
  });

  test('starts without a history: older revisions are forgotten', () => {
    const entries: Entry[] = [];
    createStore([], (entry) => entries.push(entry)).put('things', thing('one'));
    const again = createStore(entries, () => {});
    expect(again.compactedRevision()).toBe(again.revision());
  });

  test('what cannot be recorded does not happen', () => {
    const store = createStore([], () => {
      throw new Error('disk full');
    });
    const before = store.revision();
    expect(() => store.put('things', thing('one'))).toThrow('disk full');
    expect(store.list('things')).toEqual([]);
    expect(store.revision()).toBe(before);
  });
});
