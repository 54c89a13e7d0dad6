import { type KubeObject, keyOf, withMetadata } from './kube-object.ts';

/** One write, as watchers see it; `object` carries the revision of the write, `previous` its own. */
export interface Change {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED';
  readonly revision: number;
  readonly storage: string;
  readonly key: string;
  readonly object: KubeObject;
  readonly previous: KubeObject | undefined;
}

/** What is written down so that a restart finds it again; `object` is absent for a deletion. */
export interface Entry {
  readonly revision: number;
  readonly storage: string;
  readonly key: string;
  readonly object?: KubeObject;
}

export interface Store {
  /** The revision of the last write; it only grows. */
  revision(): number;
  /** Changes up to and including this revision are forgotten. */
  compactedRevision(): number;
  compact(): void;
  get(storage: string, key: string): KubeObject | undefined;
  /** All objects in the order of their keys, now or at a revision that is not forgotten. */
  list(storage: string, revision?: number): KubeObject[];
  put(storage: string, object: KubeObject): KubeObject;
  remove(storage: string, key: string): KubeObject;
  changesSince(storage: string, revision: number): Change[];
  subscribe(listener: (change: Change) => void): () => void;
  entries(): Entry[];
}

interface Shelf {
  readonly objects: Map<string, KubeObject>;
  /** Sorted; undefined after a key came or went, until the next list. */
  keys: string[] | undefined;
}

/** How many changes a store remembers for watches and for lists that go on; older ones answer 410. */
const remembered = 20_000;

/** Keeps objects with one growing revision over all of them, remembers recent changes and tells listeners. */
export function createStore(initial: readonly Entry[], record: (entry: Entry) => void): Store {
  const shelves = toShelves(initial);
  const listeners = new Set<(change: Change) => void>();
  let history: Change[] = [];
  let revision = initial.reduce((highest, entry) => Math.max(highest, entry.revision), 1);
  let compacted = revision;

  function shelfOf(storage: string): Shelf {
    const shelf = shelves.get(storage) ?? { objects: new Map(), keys: undefined };
    shelves.set(storage, shelf);
    return shelf;
  }

  function notify(change: Change): void {
    history.push(change);
    if (history.length > remembered * 1.5) forget();
    for (const listener of Array.from(listeners)) listener(change);
  }

  function forget(): void {
    history = history.slice(-remembered);
    compacted = (history[0]?.revision ?? revision + 1) - 1;
  }

  function changesSince(storage: string, since: number): Change[] {
    // Each write is one revision, so a revision is also a place in the history.
    const first = since + 1 - (history[0]?.revision ?? 0);
    return history.slice(Math.max(0, first)).filter((change) => change.storage === storage);
  }

  return {
    revision: () => revision,
    compactedRevision: () => compacted,
    compact() {
      history = [];
      compacted = revision;
    },
    get: (storage, key) => shelfOf(storage).objects.get(key),
    list(storage, at = revision) {
      const shelf = shelfOf(storage);
      return at < revision ? inOrder(rewind(shelf.objects, changesSince(storage, at))) : listShelf(shelf);
    },
    put(storage, object) {
      const key = keyOf(object.metadata.namespace, object.metadata.name);
      const shelf = shelfOf(storage);
      const previous = shelf.objects.get(key);
      const stored = withMetadata(object, { resourceVersion: String(revision + 1) });
      // Written down first: what could not be recorded has not happened.
      record({ revision: revision + 1, storage, key, object: stored });
      revision += 1;
      shelf.objects.set(key, stored);
      if (previous === undefined) shelf.keys = undefined;
      notify({ type: previous ? 'MODIFIED' : 'ADDED', revision, storage, key, object: stored, previous });
      return stored;
    },
    remove(storage, key) {
      const shelf = shelfOf(storage);
      const previous = shelf.objects.get(key);
      if (previous === undefined) throw new Error(`cannot remove ${storage} ${key}: it is not stored`);
      record({ revision: revision + 1, storage, key });
      revision += 1;
      shelf.objects.delete(key);
      shelf.keys = undefined;
      // Watchers of a deletion see the last state, under the revision of the deletion.
      const object = withMetadata(previous, { resourceVersion: String(revision) });
      notify({ type: 'DELETED', revision, storage, key, object, previous });
      return object;
    },
    changesSince,
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    entries: () => [...shelves].flatMap(([storage, shelf]) => toEntries(storage, shelf)),
  };
}

function toShelves(entries: readonly Entry[]): Map<string, Shelf> {
  const shelves = new Map<string, Shelf>();
  for (const { storage, key, object } of entries) {
    const shelf = shelves.get(storage) ?? { objects: new Map<string, KubeObject>(), keys: undefined };
    shelves.set(storage, shelf);
    if (object === undefined) shelf.objects.delete(key);
    else shelf.objects.set(key, object);
  }
  return shelves;
}

function inOrder(objects: ReadonlyMap<string, KubeObject>): KubeObject[] {
  return pick(objects, sortedKeys(objects));
}

function pick(objects: ReadonlyMap<string, KubeObject>, keys: readonly string[]): KubeObject[] {
  return keys.flatMap((key) => objects.get(key) ?? []);
}

function sortedKeys(objects: ReadonlyMap<string, KubeObject>): string[] {
  // By code units, not by locale: lists are continued from a key, so the order must never vary.
  return [...objects.keys()].toSorted((left, right) => (left < right ? -1 : 1));
}

/** The shelf of a kind as it was: what happened since is taken back, newest first. */
function rewind(
  objects: ReadonlyMap<string, KubeObject>,
  changes: readonly Change[],
): Map<string, KubeObject> {
  const past = new Map(objects);
  for (const change of changes.toReversed()) {
    if (change.previous === undefined) past.delete(change.key);
    else past.set(change.key, change.previous);
  }
  return past;
}

function listShelf(shelf: Shelf): KubeObject[] {
  shelf.keys ??= sortedKeys(shelf.objects);
  return pick(shelf.objects, shelf.keys);
}

function toEntries(storage: string, { objects }: Shelf): Entry[] {
  return [...objects].map(([key, object]) => ({
    revision: Number(object.metadata.resourceVersion),
    storage,
    key,
    object,
  }));
}
