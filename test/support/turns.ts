import { setImmediate } from 'node:timers/promises';
import type { Cluster } from '../../shared/kube/cluster.ts';

/** A call that a run wants to make, and that waits for its turn. */
export interface Call {
  readonly name: keyof Cluster;
  readonly isWrite: boolean;
  /** Makes the call and hands the answer to the run. */
  readonly make: () => Promise<void>;
  /** Makes the call when nobody waits for its answer any more. */
  readonly land: () => Promise<void>;
}

/** The calls of one run, in the order in which it asked. */
export interface Turns {
  readonly cluster: Cluster;
  readonly waiting: Call[];
}

const writes: readonly (keyof Cluster)[] = [
  'patchFinalizers',
  'replaceStatus',
  'createOutput',
  'replaceOutput',
  'deleteOutput',
];

/** A cluster whose calls are made one by one, when somebody says so. Events are told to nobody. */
export function takeTurns(cluster: Cluster): Turns {
  const waiting: Call[] = [];
  const proxy = new Proxy(cluster, {
    get: (target, name: keyof Cluster) => {
      if (name === 'announce') return async () => ({ kind: 'written', object: undefined });
      const call = target[name] as (...args: unknown[]) => Promise<unknown>;
      return async (...args: unknown[]) => {
        const answer = Promise.withResolvers<unknown>();
        waiting.push({
          name,
          isWrite: writes.includes(name),
          make: async () => {
            await call(...args).then(answer.resolve, answer.reject);
            // Lets the run go on to its next call.
            await setImmediate();
          },
          land: async () => {
            await call(...args).catch(() => undefined);
          },
        });
        return answer.promise;
      };
    },
  });
  return { cluster: proxy, waiting };
}

/** Numbers from 0 to 1 that follow from a seed (mulberry32). */
export function createRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
