import type { Binding, Peer } from '../api/binding.ts';
import { type Refused, refused } from '../api/outcome.ts';
import { compareText } from '../identity/canonical.ts';
import { type World, isClash, isOverlap } from './world.ts';

/** The live peers of a binding that ask for its workloads, or may do so; sorted by name. */
export function findPeers(world: World, name: string, key: string | undefined): readonly Peer[] {
  if (key === undefined) return [];
  const peers = [...world.seekers].flatMap(([other, bindings]) => {
    const reason = relate(world, key, other);
    return reason === undefined
      ? []
      : bindings.map(({ metadata }) => ({ name: metadata.name, uid: metadata.uid, reason }));
  });
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
  if (key === undefined) return undefined;
  const claim = world.claims.find(
    (held) => held.binding.metadata.name !== binding.metadata.name && isClash(world, held.key, key),
  );
  if (claim) return `binding ${claim.binding.metadata.name}`;
  return findOtherOutput(world, outputName, key);
}

/** The output under another name that holds a key; in words. */
export function findOtherOutput(
  world: World,
  outputName: string,
  key: string | undefined,
): string | undefined {
  if (key === undefined) return undefined;
  const held = world.outputs.find(
    ({ output, key: other }) =>
      output.metadata.name !== outputName && other !== undefined && isClash(world, other, key),
  );
  return held && `ClusterSPIFFEID ${held.output.metadata.name}`;
}

function relate(world: World, key: string, other: string): Peer['reason'] | undefined {
  if (key === other) return 'IdentityCollision';
  return isOverlap(world, key, other) ? 'PossibleOverlap' : undefined;
}

function namesOf(peers: readonly Peer[], reason: Peer['reason']): string {
  return peers
    .filter((peer) => peer.reason === reason)
    .map(({ name }) => name)
    .join(', ');
}
