import type { Binding, Peer } from '../api/binding.ts';
import { type Refused, refused } from '../api/outcome.ts';
import { compareText } from '../identity/canonical.ts';
import { findOverlaps } from './key-index.ts';
import type { World } from './world.ts';

/** The live peers of a binding that ask for its workloads, or may do so; sorted by name. */
export function findPeers(world: World, name: string, key: string | undefined): readonly Peer[] {
  if (key === undefined) return [];
  const peers = [
    ...seekersOf(world, key, 'IdentityCollision'),
    ...findOverlaps(world.keys, key).flatMap((other) => seekersOf(world, other, 'PossibleOverlap')),
  ];
  return peers.filter((peer) => peer.name !== name).toSorted((a, b) => compareText(a.name, b.name));
}

/** The collision that a binding is in, if its peers make one. */
export function toCollision(world: World, peers: readonly Peer[]): Refused | undefined {
  const colliding = namesOf(peers, 'IdentityCollision');
  if (colliding !== '') {
    return refused(
      'Conflict',
      'IdentityCollision',
      `identity collision with bindings ${colliding}: PerObjective bindings must not share the same pod selector and container name`,
    );
  }
  const overlapping = namesOf(peers, 'PossibleOverlap');
  if (overlapping === '' || world.settings.overlapPolicy === 'report') return undefined;
  return refused(
    'Conflict',
    'PossibleOverlap',
    `identity overlap with bindings ${overlapping}: one container may match them all, and overlaps are refused here`,
  );
}

/** Who else holds a key, by a claim or by an output; in words. Undefined: it is free. */
export function findHolder(
  world: World,
  binding: Binding,
  outputName: string,
  key: string | undefined,
): string | undefined {
  const claimants = clashesOf(world, key).flatMap((clash) => world.claimants.get(clash) ?? []);
  const claimant = claimants.find(({ metadata }) => metadata.name !== binding.metadata.name);
  return claimant ? `binding ${claimant.metadata.name}` : findOtherOutput(world, outputName, key);
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

function seekersOf(world: World, key: string, reason: Peer['reason']): Peer[] {
  const seekers = world.seekers.get(key) ?? [];
  return seekers.map(({ metadata }) => ({ name: metadata.name, uid: metadata.uid, reason }));
}

function namesOf(peers: readonly Peer[], reason: Peer['reason']): string {
  return peers
    .filter((peer) => peer.reason === reason)
    .map(({ name }) => name)
    .join(', ');
}
