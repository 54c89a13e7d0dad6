import { type Binding, bindingFields } from '../api/binding.ts';
import { type Output, outputLabels } from '../api/cluster-spiffe-id.ts';
import { toKeyDigest } from '../identity/collision-key.ts';
import { toLabelValue } from '../identity/label-value.ts';
import { isDnsSubdomain } from '../identity/object-names.ts';
import { managedBy } from '../identity/ownership.ts';
import { claimOf, isConverged } from '../decide/world.ts';
import type { ClusterReads, FieldQuery, LabelQuery, Listed } from '../kube/cluster.ts';
import { throwBindingsUnserved } from '../kube/read-guards.ts';
import { mapLimited } from '../concurrency/for-each-limited.ts';
import { type BindingsByName, toBindingsByName } from './bindings-by-name.ts';
import { readsAtOnce } from './limits.ts';
import { mergeLists } from './merge-lists.ts';
import type { LargeAccounts } from './large-accounts.ts';
import type { RunCache } from './run-cache.ts';

/** The service accounts under which a binding asks for a key or holds one. */
export function accountsOf({ spec, status }: Binding): string[] {
  const claimed = status?.claim?.serviceAccountName;
  return claimed === undefined ? [spec.serviceAccountName] : [spec.serviceAccountName, claimed];
}

/** The digests of the keys that a binding holds, or asked for when it was evaluated, by its own status. */
export function keysOf(binding: Binding): string[] {
  const claim = claimOf(binding);
  const { keyDigest } = binding.status ?? {};
  const claimed = claim?.key === undefined ? undefined : toKeyDigest(claim.key);
  const previous = claim?.kind === 'replacing' ? claim.previousKeyDigest : undefined;
  return [keyDigest, claimed, previous].filter((digest) => digest !== undefined);
}

/** Bindings of a part of a namespace. */
export interface Neighbours {
  readonly bindings: BindingsByName;
  /** The converged ones that only share a service account. */
  readonly partial: ReadonlySet<string>;
  /** All bindings of their service accounts were read, so that overlaps show. */
  readonly hasOverlaps: boolean;
}

/**
 * All bindings that ask for one of these keys or hold it, by their statuses; and all bindings of these service
 * accounts, if they are few.
 */
export async function listByKeys(
  cluster: ClusterReads,
  namespace: string,
  { keys, accounts, largeAccounts: large }: Pick<RunCache, 'keys' | 'accounts' | 'largeAccounts'>,
): Promise<Neighbours> {
  const fields = [...keys].map((value): FieldQuery => ({ path: bindingFields.key, value }));
  const [listed, few] = await Promise.all([
    listBindings(cluster, namespace, fields),
    listSmallAccounts(cluster, { namespace, accounts, large }),
  ]);
  // Later than the lists by key: a binding that has left one of these by then, with an output that stays behind, is in
  // this one.
  const moving = await listBindings(cluster, namespace, [movingOrUnreadable]);
  const lists = [...listed, ...moving].map((list) => ({
    ...list,
    items: list.items.filter((one) => mayHold(one, keys)),
  }));
  const bindings = await merge(cluster, namespace, few === 'many' ? lists : [...lists, ...few]);
  const byKey = new Set(lists.flatMap(({ items }) => items.map(({ metadata }) => metadata.name)));
  const partial = [...bindings].filter(([name, binding]) => !byKey.has(name) && isConverged(binding));
  return { bindings, partial: new Set(partial.map(([name]) => name)), hasOverlaps: few !== 'many' };
}

/**
 * Claims of moves, under which an output may hold another key than its binding says, and claims that this version
 * cannot read. There are few at any time, and they cannot be listed by key.
 */
export const movingOrUnreadable: FieldQuery = {
  path: bindingFields.claimKind,
  notIn: ['', 'creating', 'owning'],
};

/** Whether a binding may hold one of these keys or ask for it, by its status. */
export function mayHold(binding: Binding, keys: ReadonlySet<string>): boolean {
  return binding.status?.claim?.kind === 'unreadable' || keysOf(binding).some((digest) => keys.has(digest));
}

// A service account with so many bindings is read whole, so that overlaps show at once. One list of so many costs about
// as much as a write.
const maxNeighbours = 32;
const maxAccounts = 4;

interface Accounts {
  readonly namespace: string;
  readonly accounts: ReadonlySet<string>;
  /** Those that need not be read, because they are known to be large. */
  readonly large: LargeAccounts;
}

/** All bindings of these service accounts, if they are few. */
export async function listSmallAccounts(
  cluster: ClusterReads,
  { namespace, accounts, large }: Accounts,
  notOlderThan?: string,
): Promise<readonly Listed<Binding>[] | 'many'> {
  if (accounts.size > maxAccounts || [...accounts].some((account) => large.has(namespace, account)))
    return 'many';
  const extent = { namespace, most: maxNeighbours, ...(notOlderThan !== undefined && { notOlderThan }) };
  const lists = await Promise.all(
    [...accounts].map(async (value) => {
      const field = { path: bindingFields.serviceAccount, value };
      const list = await cluster.listBindings({ ...extent, field });
      if (list === 'unserved') return throwBindingsUnserved();
      if (!list.isComplete) large.add(namespace, value);
      return list;
    }),
  );
  return lists.every(({ isComplete }) => isComplete) ? lists : 'many';
}

/** All bindings that ask for, or hold, any key of these service accounts. */
export async function listByAccounts(
  cluster: ClusterReads,
  namespace: string,
  accounts: ReadonlySet<string>,
): Promise<Neighbours> {
  const paths = [bindingFields.serviceAccount, bindingFields.claimedServiceAccount];
  const fields = [...accounts].flatMap((value) => paths.map((path): FieldQuery => ({ path, value })));
  const lists = await listBindings(cluster, namespace, fields);
  // A move to another account is in none of these lists while its output stays behind, and that output may have lost
  // its labels.
  const moving = await listBindings(cluster, namespace, [movingOrUnreadable]);
  const bindings = await merge(cluster, namespace, [...lists, ...moving]);
  return { bindings, partial: new Set(), hasOverlaps: true };
}

async function listBindings(
  cluster: ClusterReads,
  namespace: string,
  fields: readonly FieldQuery[],
): Promise<Listed<Binding>[]> {
  const lists = await mapLimited(fields, readsAtOnce, (field) => cluster.listBindings({ namespace, field }));
  return lists.map((list) => (list === 'unserved' ? throwBindingsUnserved() : list));
}

async function merge(
  cluster: ClusterReads,
  namespace: string,
  lists: readonly Listed<Binding>[],
): Promise<BindingsByName> {
  const { items } = await mergeLists(lists, (name) => cluster.getBinding(namespace, name));
  return toBindingsByName(items);
}

/** By what outputs are listed beside those of the bindings themselves. */
type OutputsOf = { readonly keys: ReadonlySet<string> } | { readonly accounts: ReadonlySet<string> };

/**
 * The outputs of these bindings, and those that may hold one of these keys, or any key of these service accounts. The
 * Go operator's outputs have no label for their key, and may hold any until kleym adopts them.
 */
export async function listOutputs(
  cluster: ClusterReads,
  namespace: string,
  names: readonly string[],
  of: OutputsOf,
): Promise<Listed<Output> | 'unserved'> {
  const ours = { [outputLabels.managedBy]: managedBy, [outputLabels.bindingNamespace]: namespace };
  const [label, values] =
    'keys' in of
      ? [outputLabels.key, [...of.keys]]
      : // What is no name of a service account was refused, and no output is labelled with it.
        [outputLabels.serviceAccount, [...of.accounts].filter(isDnsSubdomain).map(toLabelValue)];
  const queries: LabelQuery[] = [
    { ...ours, [outputLabels.bindingName]: names.map(toLabelValue) },
    { ...ours, [label]: undefined },
    ...(values.length > 0 ? [{ ...ours, [label]: values }] : []),
  ];
  const lists = await Promise.all(queries.map((query) => cluster.listOutputs(query)));
  const served = lists.filter((list) => list !== 'unserved');
  return served.length < lists.length ? 'unserved' : mergeLists(served, (name) => cluster.getOutput(name));
}
