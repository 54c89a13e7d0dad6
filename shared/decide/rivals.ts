import type { Binding, Peer } from '../api/binding.ts';
import { type Refused, refused } from '../api/outcome.ts';
import { compareText } from '../identity/canonical.ts';
import { findOverlaps } from './key-index.ts';
import type { World } from './world.ts';

/**
 * So many peers of a kind are named, and of the others only that there are some. All of them would be N² names for N
 * bindings; and their number would be a write for each of them whenever one comes or goes.
 */
const maxNamed = 20;

/** The live peers of a binding that ask for its workloads, and those that may do so. */
export interface Peers {
  readonly colliding: Crowd;
  readonly overlapping: Crowd;
}

/** Peers of one kind: those that are named, sorted, and whether there are others. */
interface Crowd {
  readonly named: readonly Peer[];
  readonly hasOthers: boolean;
}

const nobody: Crowd = { named: [], hasOthers: false };

/** Who asks for the workloads of a binding, or may do so. */
export function findPeers(world: World, name: string, key: string | undefined): Peers {
  if (key === undefined) return { colliding: nobody, overlapping: nobody };
  return {
    colliding: toCrowd(world, [key], name, 'IdentityCollision'),
    overlapping: toCrowd(world, findOverlaps(world.keys, key), name, 'PossibleOverlap'),
  };
}

/** The peers that a status records, sorted by name. */
export function toConflicts({ colliding, overlapping }: Peers): Peer[] {
  return sortByName([...colliding.named, ...overlapping.named]);
}

/** The collision that a binding is in, if its peers make one. */
export function toCollision({ settings }: World, { colliding, overlapping }: Peers): Refused | undefined {
  if (colliding.named.length > 0) {
    return refused(
      'Conflict',
      'IdentityCollision',
      `identity collision with bindings ${toNames(colliding)}: PerObjective bindings must not share the same pod selector and container name`,
    );
  }
  if (overlapping.named.length === 0 || settings.overlapPolicy === 'report') return undefined;
  return refused(
    'Conflict',
    'PossibleOverlap',
    `identity overlap with bindings ${toNames(overlapping)}: one container may match them all, and overlaps are refused here`,
  );
}

/**
 * The bindings whose recorded conflicts may be untrue because of what these do: who is their peer, who has recorded to be,
 * and who has so many peers that one of these may be among those that are not named.
 */
export function findRivals(world: World, names: ReadonlySet<string>): Binding[] {
  const contested = findContestedKeys(world, names);
  return [...world.snapshot.bindings.values()].filter(({ metadata, status }) => {
    if (names.has(metadata.name)) return false;
    const { conflicts = [] } = status ?? {};
    const key = keyOf(world, metadata.name);
    return (
      (key !== undefined && contested.has(key)) ||
      conflicts.length >= maxNamed ||
      conflicts.some(({ name }) => names.has(name))
    );
  });
}

/** Who else holds a key, by a claim or by an output; in words. Undefined: it is free. */
export function findHolder(
  world: World,
  binding: Binding,
  outputName: string,
  key: string | undefined,
): string | undefined {
  if (key === undefined) return undefined;
  const isOther = ({ metadata }: Binding) => metadata.name !== binding.metadata.name;
  const claimants = clashesOf(world, key).flatMap((clash) => world.claimants.get(clash) ?? []);
  const claimant = claimants.find(isOther);
  if (claimant) return `binding ${claimant.metadata.name}`;
  const unread = world.unread.get(binding.spec.serviceAccountName)?.find(isOther);
  if (unread) return `binding ${unread.metadata.name}, by a claim that cannot be read,`;
  return findOtherOutput(world, outputName, key);
}

/** The output under another name that holds a key; in words. */
export function findOtherOutput(
  world: World,
  outputName: string,
  key: string | undefined,
): string | undefined {
  const holders = clashesOf(world, key).flatMap((clash) => world.holders.get(clash) ?? []);
  const other = holders.find(({ output }) => output.metadata.name !== outputName);
  return other && `ClusterSPIFFEID ${other.output.metadata.name}`;
}

/** The keys that exclude a key: itself always, overlapping ones where the platform team refuses overlaps. */
function clashesOf({ keys, settings }: World, key: string | undefined): string[] {
  if (key === undefined) return [];
  return settings.overlapPolicy === 'refuse' ? [key, ...findOverlaps(keys, key)] : [key];
}

/** No more of a crowd is looked at than is told. */
function toCrowd({ seekers }: World, keys: Iterable<string>, name: string, reason: Peer['reason']): Crowd {
  const named: Peer[] = [];
  for (const key of keys) {
    for (const { metadata } of turn(seekers.get(key) ?? [], name)) {
      if (metadata.name === name) continue;
      if (named.length === maxNamed) return { named: sortByName(named), hasOthers: true };
      named.push({ name: metadata.name, uid: metadata.uid, reason });
    }
  }
  return { named: sortByName(named), hasOthers: false };
}

/**
 * Sorted bindings, beginning behind a name. If everybody named the first of them, all of a crowd would have to be
 * written whenever one of those leaves.
 */
function* turn(bindings: readonly Binding[], name: string): Generator<Binding> {
  const start = findPlace(bindings, name);
  for (let index = start; index < bindings.length + start; index++) {
    const binding = bindings[index % bindings.length];
    if (binding) yield binding;
  }
}

/** How many of these sorted bindings do not come after a name. */
function findPlace(bindings: readonly Binding[], name: string): number {
  let [low, high] = [0, bindings.length];
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    if (compareText(bindings[middle]?.metadata.name ?? '', name) > 0) high = middle;
    else low = middle + 1;
  }
  return low;
}

function sortByName(peers: readonly Peer[]): Peer[] {
  return peers.toSorted((a, b) => compareText(a.name, b.name));
}

function toNames({ named, hasOthers }: Crowd): string {
  return [...named.map(({ name }) => name), ...(hasOthers ? ['and others'] : [])].join(', ');
}

/** The keys for which one of these bindings is a peer. */
function findContestedKeys({ seekers, keys }: World, names: ReadonlySet<string>): ReadonlySet<string> {
  const sought = [...seekers]
    .filter(([, bindings]) => bindings.some(({ metadata }) => names.has(metadata.name)))
    .map(([key]) => key);
  return new Set(sought.flatMap((key) => [key, ...findOverlaps(keys, key)]));
}

function keyOf({ renderings }: World, name: string): string | undefined {
  const outcome = renderings.get(name)?.outcome;
  return outcome?.kind === 'done' ? outcome.value.key : undefined;
}
