import type { Binding } from '../api/binding.ts';
import { type Output, outputAnnotations } from '../api/cluster-spiffe-id.ts';
import type { Cluster } from '../kube/cluster.ts';
import { type LargeAccounts, createLargeAccounts } from './large-accounts.ts';
import type { ReadSources } from './read-sources.ts';

/**
 * What a run has read and written so far. It saves reads. It also remembers the keys that the bindings of the run have
 * left, because their neighbours must be looked after. It dies with the run, and the collect is right without it.
 */
export interface RunCache {
  /** Digests of all keys that the bindings of the run and their outputs have had. */
  readonly keys: Set<string>;
  /** The keys that they have held, by a claim or an output. */
  readonly heldKeys: Set<string>;
  /** The shapes of all these keys, where overlaps are refused; undefined: one of them has none. */
  readonly shapes: Set<string | undefined>;
  /** All service accounts that they have had. */
  readonly accounts: Set<string>;
  /** The names of recorded peers whose service accounts are among these. */
  readonly peers: Set<string>;
  /** Bindings as they were read or written last, by name. */
  readonly bindings: Map<string, Binding>;
  /** The names that this run has just read; nothing was read or written since. */
  justRead: ReadonlySet<string>;
  /** Outputs as they were read or written last, by name. */
  readonly outputs: Map<string, SeenOutput>;
  /** Whether all bindings of the namespace may be read for those that the run creates: a hint. */
  isSmallNamespace: boolean;
  /** Pools and objectives. */
  sources: ReadSources | undefined;
  /** The most bindings and outputs that a collect listed. */
  listed: number;
  /** May be shared with other runs. */
  readonly largeAccounts: LargeAccounts;
}

interface SeenOutput {
  readonly version: string;
  readonly owner: string | undefined;
}

/** An empty cache. */
export function createRunCache(largeAccounts = createLargeAccounts(() => 0)): RunCache {
  return {
    keys: new Set(),
    heldKeys: new Set(),
    shapes: new Set(),
    accounts: new Set(),
    peers: new Set(),
    bindings: new Map(),
    justRead: new Set(),
    outputs: new Map(),
    isSmallNamespace: false,
    sources: undefined,
    listed: 0,
    largeAccounts,
  };
}

/**
 * Whether bindings and their outputs are as this run left them. Then nobody has acted on a later state of their pools
 * and objectives, and what was read of these still holds. Otherwise they are read again: a run must never undo from an
 * old pool what somebody has written from a new one.
 */
export function isUnchanged(
  cache: RunCache,
  names: readonly string[],
  bindings: ReadonlyMap<string, Binding>,
  outputs: readonly (readonly [Output, string | undefined])[],
): boolean {
  const own = new Set(names);
  const isSame = names.every((name) => toVersion(bindings.get(name)) === toVersion(cache.bindings.get(name)));
  if (!isSame) return false;
  const theirs = outputs.filter(([, owner]) => owner !== undefined && own.has(owner));
  const left = [...cache.outputs.values()].filter(({ owner }) => owner !== undefined && own.has(owner));
  return (
    theirs.length === left.length &&
    theirs.every(([output]) => cache.outputs.get(output.metadata.name)?.version === toVersion(output))
  );
}

/** Remembers what was read of some bindings and their outputs. */
export function cacheReads(
  cache: RunCache,
  names: readonly string[],
  bindings: ReadonlyMap<string, Binding>,
  outputs: readonly (readonly [Output, string | undefined])[],
): void {
  const own = new Set(names);
  for (const name of names) {
    const binding = bindings.get(name);
    if (binding) cache.bindings.set(name, binding);
    else cache.bindings.delete(name);
  }
  const theirs = outputs.filter(([, owner]) => owner !== undefined && own.has(owner));
  const present = new Set(theirs.map(([output]) => output.metadata.name));
  for (const [name, { owner }] of cache.outputs)
    if (owner !== undefined && own.has(owner) && !present.has(name)) cache.outputs.delete(name);
  for (const [output, owner] of theirs)
    cache.outputs.set(output.metadata.name, { version: toVersion(output), owner });
}

/** The port of a run, which remembers what is written through it. */
export function cacheWrites(cluster: Cluster, cache: RunCache): Cluster {
  const noteOutput = (output: Output) =>
    cache.outputs.set(output.metadata.name, {
      version: toVersion(output),
      owner: output.metadata.annotations?.[outputAnnotations.bindingName],
    });
  return {
    ...cluster,
    patchFinalizers: async (...args) => {
      const written = await cluster.patchFinalizers(...args);
      if (written.kind === 'written') cache.bindings.set(args[1].name, written.object);
      return written;
    },
    replaceStatus: async (...args) => {
      const written = await cluster.replaceStatus(...args);
      if (written.kind === 'written') cache.bindings.set(args[1].name, written.object);
      return written;
    },
    createOutput: async (...args) => {
      const written = await cluster.createOutput(...args);
      if (written.kind === 'written' && !args[1]?.dryRun) noteOutput(written.object);
      return written;
    },
    replaceOutput: async (...args) => {
      const written = await cluster.replaceOutput(...args);
      if (written.kind === 'written') noteOutput(written.object);
      return written;
    },
    deleteOutput: async (aim) => {
      const written = await cluster.deleteOutput(aim);
      if (written.kind === 'written') cache.outputs.delete(aim.name);
      return written;
    },
  };
}

function toVersion(object: Binding | Output | undefined): string {
  return object ? `${object.metadata.uid} ${object.metadata.resourceVersion}` : 'absent';
}
