import type { Binding } from '../api/binding.ts';
import { type Output, outputAnnotations } from '../api/cluster-spiffe-id.ts';
import type { Cluster } from '../kube/cluster.ts';
import { maxReadsByName } from './limits.ts';
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
  /** Bindings as they were read or written last, by name; not those of a whole namespace. */
  readonly bindings: Map<string, Binding>;
  /** Their versions, and those of a whole namespace. */
  readonly versions: Map<string, Version>;
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
  readonly version: Version;
  readonly owner: string | undefined;
}

interface Version {
  readonly uid: string;
  readonly resourceVersion: string;
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
    versions: new Map(),
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
  const isSame = names.every((name) => isSameVersion(bindings.get(name)?.metadata, cache.versions.get(name)));
  if (!isSame) return false;
  const theirs = outputs.filter(([, owner]) => owner !== undefined && own.has(owner));
  const left = [...cache.outputs.values()].filter(({ owner }) => owner !== undefined && own.has(owner));
  return (
    theirs.length === left.length &&
    theirs.every(([{ metadata }]) => isSameVersion(metadata, cache.outputs.get(metadata.name)?.version))
  );
}

/** Remembers bindings as they were read. */
export function cacheBindings(
  cache: RunCache,
  names: readonly string[],
  bindings: ReadonlyMap<string, Binding>,
): void {
  for (const name of names) {
    const binding = bindings.get(name);
    if (binding) cache.versions.set(name, toVersion(binding));
    else cache.versions.delete(name);
    if (binding && names.length <= maxReadsByName) cache.bindings.set(name, binding);
    else cache.bindings.delete(name);
  }
}

/** Remembers the outputs of some bindings as they were read. */
export function cacheOutputs(
  cache: RunCache,
  names: readonly string[],
  outputs: readonly (readonly [Output, string | undefined])[],
): void {
  const own = new Set(names);
  const theirs = outputs.filter(([, owner]) => owner !== undefined && own.has(owner));
  const present = new Set(theirs.map(([output]) => output.metadata.name));
  for (const [name, { owner }] of cache.outputs)
    if (owner !== undefined && own.has(owner) && !present.has(name)) cache.outputs.delete(name);
  for (const [output, owner] of theirs)
    cache.outputs.set(output.metadata.name, { version: toVersion(output), owner });
}

/** Remembers a binding as it was read by its name or written. */
export function cacheBinding(cache: RunCache, binding: Binding): void {
  const { name } = binding.metadata;
  cache.bindings.set(name, binding);
  cache.versions.set(name, toVersion(binding));
}

/** The port of a run, which remembers what is written through it. */
export function cacheWrites(cluster: Cluster, cache: RunCache): Cluster {
  const noteBinding = (binding: Binding) => cacheBinding(cache, binding);
  const noteOutput = (output: Output) =>
    cache.outputs.set(output.metadata.name, {
      version: toVersion(output),
      owner: output.metadata.annotations?.[outputAnnotations.bindingName],
    });
  return {
    ...cluster,
    patchFinalizers: async (...args) => {
      const written = await cluster.patchFinalizers(...args);
      if (written.kind === 'written') noteBinding(written.object);
      return written;
    },
    replaceStatus: async (...args) => {
      const written = await cluster.replaceStatus(...args);
      if (written.kind === 'written') noteBinding(written.object);
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

/** Not the metadata itself, of which some are large. */
function toVersion({ metadata: { uid, resourceVersion } }: Binding | Output): Version {
  return { uid, resourceVersion };
}

function isSameVersion(a: Version | undefined, b: Version | undefined): boolean {
  return a?.uid === b?.uid && a?.resourceVersion === b?.resourceVersion;
}
