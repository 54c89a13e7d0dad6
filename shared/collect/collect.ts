import type { Binding } from '../api/binding.ts';
import { type Output, outputLabels } from '../api/cluster-spiffe-id.ts';
import { UncertainError } from '../api/uncertain-error.ts';
import { type Clock, type OwnerOf, type Snapshot, createOwnerOf } from '../decide/world.ts';
import { toHeldKey, toKeyDigest } from '../identity/collision-key.ts';
import { managedBy } from '../identity/ownership.ts';
import { findKey } from '../identity/render-identity.ts';
import type { Settings } from '../identity/settings.ts';
import type { Cluster, Listed } from '../kube/cluster.ts';
import { throwBindingsUnserved } from '../kube/read-guards.ts';
import { toClock } from './clock.ts';
import { type BindingsByName, getBindings, toBindingsByName } from './bindings-by-name.ts';
import { maxReadsByName } from './limits.ts';
import {
  type Neighbours,
  accountsOf,
  keysOf,
  listByAccounts,
  listByKeys,
  listOutputs,
} from './neighbourhood.ts';
import { readClaimedOutputs } from './read-claimed-outputs.ts';
import { readOwners } from './read-owners.ts';
import { readSources } from './read-sources.ts';
import { type RunCache, isUnchanged, cacheReads } from './run-cache.ts';

const maxAttempts = 5;
const maxAccounts = 8;

/** What is to be read. */
export interface Scope {
  readonly namespace: string;
  readonly names: readonly string[];
  readonly settings: Settings;
  /** Everything in the namespace, whatever the names: only so every overlap is seen. */
  readonly isWhole: boolean;
}

/**
 * Reads what must be known to decide for these bindings: bindings, then outputs, then pools and objectives. The order is
 * part of the protocol. For few names only their neighbourhood is read: who asks for the same keys or holds them, found by
 * the digests that statuses and outputs carry, and what the claims of these name. Which keys the bindings ask for follows
 * from what is read, so it is read again until nothing in it leads to another key.
 */
export async function collect(cluster: Cluster, scope: Scope, cache: RunCache): Promise<Snapshot> {
  if (scope.isWhole || scope.names.length > maxReadsByName)
    return await collectNamespace(cluster, scope, cache);
  for (let attempt = 1; attempt <= maxAttempts; attempt++) {
    const snapshot = await collectNeighbourhood(cluster, scope, cache);
    if (snapshot) return snapshot;
  }
  throw new UncertainError(
    `the bindings of namespace ${scope.namespace} change faster than they can be read`,
  );
}

/** Undefined: what was read leads to others that were not. */
async function collectNeighbourhood(
  cluster: Cluster,
  scope: Scope,
  cache: RunCache,
): Promise<Snapshot | undefined> {
  const { namespace, names, settings } = scope;
  const known = names.flatMap((name) => pick(cache.bindings, name));
  const isListed = (name: string) => isListedByKey(cache.bindings.get(name));
  const own = await getBindings(
    cluster,
    namespace,
    names.filter((name) => !isListed(name)),
  );
  cacheKeys(cache, [...known, ...own.values()]);
  const isByKeys = settings.overlapPolicy === 'report';
  const isInReach = isByKeys
    ? cache.keys.size <= maxReadsByName
    : (await cachePeerAccounts(cluster, namespace, cache, [...known, ...own.values()])) &&
      cache.accounts.size <= maxAccounts;
  if (!isInReach) return await collectNamespace(cluster, scope, cache);

  const neighbours = isByKeys
    ? await listByKeys(cluster, namespace, cache)
    : await listByAccounts(cluster, namespace, cache.accounts);
  const bindings = await readMissing(cluster, scope, { own, listed: neighbours.bindings });
  const of = isByKeys ? { keys: cache.keys } : { accounts: cache.accounts };
  const partial = new Set([...neighbours.partial].filter((name) => !names.includes(name)));
  const whole = [...new Set([...names, ...bindings.keys()])].filter((name) => !partial.has(name));
  const outputs = await listOutputs(cluster, namespace, isByKeys ? whole : names, of);
  const { hasOverlaps } = neighbours;
  const snapshot = await readRest(cluster, scope, cache, {
    bindings,
    outputs,
    partial,
    hasOverlaps,
    isByKeys,
  });
  return cacheFoundKeys(cache, scope, snapshot) ? undefined : snapshot;
}

/**
 * Those with whom bindings recorded conflicts may recover when these leave, and where all of a service account is read, they
 * are found by theirs. False: there are too many of them.
 */
async function cachePeerAccounts(
  cluster: Cluster,
  namespace: string,
  cache: RunCache,
  bindings: readonly Binding[],
): Promise<boolean> {
  const recorded = bindings.flatMap(({ status }) => status?.conflicts ?? []).map(({ name }) => name);
  const names = [...new Set(recorded)].filter((name) => !cache.peers.has(name));
  if (names.length > maxReadsByName) return false;
  const peers = await getBindings(cluster, namespace, names);
  for (const name of names) cache.peers.add(name);
  for (const account of [...peers.values()].flatMap(accountsOf)) cache.accounts.add(account);
  return true;
}

/** Whether a binding is in the list of a key, as long as its status stays what it was. */
function isListedByKey(binding: Binding | undefined): boolean {
  return binding?.status?.keyDigest !== undefined;
}

/** What a list shows is later than what was read by name before it; what it should show and does not is read by name. */
async function readMissing(
  cluster: Cluster,
  { namespace, names }: Scope,
  { own, listed }: { readonly own: BindingsByName; readonly listed: BindingsByName },
): Promise<BindingsByName> {
  const missing = names.filter(
    (name) => !listed.has(name) && (!own.has(name) || isListedByKey(own.get(name))),
  );
  const again = await getBindings(cluster, namespace, missing);
  const unlisted = [...own].filter(([name]) => !missing.includes(name));
  return new Map([...unlisted, ...again, ...listed]);
}

async function collectNamespace(cluster: Cluster, scope: Scope, cache: RunCache): Promise<Snapshot> {
  const { namespace } = scope;
  const listed = await cluster.listBindings({ namespace });
  const outputs = await cluster.listOutputs({
    [outputLabels.managedBy]: managedBy,
    [outputLabels.bindingNamespace]: namespace,
  });
  const bindings = toBindingsByName(listed === 'unserved' ? throwBindingsUnserved() : listed.items);
  return await readRest(cluster, scope, cache, { bindings, outputs, ...everything });
}

interface Parts extends Pick<Neighbours, 'partial' | 'hasOverlaps'> {
  readonly bindings: BindingsByName;
  readonly outputs: Listed<Output> | 'unserved';
  /** Outputs were listed by key, and some of them matter to nobody here. */
  readonly isByKeys: boolean;
}

const everything = { partial: new Set<string>(), hasOverlaps: true, isByKeys: false };

/** Completes what was listed by what must be read by name, and by pools and objectives. */
async function readRest(
  cluster: Cluster,
  { namespace, names }: Scope,
  cache: RunCache,
  { bindings: listed, outputs, partial, hasOverlaps, isByKeys }: Parts,
): Promise<Snapshot> {
  const extent = { ...(!hasOverlaps && ({ isNarrow: true } as const)), ...(partial.size > 0 && { partial }) };
  if (outputs === 'unserved') {
    const clock = await readClock(cluster, namespace);
    const { sources } = await readSources(cluster, namespace, listed.values());
    return { namespace, bindings: listed, outputs, sources, clock, ...extent };
  }
  const clock = toClock(outputs.at);
  const whole = new Map([...listed].filter(([name]) => !partial.has(name)));
  const all = [...outputs.items, ...(await readClaimedOutputs(cluster, whole, outputs.items, clock))];
  const ownerOf = createOwnerOf(listed, namespace);
  const isMeant = isByKeys ? createRelevance(names, cache.keys, whole, ownerOf) : () => true;
  const concerned = all.filter(isMeant);
  const bindings = await readOwners(cluster, namespace, listed, concerned);
  const owned = concerned.map((output) => [output, ownerOf(output)] as const);
  const known = isUnchanged(cache, names, bindings, owned) ? cache.sources : undefined;
  // Of a neighbour that is at rest its claim says enough.
  const referring = [...bindings.values()].filter(({ metadata }) => !partial.has(metadata.name));
  cache.sources = await readSources(cluster, namespace, referring, known);
  cacheReads(cache, names, bindings, owned);
  return { namespace, bindings, outputs: concerned, sources: cache.sources.sources, clock, ...extent };
}

/** Outputs without a label come from the whole namespace: which of them matter here. */
function createRelevance(
  names: readonly string[],
  keys: ReadonlySet<string>,
  listed: BindingsByName,
  ownerOf: OwnerOf,
): (output: Output) => boolean {
  const own = new Set(names);
  return (output) => {
    const owner = ownerOf(output);
    if (owner !== undefined && (own.has(owner) || listed.has(owner))) return true;
    const key = toHeldKey(output);
    return key !== undefined && keys.has(toKeyDigest(key));
  };
}

/** Only the API server's time. */
export async function readClock(cluster: Cluster, namespace: string): Promise<Clock> {
  const listed = await cluster.listBindings({ namespace, most: 1 });
  return toClock((listed === 'unserved' ? throwBindingsUnserved() : listed).at);
}

function cacheKeys({ keys, accounts }: RunCache, bindings: Iterable<Binding>): void {
  for (const binding of bindings) {
    for (const digest of keysOf(binding)) keys.add(digest);
    for (const account of accountsOf(binding)) accounts.add(account);
  }
}

/** Remembers what the bindings ask for and hold; true where that leads further than what was read. */
function cacheFoundKeys(cache: RunCache, { names, settings }: Scope, snapshot: Snapshot): boolean {
  const { bindings, outputs, sources, isNarrow } = snapshot;
  const [keysBefore, accountsBefore] = [cache.keys.size, cache.accounts.size];
  const own = names.flatMap((name) => pick(bindings, name));
  cacheKeys(cache, own);
  const ownerOf = createOwnerOf(bindings, snapshot.namespace);
  const theirs =
    outputs === 'unserved' ? [] : outputs.filter((output) => names.includes(ownerOf(output) ?? ''));
  const found = [...own.map((binding) => findKey(binding, sources, settings)), ...theirs.map(toHeldKey)];
  for (const key of found) if (key !== undefined) cache.keys.add(toKeyDigest(key));
  const hasKeys = settings.overlapPolicy === 'report' && cache.keys.size > keysBefore;
  return hasKeys || (!isNarrow && cache.accounts.size > accountsBefore);
}

function pick(bindings: BindingsByName, name: string): Binding[] {
  const binding = bindings.get(name);
  return binding ? [binding] : [];
}
