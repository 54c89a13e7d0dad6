import { type Binding, type Claim, bindingFinalizer } from '../api/binding.ts';
import type { Output } from '../api/cluster-spiffe-id.ts';
import { type Slice, mayOverlap, parseSlice, toHeldKey } from '../identity/collision-key.ts';
import { ownerUidOf, parseOwner } from '../identity/ownership.ts';
import { type Rendering, renderIdentity } from '../identity/render-identity.ts';
import type { Settings } from '../identity/settings.ts';
import type { Sources } from '../identity/sources.ts';

/** What one collect read of a namespace, or of a neighbourhood in it. Bindings were read before outputs, outputs before sources. */
export interface Snapshot {
  readonly namespace: string;
  readonly bindings: ReadonlyMap<string, Binding>;
  readonly outputs: readonly Output[] | 'unserved';
  readonly sources: Sources;
  readonly clock: Clock;
}

/** The API server's time, as text: instants of one format compare as they stand. */
export interface Clock {
  readonly now: string;
  /** What was announced later than this may still land. */
  readonly quarantine: string;
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
  readonly renderings: ReadonlyMap<string, Rendering>;
  readonly outputs: readonly HeldOutput[];
  /** Live bindings that could have an output, by the key that they ask for. */
  readonly seekers: ReadonlyMap<string, readonly Binding[]>;
  readonly slices: ReadonlyMap<string, Slice>;
  readonly claims: readonly HeldClaim[];
}

/** A key that a binding's claim holds. */
interface HeldClaim {
  readonly binding: Binding;
  readonly key: string;
}

/** Compiles a snapshot. */
export function toWorld(snapshot: Snapshot, settings: Settings): World {
  const bindings = [...snapshot.bindings.values()];
  const renderings = new Map(
    bindings.map((binding) => [binding.metadata.name, renderIdentity(binding, snapshot.sources, settings)]),
  );
  const outputs =
    snapshot.outputs === 'unserved'
      ? []
      : snapshot.outputs.flatMap((output) => toHeldOutput(output, snapshot));
  const claims = bindings.flatMap((binding) => toHeldClaim(binding, snapshot.clock));
  const seekers = groupByKey(bindings, renderings);
  const keys = [
    ...seekers.keys(),
    ...claims.map(({ key }) => key),
    ...outputs.flatMap(({ key }) => key ?? []),
  ];
  const slices = new Map(keys.map((key) => [key, parseSlice(key)]));
  return { snapshot, settings, renderings, outputs, seekers, slices, claims };
}

/** Whether two keys exclude each other: equal ones always, overlapping ones where the platform team refuses overlaps. */
export function isClash(world: World, a: string, b: string): boolean {
  return a === b || (world.settings.overlapPolicy === 'refuse' && isOverlap(world, a, b));
}

/** Whether two different keys may meet in one container. */
export function isOverlap(world: World, a: string, b: string): boolean {
  if (a === b) return false;
  const [one, other] = [world.slices.get(a) ?? parseSlice(a), world.slices.get(b) ?? parseSlice(b)];
  return mayOverlap(one, other);
}

function toHeldOutput(output: Output, snapshot: Snapshot): HeldOutput[] {
  const owner = parseOwner(output, snapshot.namespace) ?? toProvenOwner(output, snapshot);
  return owner === undefined ? [] : [{ output, owner, ownerUid: ownerUidOf(output), key: toHeldKey(output) }];
}

/** An output whose labels or hint were edited by hand is still the one whose uid a binding has recorded. */
function toProvenOwner(output: Output, { bindings }: Snapshot): string | undefined {
  const { uid, name } = output.metadata;
  for (const { metadata, status } of bindings.values()) {
    const claim = status?.claim;
    if (claim && claim.kind !== 'creating' && claim.uid === uid && claim.name === name) return metadata.name;
  }
  return undefined;
}

function toHeldClaim(binding: Binding, clock: Clock): HeldClaim[] {
  const claim = binding.status?.claim;
  if (claim?.key === undefined || isVoid(binding, claim, clock)) return [];
  return [{ binding, key: claim.key }];
}

/** A binding that we let go, and that only others hold, claims nothing: it had no output when its finalizer went. */
function isVoid({ metadata }: Binding, claim: Claim, clock: Clock): boolean {
  const letGo = metadata.deletionTimestamp !== undefined && !isFinalized(metadata.finalizers);
  return letGo && !(claim.kind === 'creating' && claim.at > clock.quarantine);
}

function isFinalized(finalizers: readonly string[] = []): boolean {
  return finalizers.includes(bindingFinalizer);
}

function groupByKey(
  bindings: readonly Binding[],
  renderings: ReadonlyMap<string, Rendering>,
): Map<string, Binding[]> {
  const groups = new Map<string, Binding[]>();
  for (const binding of bindings) {
    const outcome = renderings.get(binding.metadata.name)?.outcome;
    if (outcome?.kind !== 'done' || outcome.value.key === undefined || binding.metadata.deletionTimestamp)
      continue;
    const group = groups.get(outcome.value.key) ?? [];
    group.push(binding);
    groups.set(outcome.value.key, group);
  }
  return groups;
}
