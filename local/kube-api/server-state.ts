import { builtInKinds } from './built-in-kinds.ts';
import { resourcesOf } from './definitions.ts';
import { isSameJson } from './json.ts';
import { type Kinds, createKinds } from './kinds.ts';
import type { Store } from './store.ts';

/** What requests work on: the objects, and the kinds that are served. */
export interface ServerState {
  readonly store: Store;
  readonly kinds: Kinds;
}

const definitionStorage = 'customresourcedefinitions';

/**
 * Serves the built-in kinds and those that a store has definitions of, from now on and as they change. Watches must end
 * when the definition of what they watch changes or goes; `endWatches` is told where that kind is stored.
 */
export function createServerState(store: Store, endWatches: (storage: string) => void): ServerState {
  const kinds = createKinds(builtInKinds);
  for (const definition of store.list(definitionStorage))
    kinds.define(definition.metadata.name, resourcesOf(definition));
  store.subscribe(({ storage, type, key, object, previous }) => {
    if (storage !== definitionStorage) return;
    if (type === 'DELETED') kinds.define(key, []);
    else if (!isSameJson(object['spec'], previous?.['spec'])) kinds.define(key, resourcesOf(object));
    else return;
    endWatches(key);
  });
  return { store, kinds };
}
