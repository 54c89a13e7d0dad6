import { cleanupFinalizer } from './definitions.ts';
import type { Kinds, Resource } from './kinds.ts';
import { type KubeObject, isDeleting, keyOf, withMetadata } from './kube-object.ts';
import type { ServerState } from './server-state.ts';
import type { Store } from './store.ts';
import { deleteObject } from './writes.ts';

const containers = new Set(['namespaces', 'customresourcedefinitions']);

/** Empties and then removes namespaces and definitions that are being deleted, as controllers do in a real cluster. */
export function runTerminations({ store, kinds }: ServerState): void {
  let isScheduled = false;

  function run(): void {
    isScheduled = false;
    for (const namespace of store.list('namespaces').filter(isDeleting))
      finishNamespace(store, kinds, namespace);
    for (const definition of store.list('customresourcedefinitions').filter(isDeleting)) {
      finishDefinition(store, kinds, definition);
    }
  }

  function schedule(): void {
    if (isScheduled) return;
    isScheduled = true;
    // After the answer to the request that caused it, so that a client sees the deletion begin.
    setImmediate(run);
  }

  store.subscribe(({ type, storage, object }) => {
    if (type === 'DELETED' || (containers.has(storage) && isDeleting(object))) schedule();
  });
  schedule();
}

function finishNamespace(store: Store, kinds: Kinds, namespace: KubeObject): void {
  const { name, finalizers = [] } = namespace.metadata;
  // Two resources may show the same objects, so each storage is emptied once.
  const resources = new Map(
    kinds
      .all()
      .filter((each) => each.isNamespaced)
      .map((each) => [each.storage, each]),
  );
  const emptied = [...resources.values()].map((resource) =>
    empty(
      store,
      resource,
      store.list(resource.storage).filter(({ metadata }) => metadata.namespace === name),
    ),
  );
  if (emptied.every(Boolean) && finalizers.length === 0) store.remove('namespaces', name);
}

/** Begins to delete what is left, and says whether anything still holds on. */
function empty(store: Store, resource: Resource, objects: readonly KubeObject[]): boolean {
  const left = objects.filter(({ metadata }) => {
    const target = {
      resource,
      namespace: metadata.namespace ?? '',
      name: metadata.name,
      part: 'object',
    } as const;
    return !deleteObject(store, target, {}, false).gone;
  });
  return left.length === 0;
}

function finishDefinition(store: Store, kinds: Kinds, definition: KubeObject): void {
  const { name, finalizers = [] } = definition.metadata;
  const resource = kinds.all().find((each) => each.storage === name);
  if (resource !== undefined && !empty(store, resource, store.list(name))) return;
  const others = finalizers.filter((each) => each !== cleanupFinalizer);
  if (others.length === 0) store.remove('customresourcedefinitions', keyOf(undefined, name));
  else if (others.length < finalizers.length) {
    store.put('customresourcedefinitions', withMetadata(definition, { finalizers: others }));
  }
}
