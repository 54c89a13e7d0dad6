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
  /** Read the whole namespace, whatever the names are. Only this shows every overlap. */
  readonly isWhole: boolean;
}

/**
 * Reads what `decide` must know about these bindings: bindings, then outputs, then pools and objectives. The order is
 * part of the protocol. For few names it reads only their neighbourhood: the bindings and outputs that ask for the same
 * keys or hold them, found by the digests in statuses and labels, and what their claims name. Which keys these are
 * follows from what is read. So it reads again until nothing leads to another key.
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

/** Undefined: what was read leads to keys that were not. */
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
 * Remembers the service accounts of the peers that bindings recorded: these may recover when the bindings change, and
 * where whole service accounts are read they are found by their own. False: there are too many of them.
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

/** Whether a binding is in the list of a key, as long as its status does not change. */
function isListedByKey(binding: Binding | undefined): boolean {
  return binding?.status?.keyDigest !== undefined;
}

/**
 * Lists are later than what was read by name before them. A binding that a list should show and does not is read by
 * name.
 */
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
  /** Outputs were listed by key, and some of them may not matter here. */
  readonly isByKeys: boolean;
}

const everything = { partial: new Set<string>(), hasOverlaps: true, isByKeys: false };

/** Completes the lists by what must be read by name, and by pools and objectives. */
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
  // A neighbour that has converged is judged by its claim alone.
  const referring = [...bindings.values()].filter(({ metadata }) => !partial.has(metadata.name));
  cache.sources = await readSources(cluster, namespace, referring, known);
  cacheReads(cache, names, bindings, owned);
  return { namespace, bindings, outputs: concerned, sources: cache.sources.sources, clock, ...extent };
}

/** Selects the outputs that matter here: those without a label come from the whole namespace. */
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

/** Reads the API server's clock. */
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

/** Remembers the keys and accounts of the bindings. True if there are any that were not read. */
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
