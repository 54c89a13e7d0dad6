import { findReady } from '../../shared/api/conditions.ts';
import type { BindingStatus } from '../../shared/api/binding.ts';
import type { Stored } from '../support/kube-client.ts';
import type { BareClient } from './bare-client.ts';

/** What a watch has seen, so that nothing needs to be asked of the API server again and again. */
export interface ObjectWatch {
  /** Waits until each of these names was seen in a state that holds; the answer is when the last one was. */
  until(names: Iterable<string>, holds: (object: Stored) => boolean): Promise<number>;
  /** The same, with a look at what is missing. */
  follow(names: Iterable<string>, holds: (object: Stored) => boolean): Following;
  stop(): void;
}

interface Following {
  readonly done: Promise<number>;
  readonly left: () => readonly string[];
}

interface Wish {
  readonly names: Set<string>;
  readonly holds: (object: Stored) => boolean;
  readonly granted: (at: number) => void;
}

export const bindingsIn = (namespace: string) =>
  `/apis/kleym.sonda.red/v1alpha1/namespaces/${namespace}/inferenceidentitybindings`;
export const outputsPath = '/apis/spire.spiffe.io/v1alpha1/clusterspiffeids';

/** Watches a list from now on. A wish must be made before what it waits for is asked for. */
export async function watchObjects(client: BareClient, path: string, query = ''): Promise<ObjectWatch> {
  const wishes = new Set<Wish>();
  const stop = await client.watch(path, query, (line) => {
    if (wishes.size === 0) return;
    const { object } = JSON.parse(line) as { readonly object: Stored };
    for (const wish of wishes) {
      if (!wish.names.has(object.metadata.name) || !wish.holds(object)) continue;
      wish.names.delete(object.metadata.name);
      if (wish.names.size > 0) continue;
      wishes.delete(wish);
      wish.granted(performance.now());
    }
  });
  function follow(names: Iterable<string>, holds: (object: Stored) => boolean): Following {
    const left = new Set(names);
    const { promise: done, resolve: granted } = Promise.withResolvers<number>();
    wishes.add({ names: left, holds, granted });
    return { done, left: () => [...left] };
  }
  return { stop, follow, until: (names, holds) => follow(names, holds).done };
}

/** Whether a binding says that it is ready, of what its spec is now. */
export function isReady(object: Stored): boolean {
  const ready = findReady(toStatus(object));
  return ready?.status === 'True' && ready.observedGeneration === object.metadata.generation;
}

/** Whether it is decided what becomes of its spec as it is now. */
export function isSaid(object: Stored): boolean {
  const ready = findReady(toStatus(object));
  if (!ready || ready.observedGeneration !== object.metadata.generation) return false;
  return ready.status !== 'Unknown';
}

/** What is said, for people. */
export function wordsOf(object: Stored): string {
  const ready = findReady(toStatus(object));
  return ready
    ? `Ready=${ready.status} ${ready.reason}: ${ready.message.slice(0, 200)}`
    : 'nothing is said of it';
}

/** Which generation of its pool a binding speaks of. */
export function poolGenerationOf(object: Stored): number | undefined {
  return toStatus(object).observed?.pool?.generation;
}

function toStatus(object: Stored): BindingStatus {
  return object['status'] ?? {};
}
