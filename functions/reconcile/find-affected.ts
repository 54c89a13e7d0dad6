import { needsWrite } from '../../shared/decide/needs-write.ts';
import { type Slice, mayOverlap, parseSlice } from '../../shared/identity/collision-key.ts';
import {
  findPeers,
  mayHaveStaleConflicts,
  toChangedBindings,
  toConflicts,
} from '../../shared/decide/peers.ts';
import type { World } from '../../shared/decide/world.ts';
import { findReady } from '../../shared/api/conditions.ts';
import type { Binding } from '../../shared/api/binding.ts';
import { isSameJson } from '../../shared/identity/canonical.ts';

/**
 * The neighbours that a run must look after: those that waited for an output that it removed, those whose recorded
 * conflicts are not true any more, and those that a dead run left behind. Their own events would not tell. It pauses
 * after each binding, because a namespace may be large.
 */
export function* findAffected(
  world: World,
  own: ReadonlySet<string>,
  { released, heldKeys = none }: Left,
): Generator<void, string[]> {
  const changed = toChangedBindings(world, own);
  const { peerless } = world.snapshot;
  const asked = peerless ? parseRequests(world, own) : new Map<string, Asked>();
  const held = peerless ? [...heldKeys].map(parseSlice) : [];
  const affected: string[] = [];
  for (const binding of world.snapshot.bindings.values()) {
    yield;
    const { name } = binding.metadata;
    if (own.has(name)) continue;
    if (peerless?.has(name)) {
      if (mayBeFree(world, binding, held) || misjudges(world, binding, asked)) affected.push(name);
      continue;
    }
    const isMeant =
      mayHaveStaleConflicts(world, binding, changed) ||
      (released && isUndecided(binding)) ||
      wasAbandoned(world, binding);
    if (isMeant && isAffected(world, binding)) affected.push(name);
  }
  return affected;
}

/**
 * If a binding was read in part, only its conflicts can be judged. A binding whose POST is on its way has nothing to
 * write yet; but its run made its collect before this run wrote, and will not look again.
 */
function isAffected(world: World, binding: Binding): boolean {
  const { metadata, status } = binding;
  if (world.snapshot.partial?.has(metadata.name)) return hasStaleConflicts(world, binding);
  if (needsWrite(world, metadata.name)) return true;
  return status?.claim?.kind === 'creating' && hasStaleConflicts(world, binding);
}

const none: ReadonlySet<string> = new Set();

/** What a run has left behind. */
interface Left {
  /** It has removed or moved an output. */
  readonly released: boolean;
  /** The keys that its bindings have held. */
  readonly heldKeys?: ReadonlySet<string>;
}

/** Whether a binding waits, may do so for one of these, and need not wait any more as far as the run can see. */
function mayBeFree(world: World, binding: Binding, held: readonly Slice[]): boolean {
  const { name } = binding.metadata;
  const key = world.requests.get(name);
  if (key === undefined || !isUndecided(binding)) return false;
  const slice = parseSlice(key);
  return held.some((one) => mayOverlap(slice, one)) && needsWrite(world, name);
}

/** What a binding asks for; undefined: for nothing, or it is gone. */
type Asked = { readonly slice: Slice; readonly uid: string | undefined } | undefined;

function parseRequests({ requests, snapshot }: World, names: Iterable<string>): Map<string, Asked> {
  return new Map(
    [...names].map((name) => {
      const key = requests.get(name);
      const uid = snapshot.bindings.get(name)?.metadata.uid;
      return [name, key === undefined ? undefined : { slice: parseSlice(key), uid }];
    }),
  );
}

/**
 * Whether a binding records one of these as a peer that is none, or does not record one that is. Nothing else can be said
 * of a binding whose peers were not read.
 */
function misjudges(
  { requests }: World,
  { metadata, status }: Binding,
  own: ReadonlyMap<string, Asked>,
): boolean {
  const recorded = new Map(status?.conflicts?.map(({ name, uid }) => [name, uid]));
  const key = requests.get(metadata.name);
  const slice = key === undefined ? undefined : parseSlice(key);
  return [...own].some(([name, asked]) => {
    const isPeer = slice !== undefined && asked !== undefined && mayOverlap(slice, asked.slice);
    return recorded.get(name) !== (isPeer ? asked.uid : undefined);
  });
}

function hasStaleConflicts(world: World, { metadata, status }: Binding): boolean {
  const key = world.requests.get(metadata.name);
  if (key === undefined) return false;
  return !isSameJson(toConflicts(findPeers(world, metadata.name, key)), status?.conflicts ?? []);
}

/** Whether it waits for something. Only then can the end of another output help it. */
function isUndecided({ status }: Binding): boolean {
  return findReady(status)?.status === 'Unknown';
}

/**
 * Whether the run that looked after a neighbour has died, or may have: the status says that something is to come, and
 * no write that could bring it is on its way. A neighbour whose POST may still land has a live run.
 */
function wasAbandoned({ snapshot }: World, { metadata, status }: Binding): boolean {
  const ready = findReady(status);
  if (ready?.status !== 'Unknown' || ready.observedGeneration !== metadata.generation) return false;
  const claim = status?.claim;
  return !claim || (claim.kind === 'creating' && claim.at <= snapshot.clock.quarantine);
}
