import type { Binding, Peer } from '../api/binding.ts';
import { type Refused, refused } from '../api/outcome.ts';
import { compareText } from '../identity/canonical.ts';
import { mayOverlap, parseSlice, toKeyDigest } from '../identity/collision-key.ts';
import { findPlace } from './find-place.ts';
import { findOverlaps } from './overlap-index.ts';
import type { World } from './world.ts';

/**
 * At most this many peers of a kind are named. To name all of them would make N² names for N bindings, and to give
 * their number would need a write for each whenever one comes or goes.
 */
export const maxNamed = 20;

/** The live bindings that ask for the same workloads, and those that may. */
export interface Peers {
  readonly colliding: PeerList;
  readonly overlapping: PeerList;
}

/** Peers of one kind: those that are named, sorted, and whether there are others. */
interface PeerList {
  readonly named: readonly Peer[];
  readonly hasOthers: boolean;
}

const none: PeerList = { named: [], hasOthers: false };

/** Finds the peers of a binding. */
export function findPeers(world: World, name: string, key: string | undefined): Peers {
  if (key === undefined) return { colliding: none, overlapping: none };
  const colliding = toPeerList(world, [key], name, 'IdentityCollision');
  if (world.snapshot.isNarrow) return { colliding, overlapping: recordedOverlaps(world, name, key) };
  const { keys, isCut } = findOverlaps(world.requested, key, maxNamed + 1);
  const overlapping = toPeerList(world, keys, name, 'PossibleOverlap');
  return {
    colliding,
    overlapping:
      isCut && overlapping.named.length < maxNamed ? { ...overlapping, hasOthers: true } : overlapping,
  };
}

/** The peers that a status records, sorted by name. */
export function toConflicts({ colliding, overlapping }: Peers): Peer[] {
  return sortByName([...colliding.named, ...overlapping.named]);
}

/** The collision of a binding that asks for this key with its peers, if there is one. */
export function findCollision(
  { settings }: World,
  { colliding, overlapping }: Peers,
  key: string | undefined,
): Refused | undefined {
  if (colliding.named.length > 0) {
    return refused(
      'Conflict',
      'IdentityCollision',
      `identity collision with bindings ${toNames(colliding)}: PerObjective bindings must not share the same pod selector and ${toDiscriminator(key)}`,
    );
  }
  if (settings.overlapPolicy === 'report' || isEmpty(overlapping)) return undefined;
  return refused(
    'Conflict',
    'PossibleOverlap',
    `identity overlap with bindings ${toNames(overlapping)}: one container may match them all, and KLEYM_OVERLAP_POLICY is refuse; make the container names or the pool labels differ`,
  );
}

/** What tells the containers of a pool apart. */
function toDiscriminator(key: string | undefined): string {
  const { container, image } = key === undefined ? {} : parseSlice(key);
  return container === undefined && image !== undefined ? 'container image' : 'container name';
}

/**
 * Whether the recorded conflicts of a binding may be untrue because others have changed: one of these is its peer or
 * was, or it has more peers than it names.
 */
export function mayHaveStaleConflicts(
  world: World,
  { metadata, status }: Binding,
  changed: ChangedBindings,
): boolean {
  const { conflicts = [] } = status ?? {};
  if (conflicts.length >= maxNamed || conflicts.some(({ name }) => changed.names.has(name))) return true;
  const key = world.requests.get(metadata.name);
  if (key === undefined) return false;
  if (changed.keys.has(key)) return true;
  return findPeers(world, metadata.name, key).overlapping.named.some(({ name }) => changed.names.has(name));
}

/** Bindings that have changed or may change, with the keys that they ask for. */
export interface ChangedBindings {
  readonly names: ReadonlySet<string>;
  readonly keys: ReadonlySet<string>;
}

/** These bindings, with the keys that they ask for. */
export function toChangedBindings({ requests }: World, names: ReadonlySet<string>): ChangedBindings {
  return { names, keys: new Set([...names].flatMap((name) => requests.get(name) ?? [])) };
}

/** Who else holds a key, by a claim or an output, in words. Undefined: it is free. */
export function findHolder(
  world: World,
  binding: Binding,
  outputName: string,
  key: string | undefined,
): string | undefined {
  if (key === undefined) return undefined;
  const isOther = ({ metadata }: Binding) => metadata.name !== binding.metadata.name;
  const excluded = keysExcluding(world, key);
  for (const held of excluded.keys) {
    const holder = world.claimHolders.get(held)?.find(isOther);
    if (holder) return `binding ${holder.metadata.name}`;
  }
  const unreadable = world.unreadableClaims.get(binding.spec.serviceAccountName)?.find(isOther);
  if (unreadable) return `binding ${unreadable.metadata.name}, by a claim that cannot be read,`;
  return findOtherOutput(world, outputName, key) ?? (excluded.isCut ? 'one of many bindings' : undefined);
}

/** The output of another name that holds a key, in words. */
export function findOtherOutput(
  world: World,
  outputName: string,
  key: string | undefined,
): string | undefined {
  if (key === undefined) return undefined;
  for (const held of keysExcluding(world, key).keys) {
    const other = world.outputHolders.get(held)?.find(({ output }) => output.metadata.name !== outputName);
    if (other) return `ClusterSPIFFEID ${other.output.metadata.name}`;
  }
  return undefined;
}

// A binding holds at most the key of its claim and that of its output. So among more keys than this there is one of
// another binding.
const maxOwnKeys = 8;

/** The held keys that exclude a key: itself, and where overlaps are refused those that overlap with it. */
function keysExcluding(
  { held, settings }: World,
  key: string,
): { readonly keys: readonly string[]; readonly isCut: boolean } {
  if (settings.overlapPolicy === 'report') return { keys: [key], isCut: false };
  const { keys, isCut } = findOverlaps(held, key, maxOwnKeys);
  return { keys: [key, ...keys], isCut };
}

/** Looks at no more peers than it names. */
function toPeerList(
  { requesters }: World,
  keys: Iterable<string>,
  name: string,
  reason: Peer['reason'],
): PeerList {
  const named: Peer[] = [];
  for (const key of keys) {
    const bindings = requesters.get(key) ?? [];
    // Sorted bindings, beginning after the name. If all bindings named the same first peers, all would have to be
    // written whenever one of these leaves.
    const start =
      bindings.length > 1 ? findPlace(bindings, ({ metadata }) => compareText(metadata.name, name) > 0) : 0;
    for (let index = 0; index < bindings.length; index++) {
      const other = bindings[(start + index) % bindings.length];
      if (!other || other.metadata.name === name) continue;
      if (named.length === maxNamed) return { named: sortByName(named), hasOthers: true };
      named.push({ name: other.metadata.name, uid: other.metadata.uid, reason });
    }
  }
  return { named: sortByName(named), hasOthers: false };
}

/**
 * The overlaps that the status records for this key: only a wider collect could find others. Those whose bindings were
 * read are compared again.
 */
function recordedOverlaps({ snapshot, requests }: World, name: string, key: string): PeerList {
  const { status } = snapshot.bindings.get(name) ?? {};
  if (status?.keyDigest !== toKeyDigest(key)) return none;
  const slice = parseSlice(key);
  const named = (status.conflicts ?? []).filter((peer) => {
    if (peer.reason !== 'PossibleOverlap') return false;
    const other = snapshot.bindings.get(peer.name);
    if (!other) return true;
    const otherKey = requests.get(peer.name);
    return (
      other.metadata.uid === peer.uid &&
      otherKey !== undefined &&
      otherKey !== key &&
      mayOverlap(slice, parseSlice(otherKey))
    );
  });
  return { named, hasOthers: false };
}

function isEmpty({ named, hasOthers }: PeerList): boolean {
  return named.length === 0 && !hasOthers;
}

function sortByName(peers: readonly Peer[]): Peer[] {
  return peers.toSorted((a, b) => compareText(a.name, b.name));
}

function toNames({ named, hasOthers }: PeerList): string {
  return [...named.map(({ name }) => name), ...(hasOthers ? ['and others'] : [])].join(', ');
}
