import { type Binding, type Claim, bindingFinalizer } from '../api/binding.ts';
import { type Output, outputAnnotations } from '../api/cluster-spiffe-id.ts';
import { compareText } from '../identity/canonical.ts';
import { toHeldKey } from '../identity/collision-key.ts';
import { ownerUidOf, parseOwner } from '../identity/ownership.ts';
import { type Rendering, renderIdentity } from '../identity/render-identity.ts';
import type { Settings } from '../identity/settings.ts';
import type { Sources } from '../identity/sources.ts';
import { type KeyIndex, indexKeys } from './key-index.ts';

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
  /** What says that it was announced later than this was dated by a clock that was wrong. */
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
  readonly renderings: ReadonlyMap<string, Rendering>;
  readonly outputs: readonly HeldOutput[];
  readonly outputsByOwner: ReadonlyMap<string, readonly HeldOutput[]>;
  /** Live bindings that could have an output, by the key that they ask for; sorted by name. */
  readonly seekers: ReadonlyMap<string, readonly Binding[]>;
  /** Bindings whose claims hold a key, and outputs that do. */
  readonly claimants: ReadonlyMap<string, readonly Binding[]>;
  readonly holders: ReadonlyMap<string, readonly HeldOutput[]>;
  /** Bindings whose claims cannot be read, by the service accounts under which these may hold any key. */
  readonly unread: ReadonlyMap<string, readonly Binding[]>;
  /** Every key that is asked for or held. */
  readonly keys: KeyIndex;
}

/** Compiles a snapshot. */
export function toWorld(snapshot: Snapshot, settings: Settings): World {
  const bindings = [...snapshot.bindings.values()].toSorted((a, b) =>
    compareText(a.metadata.name, b.metadata.name),
  );
  const renderings = new Map(
    bindings.map((binding) => [binding.metadata.name, renderIdentity(binding, snapshot.sources, settings)]),
  );
  const outputs = toHeldOutputs(snapshot);
  const seekers = groupByKey(bindings, (binding) => toSoughtKey(binding, renderings));
  const outputsByOwner = Map.groupBy(outputs, ({ owner }) => owner);
  const claimants = groupByKey(bindings, (binding) =>
    toClaimedKey(binding, outputsByOwner.has(binding.metadata.name), snapshot.clock),
  );
  const holders = groupByKey(outputs, ({ key }) => key);
  return {
    snapshot,
    settings,
    renderings,
    outputs,
    outputsByOwner,
    seekers,
    claimants,
    holders,
    unread: groupUnread(bindings),
    keys: indexKeys([...seekers.keys(), ...claimants.keys(), ...holders.keys()]),
  };
}

/** The claim of a binding, if it can be read. */
export function claimOf({ status }: Binding): Claim | undefined {
  return status?.claim?.kind === 'unreadable' ? undefined : status?.claim;
}

function groupUnread(bindings: readonly Binding[]): Map<string, Binding[]> {
  const pairs = bindings.flatMap((binding) => {
    const { claim } = binding.status ?? {};
    if (claim?.kind !== 'unreadable') return [];
    const accounts = new Set([binding.spec.serviceAccountName, claim.serviceAccountName]);
    return [...accounts].map((account) => ({ account, binding }));
  });
  const groups = groupByKey(pairs, ({ account }) => account);
  return new Map([...groups].map(([account, group]) => [account, group.map(({ binding }) => binding)]));
}

function toHeldOutputs(snapshot: Snapshot): HeldOutput[] {
  if (snapshot.outputs === 'unserved') return [];
  return snapshot.outputs.flatMap((output) => {
    const owner = parseOwner(output, snapshot.namespace) ?? toProvenOwner(output, snapshot);
    return owner === undefined
      ? []
      : [{ output, owner, ownerUid: ownerUidOf(output), key: toHeldKey(output) }];
  });
}

/** An output whose labels or hint were edited by hand is still the one that a binding's claim proves to be its own. */
function toProvenOwner(output: Output, { bindings }: Snapshot): string | undefined {
  for (const binding of bindings.values()) {
    const claim = claimOf(binding);
    if (claim?.name === output.metadata.name && isProof(claim, output)) return binding.metadata.name;
  }
  return undefined;
}

/** Before the uid is recorded, the nonce of the POST is what nobody else can know. */
function isProof(claim: Claim, { metadata }: Output): boolean {
  if (claim.kind === 'creating') return metadata.annotations?.[outputAnnotations.claim] === claim.nonce;
  return claim.uid === metadata.uid;
}

function toSoughtKey({ metadata }: Binding, renderings: ReadonlyMap<string, Rendering>): string | undefined {
  if (metadata.deletionTimestamp !== undefined) return undefined;
  const outcome = renderings.get(metadata.name)?.outcome;
  return outcome?.kind === 'done' ? outcome.value.key : undefined;
}

function toClaimedKey(binding: Binding, hasOutput: boolean, clock: Clock): string | undefined {
  const claim = claimOf(binding);
  return claim && (hasOutput || !isVoid(binding, claim, clock)) ? claim.key : undefined;
}

/** A binding without an output that only others hold claims nothing: nobody will make one for it any more. */
function isVoid({ metadata }: Binding, claim: Claim, clock: Clock): boolean {
  const letGo = metadata.deletionTimestamp !== undefined && !metadata.finalizers?.includes(bindingFinalizer);
  return letGo && !(claim.kind === 'creating' && claim.at > clock.quarantine);
}

function groupByKey<T>(items: readonly T[], toKey: (item: T) => string | undefined): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const item of items) {
    const key = toKey(item);
    if (key === undefined) continue;
    const group = groups.get(key);
    if (group) group.push(item);
    else groups.set(key, [item]);
  }
  return groups;
}
