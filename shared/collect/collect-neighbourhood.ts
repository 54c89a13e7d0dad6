import type { Binding } from '../api/binding.ts';
import { maxNamed } from '../decide/peers.ts';
import { type Snapshot, claimOf, createOwnerOf, isConverged } from '../decide/world.ts';
import { toHeldKey, toKeyDigest } from '../identity/collision-key.ts';
import { findKey } from '../identity/render-identity.ts';
import type { ClusterReads } from '../kube/cluster.ts';
import { type BindingsByName, getBindings, toBindingsByName } from './bindings-by-name.ts';
import { completeSnapshot } from './complete-snapshot.ts';
import { maxReadsByName } from './limits.ts';
import {
  type Neighbours,
  accountsOf,
  keysOf,
  listByKeys,
  listOutputs,
  listOverlapping,
  shapeOf,
  shapesOf,
} from './neighbourhood.ts';
import type { RunCache } from './run-cache.ts';
import type { Scope } from './scope.ts';

const maxAccounts = 8;

/**
 * The snapshot of a few bindings and their neighbours. `incomplete`: what was read leads to keys that were not.
 * `too-large`: they have so many keys or accounts that to read the whole namespace costs less.
 */
export async function collectNeighbourhood(
  cluster: ClusterReads,
  scope: Scope,
  cache: RunCache,
): Promise<Snapshot | 'incomplete' | 'too-large'> {
  const { namespace, names } = scope;
  const known = names.flatMap((name) => pick(cache.bindings, name));
  const own = await readUnlisted(cluster, scope, cache);
  cacheKeys(cache, scope, [...known, ...own.values()]);
  const neighbours = await listNeighbours(cluster, scope, cache, [...known, ...own.values()]);
  if (neighbours === 'too-large') return neighbours;

  const { by, hasOverlaps } = neighbours;
  const found = await readMissing(cluster, scope, { own, listed: neighbours.bindings });
  const isWhole = hasOverlaps && by !== 'shapes';
  const bindings = isWhole ? found : await addRecordedPeers(cluster, scope, found);
  const beside = new Set([...neighbours.beside].filter((name) => !names.includes(name)));
  const partial = new Set([...beside].filter((name) => pick(bindings, name).some(isConverged)));
  const whole = [...new Set([...names, ...bindings.keys()])].filter((name) => !partial.has(name));
  const outputs = await listOutputs(cluster, namespace, by === 'accounts' ? names : whole, { ...cache, by });
  const lists = { bindings, outputs, beside, partial, hasOverlaps, by };
  const snapshot = await completeSnapshot(cluster, scope, cache, lists);
  return cacheFoundKeys(cache, scope, snapshot, by) ? 'incomplete' : snapshot;
}

async function listNeighbours(
  cluster: ClusterReads,
  { namespace, settings }: Scope,
  cache: RunCache,
  own: readonly Binding[],
): Promise<Neighbours | 'too-large'> {
  if (settings.overlapPolicy === 'report')
    return cache.keys.size > maxReadsByName ? 'too-large' : await listByKeys(cluster, namespace, cache);
  const isInReach =
    (await cachePeerAccounts(cluster, namespace, cache, own)) && cache.accounts.size <= maxAccounts;
  if (!isInReach) return 'too-large';
  return await listOverlapping(cluster, namespace, cache);
}

/**
 * Remembers the service accounts of the peers that bindings recorded: these may recover when the bindings change, and
 * where whole service accounts are read they are found by their own. False: there are too many of them.
 */
async function cachePeerAccounts(
  cluster: ClusterReads,
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

/** Those that are in the list of no key. */
async function readUnlisted(
  cluster: ClusterReads,
  { namespace, names }: Scope,
  cache: RunCache,
): Promise<BindingsByName> {
  const unlisted = names.filter((name) => !isListedByKey(cache.bindings.get(name)));
  const { justRead } = cache;
  cache.justRead = new Set();
  const read = unlisted.filter((name) => justRead.has(name)).flatMap((name) => pick(cache.bindings, name));
  const others = unlisted.filter((name) => !justRead.has(name));
  return new Map([...toBindingsByName(read), ...(await getBindings(cluster, namespace, others))]);
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
  cluster: ClusterReads,
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

/**
 * A peer whose output cannot be deleted is listed by the key that it holds, and not by the one that it asks for. So in a
 * large account those that the bindings recorded are read by name. Most of these are listed. Those that are gone are
 * not, and one list of the namespace would tell no more of them, but may take so long that nothing follows from it.
 */
async function addRecordedPeers(
  cluster: ClusterReads,
  { namespace, names }: Scope,
  found: BindingsByName,
): Promise<BindingsByName> {
  const recorded = names.flatMap((own) => {
    const { conflicts = [] } = found.get(own)?.status ?? {};
    return conflicts.filter(({ reason }) => reason === 'IdentityCollision').slice(0, maxNamed);
  });
  const missing = new Set(recorded.map(({ name }) => name).filter((name) => !found.has(name)));
  return new Map([...found, ...(await getBindings(cluster, namespace, [...missing]))]);
}

function cacheKeys(
  { keys, heldKeys, shapes, accounts }: RunCache,
  { settings }: Scope,
  bindings: Iterable<Binding>,
): void {
  for (const binding of bindings) {
    for (const digest of keysOf(binding)) keys.add(digest);
    const held = claimOf(binding)?.key;
    if (held !== undefined) heldKeys.add(held);
    if (settings.overlapPolicy === 'refuse') for (const shape of shapesOf(binding)) shapes.add(shape);
    for (const account of accountsOf(binding)) accounts.add(account);
  }
}

/** Remembers the keys and accounts of the bindings. True if there are any that were not read. */
function cacheFoundKeys(cache: RunCache, scope: Scope, snapshot: Snapshot, by: Neighbours['by']): boolean {
  const { names, settings } = scope;
  const { bindings, outputs, sources, isNarrow } = snapshot;
  const before = { keys: cache.keys.size, shapes: cache.shapes.size, accounts: cache.accounts.size };
  const own = names.flatMap((name) => pick(bindings, name));
  cacheKeys(cache, scope, own);
  const ownerOf = createOwnerOf(bindings, snapshot.namespace);
  const theirs =
    outputs === 'unserved' ? [] : outputs.filter((output) => names.includes(ownerOf(output) ?? ''));
  const held = theirs.map(toHeldKey);
  const found = [...own.map((binding) => findKey(binding, sources, settings)), ...held];
  for (const key of held) if (key !== undefined) cache.heldKeys.add(key);
  for (const key of found) {
    if (key === undefined) continue;
    cache.keys.add(toKeyDigest(key));
    if (settings.overlapPolicy === 'refuse') cache.shapes.add(shapeOf(key));
  }
  const hasKeys = cache.keys.size > before.keys || cache.shapes.size > before.shapes;
  const hasAccounts = cache.accounts.size > before.accounts;
  return (by !== 'accounts' && hasKeys) || (by !== 'shapes' && !isNarrow && hasAccounts);
}

function pick(bindings: BindingsByName, name: string): Binding[] {
  const binding = bindings.get(name);
  return binding ? [binding] : [];
}
