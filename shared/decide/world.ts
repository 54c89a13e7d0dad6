import { type Binding, type Claim, bindingFinalizer } from '../api/binding.ts';
import type { Output } from '../api/cluster-spiffe-id.ts';
import { findReady } from '../api/conditions.ts';
import { compareText } from '../identity/canonical.ts';
import { type Slice, parseSlice, toHeldKey, toKey } from '../identity/collision-key.ts';
import { type ClaimedOutput, isClaimedOutput, ownerUidOf, parseOwner } from '../identity/ownership.ts';
import { findSlice } from '../identity/render-identity.ts';
import type { Settings } from '../identity/settings.ts';
import type { Sources } from '../identity/sources.ts';
import { type OverlapIndex, indexOverlaps } from './overlap-index.ts';

/** What one collect read of a namespace, or of a part of it: first bindings, then outputs, then pools and objectives. */
export interface Snapshot {
  readonly namespace: string;
  readonly bindings: ReadonlyMap<string, Binding>;
  readonly outputs: readonly Output[] | 'unserved';
  readonly sources: Sources;
  readonly clock: Clock;
  /** Only bindings and outputs of the same keys were read, so new overlaps do not show. */
  readonly isNarrow?: true;
  /**
   * Converged bindings that only share a service account: their claims were read, but neither their outputs nor their
   * pools.
   */
  readonly partial?: ReadonlySet<string>;
  /** Bindings that were read because they may overlap with others: of their own peers only these were read. */
  readonly peerless?: ReadonlySet<string>;
}

/** The API server's time, as text: instants of one format compare as they stand. */
export interface Clock {
  readonly now: string;
  /** A POST that was announced later than this may still land. */
  readonly quarantine: string;
  /** A claim that is dated later than this was dated by a wrong clock. */
  readonly horizon: string;
}

/** An output of ours, with what it means. */
export interface HeldOutput {
  readonly output: Output;
  /** The binding that it names. */
  readonly owner: string;
  readonly ownerUid: string | undefined;
  readonly key: string | undefined;
}

/** A snapshot, compiled once for all decisions that are taken from it. */
export interface World {
  readonly snapshot: Snapshot;
  readonly settings: Settings;
  readonly outputs: readonly HeldOutput[];
  readonly outputsByOwner: ReadonlyMap<string, readonly HeldOutput[]>;
  /** The keys that live bindings ask for, by the names of the bindings; only of those that can be rendered. */
  readonly requests: ReadonlyMap<string, string>;
  /** The same bindings by their keys, sorted by name. */
  readonly requesters: ReadonlyMap<string, readonly Binding[]>;
  /** Bindings and outputs by the keys that they hold. */
  readonly claimHolders: ReadonlyMap<string, readonly Binding[]>;
  readonly outputHolders: ReadonlyMap<string, readonly HeldOutput[]>;
  /** Bindings whose claims cannot be read, by the service accounts whose keys they may hold. */
  readonly unreadableClaims: ReadonlyMap<string, readonly Binding[]>;
  /** All keys that are asked for, and all that are held. */
  readonly requested: OverlapIndex;
  readonly held: OverlapIndex;
}

/** Compiles a snapshot. */
export function toWorld(snapshot: Snapshot, settings: Settings): World {
  const steps = compileWorld(snapshot, settings);
  for (;;) {
    const step = steps.next();
    if (step.done) return step.value;
  }
}

/** Compiles a snapshot with pauses, so that a large namespace does not block the thread. */
export function* compileWorld(read: Snapshot, settings: Settings): Generator<void, World> {
  const snapshot = { ...read, sources: { ...read.sources, parsed: new Map() } };
  const bindings = [...snapshot.bindings.values()].toSorted((a, b) =>
    compareText(a.metadata.name, b.metadata.name),
  );
  const requests = new Map<string, string>();
  const slices = new Map<string, Slice>();
  for (const binding of bindings) {
    yield;
    const request = isBeingDeleted(binding) ? undefined : requestOf(binding, snapshot, settings);
    if (request === undefined) continue;
    requests.set(binding.metadata.name, request.key);
    slices.set(request.key, request.slice);
  }
  const outputs = yield* compileOutputs(snapshot);
  const outputsByOwner = Map.groupBy(outputs, ({ owner }) => owner);
  const requesters = yield* groupByKey(bindings, ({ metadata }) => requests.get(metadata.name));
  const claimHolders = yield* groupByKey(bindings, (binding) =>
    toClaimedKey(binding, outputsByOwner.has(binding.metadata.name), snapshot.clock),
  );
  const outputHolders = yield* groupByKey(outputs, ({ key }) => key);
  return {
    snapshot,
    settings,
    outputs,
    outputsByOwner,
    requests,
    requesters,
    claimHolders,
    outputHolders,
    unreadableClaims: groupUnreadable(bindings),
    requested: yield* indexOverlaps(snapshot.isNarrow ? [] : [...requesters.keys()], slices),
    held: yield* indexOverlaps(
      settings.overlapPolicy === 'report' ? [] : [...claimHolders.keys(), ...outputHolders.keys()],
      slices,
    ),
  };
}

/** The claim of a binding, if it can be read. */
export function claimOf({ status }: Binding): Claim | undefined {
  return status?.claim?.kind === 'unreadable' ? undefined : status?.claim;
}

/**
 * Whether no write is on its way for a binding, and its status is that of its spec. A binding that waits for its output
 * to go still claims the key of that output, and asks for another.
 */
export function isConverged(binding: Binding): boolean {
  const { metadata, status } = binding;
  const isCurrent = status?.observedGeneration === metadata.generation;
  return isCurrent && claimOf(binding)?.kind === 'owning' && findReady(status)?.status === 'True';
}

/** A key, and what it stands for. */
interface Request {
  readonly key: string;
  readonly slice: Slice;
}

function requestOf(
  binding: Binding,
  { partial, sources }: Snapshot,
  settings: Settings,
): Request | undefined {
  if (partial?.has(binding.metadata.name)) {
    const key = claimOf(binding)?.key;
    return key === undefined ? undefined : { key, slice: parseSlice(key) };
  }
  const slice = findSlice(binding, sources, settings);
  return slice && { key: toKey(slice), slice };
}

function isBeingDeleted({ metadata }: Binding): boolean {
  return metadata.deletionTimestamp !== undefined;
}

function groupUnreadable(bindings: readonly Binding[]): Map<string, Binding[]> {
  const pairs = bindings.flatMap((binding) => {
    const { claim } = binding.status ?? {};
    if (claim?.kind !== 'unreadable') return [];
    const accounts = new Set([binding.spec.serviceAccountName, claim.serviceAccountName]);
    return [...accounts].flatMap((account) => (account === undefined ? [] : { account, binding }));
  });
  const groups = Map.groupBy(pairs, ({ account }) => account);
  return new Map([...groups].map(([account, group]) => [account, group.map(({ binding }) => binding)]));
}

function* compileOutputs(snapshot: Snapshot): Generator<void, HeldOutput[]> {
  if (snapshot.outputs === 'unserved') return [];
  const ownerOf = createOwnerOf(snapshot.bindings, snapshot.namespace);
  const held: HeldOutput[] = [];
  for (const output of snapshot.outputs) {
    yield;
    const owner = ownerOf(output);
    if (owner !== undefined)
      held.push({ output, owner, ownerUid: ownerUidOf(output), key: toHeldKey(output) });
  }
  return held;
}

/** The name of the binding whose output this is. */
export type OwnerOf = (output: Output) => string | undefined;

/** Finds owners. An output whose labels or hint somebody edited belongs to the binding whose claim proves it. */
export function createOwnerOf(bindings: ReadonlyMap<string, Binding>, namespace: string): OwnerOf {
  const claimants = Map.groupBy(bindings.values(), (binding) => claimOf(binding)?.name);
  return (output) => {
    const owner = parseOwner(output, namespace);
    if (owner !== undefined) return owner;
    const claimant = claimants.get(output.metadata.name)?.find((binding) => isClaimedBy(binding, output));
    return claimant?.metadata.name;
  };
}

function isClaimedBy(binding: Binding, output: Output): boolean {
  const claim = claimOf(binding);
  return claim !== undefined && isClaimedOutput(output, toClaimedOutput(claim), binding);
}

function toClaimedOutput(claim: Claim): ClaimedOutput {
  const { name } = claim;
  return claim.kind === 'creating' ? { name, nonce: claim.nonce } : { name, uid: claim.uid };
}

function toClaimedKey(binding: Binding, hasOutput: boolean, clock: Clock): string | undefined {
  const claim = claimOf(binding);
  return claim && (hasOutput || !holdsNothing(binding, claim, clock)) ? claim.key : undefined;
}

/** A binding that only other finalizers keep, and that has no output, holds nothing: nobody will make one for it. */
function holdsNothing(binding: Binding, claim: Claim, clock: Clock): boolean {
  const isReleased = isBeingDeleted(binding) && !binding.metadata.finalizers?.includes(bindingFinalizer);
  return isReleased && !(claim.kind === 'creating' && claim.at > clock.quarantine);
}

/** Keys are long, and to look one up takes as long: so this pauses as well. */
function* groupByKey<T>(
  items: readonly T[],
  toKey: (item: T) => string | undefined,
): Generator<void, Map<string, T[]>> {
  const groups = new Map<string, T[]>();
  for (const item of items) {
    yield;
    const key = toKey(item);
    if (key === undefined) continue;
    const group = groups.get(key);
    if (group) group.push(item);
    else groups.set(key, [item]);
  }
  return groups;
}
