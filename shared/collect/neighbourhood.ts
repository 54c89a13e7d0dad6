import { type Binding, type BindingField, bindingFields } from '../api/binding.ts';
import { type Output, outputLabels } from '../api/cluster-spiffe-id.ts';
import { noKey, parseSlice, toKeyDigest, toKeyShape } from '../identity/collision-key.ts';
import { toLabelValue } from '../identity/label-value.ts';
import { isDnsSubdomain } from '../identity/object-names.ts';
import { managedBy } from '../identity/ownership.ts';
import { claimOf } from '../decide/world.ts';
import type { ClusterReads, FieldQuery, LabelQuery, Listed, PartialList } from '../kube/cluster.ts';
import { throwBindingsUnserved } from '../kube/read-guards.ts';
import { mapLimited } from '../concurrency/for-each-limited.ts';
import { type BindingsByName, toBindingsByName } from './bindings-by-name.ts';
import { maxReadsByName, readsAtOnce } from './limits.ts';
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

/** The shapes of these keys; undefined: one of them is not known. */
export function shapesOf(binding: Binding): (string | undefined)[] {
  const { keyDigest, keyShape } = binding.status ?? {};
  const claimed = claimOf(binding)?.key;
  if (claimed === undefined) return keyDigest === undefined ? [] : [keyShape];
  return keyShape === undefined ? [shapeOf(claimed)] : [shapeOf(claimed), keyShape];
}

/** The shape of a key, if it has one. */
export function shapeOf(key: string): string | undefined {
  return toKeyShape(parseSlice(key));
}

/** Bindings of a part of a namespace. */
export interface Neighbours {
  readonly bindings: BindingsByName;
  /** Those that were read only because they may overlap. */
  readonly beside: ReadonlySet<string>;
  /** All bindings that may overlap were read. */
  readonly hasOverlaps: boolean;
  /** By what they were found, and outputs are. */
  readonly by: 'keys' | 'shapes' | 'accounts' | 'namespace';
}

type Lists = readonly Listed<Binding>[];

/**
 * All bindings that ask for one of these keys or hold it, by their statuses; and all bindings of these service
 * accounts, if they are few.
 */
export async function listByKeys(
  cluster: ClusterReads,
  namespace: string,
  { keys, accounts, largeAccounts: large }: Pick<RunCache, 'keys' | 'accounts' | 'largeAccounts'>,
): Promise<Neighbours> {
  const [listed, few] = await Promise.all([
    listHolders(cluster, namespace, keys),
    listSmallAccounts(cluster, { namespace, accounts, large }),
  ]);
  const lists = [...listed, ...(await listMoving(cluster, namespace))].map((list) =>
    pickFrom(list, (one) => mayHold(one, keys)),
  );
  const beside = few === 'many' ? [] : few;
  return { ...(await joinLists(cluster, namespace, lists, beside)), hasOverlaps: few !== 'many', by: 'keys' };
}

/**
 * Where overlaps are refused: all bindings that may overlap. A service account of few bindings is read whole. Of a larger
 * one these are the bindings of the same keys, and those of another shape. If there are many of these, or if the keys
 * have several shapes, it is read whole as well.
 */
export async function listOverlapping(
  cluster: ClusterReads,
  namespace: string,
  cache: OverlapScope,
): Promise<Neighbours> {
  const few = await listFewOverlapping(cluster, namespace, cache);
  if (few) return few;
  const lists = await mapLimited(toAccountFields(cache.accounts), readsAtOnce, (field) =>
    listServed(cluster, { namespace, field }),
  );
  return await joinAccounts(cluster, namespace, lists);
}

type OverlapScope = Pick<RunCache, 'keys' | 'shapes' | 'accounts' | 'largeAccounts'>;
const accountPaths = [bindingFields.serviceAccount, bindingFields.claimedServiceAccount];

async function listFewOverlapping(
  cluster: ClusterReads,
  namespace: string,
  { keys, shapes, accounts, largeAccounts: large }: OverlapScope,
): Promise<Neighbours | undefined> {
  const few = await listSmallAccounts(cluster, { namespace, accounts, large, paths: accountPaths });
  if (few !== 'many') return await joinAccounts(cluster, namespace, few);
  const [shape, ...more] = shapes;
  if (keys.size > maxReadsByName || more.length > 0) return undefined;
  if (shapes.size > 0 && shape === undefined) return undefined;
  const [listed, others] = await Promise.all([
    listHolders(cluster, namespace, keys),
    shape === undefined ? [] : listOtherShapes(cluster, { namespace, accounts, shape }),
  ]);
  if (others === 'many') return undefined;
  const moving = await listMoving(cluster, namespace);
  const beside = [...others, ...moving.map((list) => pickFrom(list, (one) => !mayHold(one, keys)))];
  const lists = [...listed, ...moving.map((list) => pickFrom(list, (one) => mayHold(one, keys)))];
  return { ...(await joinLists(cluster, namespace, lists, beside)), hasOverlaps: true, by: 'shapes' };
}

/** A move to another account is in none of these lists while its output stays behind, which may have lost its labels. */
async function joinAccounts(cluster: ClusterReads, namespace: string, listed: Lists): Promise<Neighbours> {
  const lists = [...listed, ...(await listMoving(cluster, namespace))];
  return { ...(await joinLists(cluster, namespace, lists, [])), hasOverlaps: true, by: 'accounts' };
}

async function listHolders(
  cluster: ClusterReads,
  namespace: string,
  keys: ReadonlySet<string>,
): Promise<Lists> {
  return await mapLimited([...keys], readsAtOnce, (value) =>
    listServed(cluster, { namespace, field: { path: bindingFields.key, value } }),
  );
}

// To read so many costs less than to read a namespace in which they are few.
const maxOtherShapes = 256;

/** Of whom those of another shape are read: of these accounts, or of the namespace. */
interface OtherShapes {
  readonly namespace: string;
  readonly accounts?: ReadonlySet<string>;
  readonly shape: string;
}

/** All bindings whose keys have another shape than this one, or none. */
export async function listOtherShapes(
  cluster: ClusterReads,
  { namespace, accounts, shape }: OtherShapes,
): Promise<Lists | 'many'> {
  const others: readonly FieldQuery[] = [
    { path: bindingFields.key, notIn: [''] },
    { path: bindingFields.keyShape, notIn: [shape] },
  ];
  const fields = accounts ? toAccountFields(accounts).map((field) => [field, ...others]) : [others];
  const lists = await mapLimited(fields, readsAtOnce, (field) =>
    listServed(cluster, { namespace, field, most: maxOtherShapes }),
  );
  return lists.every(({ isComplete }) => isComplete) ? lists : 'many';
}

function toAccountFields(accounts: ReadonlySet<string>, paths: readonly BindingField[] = accountPaths) {
  return [...accounts].flatMap((value) => paths.map((path) => ({ path, value })));
}

/**
 * Is read later than the lists by key or account: a binding that has left one of those by then, with an output that stays
 * behind, is in this one.
 */
async function listMoving(cluster: ClusterReads, namespace: string): Promise<Lists> {
  return [await listServed(cluster, { namespace, field: movingOrUnreadable })];
}

function pickFrom(list: Listed<Binding>, isMeant: (binding: Binding) => boolean): Listed<Binding> {
  return { ...list, items: list.items.filter(isMeant) };
}

async function joinLists(
  cluster: ClusterReads,
  namespace: string,
  lists: Lists,
  others: Lists,
): Promise<Pick<Neighbours, 'bindings' | 'beside'>> {
  const { items } = await mergeLists([...lists, ...others], (name) => cluster.getBinding(namespace, name));
  const bindings = toBindingsByName(items);
  const meant = new Set(lists.flatMap((list) => list.items.map(({ metadata }) => metadata.name)));
  return { bindings, beside: new Set([...bindings.keys()].filter((name) => !meant.has(name))) };
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

// A service account with so many bindings is read whole, so that overlaps show at once, and where they are refused also
// outputs that somebody edited. One list of so many costs about as much as a write.
const maxNeighbours = 32;
const maxAccounts = 4;

interface Accounts {
  readonly namespace: string;
  readonly accounts: ReadonlySet<string>;
  /** Those that need not be read, because they are known to be large. */
  readonly large: LargeAccounts;
  /** Where a binding says its account. */
  readonly paths?: readonly BindingField[];
}

/** All bindings of these service accounts, if they are few. */
export async function listSmallAccounts(
  cluster: ClusterReads,
  { namespace, accounts, large, paths = [bindingFields.serviceAccount] }: Accounts,
  notOlderThan?: string,
): Promise<Lists | 'many'> {
  if (accounts.size > maxAccounts || [...accounts].some((account) => large.has(namespace, account)))
    return 'many';
  const extent = { namespace, most: maxNeighbours, ...(notOlderThan !== undefined && { notOlderThan }) };
  const lists = await Promise.all(
    toAccountFields(accounts, paths).map(async (field) => {
      const list = await listServed(cluster, { ...extent, field });
      if (!list.isComplete) large.add(namespace, field.value);
      return list;
    }),
  );
  return lists.every(({ isComplete }) => isComplete) ? lists : 'many';
}

/** Lists bindings. Where their definition is not installed it throws, because that is not the same as none. */
export async function listServed(
  cluster: ClusterReads,
  where: Parameters<ClusterReads['listBindings']>[0],
): Promise<PartialList<Binding>> {
  const listed = await cluster.listBindings(where);
  return listed === 'unserved' ? throwBindingsUnserved() : listed;
}

/** By what all outputs of the bindings of a namespace are listed. */
export function toOwnLabels(namespace: string): LabelQuery {
  return { [outputLabels.managedBy]: managedBy, [outputLabels.bindingNamespace]: namespace };
}

/** By what outputs are listed beside those of the bindings themselves. */
type OutputsOf = Pick<RunCache, 'keys' | 'shapes' | 'accounts'> & Pick<Neighbours, 'by'>;

/**
 * The outputs of these bindings, and those that may hold one of these keys, any key that may overlap with them, or any
 * key of these service accounts. The Go operator's outputs have no label for their key, and may hold any until kleym
 * adopts them.
 */
export async function listOutputs(
  cluster: ClusterReads,
  namespace: string,
  names: readonly string[],
  of: OutputsOf,
): Promise<Listed<Output> | 'unserved'> {
  const ours = toOwnLabels(namespace);
  const queries: LabelQuery[] = [
    { [outputLabels.bindingName]: names.map(toLabelValue) },
    ...toQueries(of),
  ].map((query) => ({ ...ours, ...query }));
  const lists = await Promise.all(queries.map((query) => cluster.listOutputs(query)));
  const served = lists.filter((list) => list !== 'unserved');
  return served.length < lists.length ? 'unserved' : mergeLists(served, (name) => cluster.getOutput(name));
}

function toQueries({ by, keys, shapes, accounts }: OutputsOf): LabelQuery[] {
  const { key, keyShape, serviceAccount } = outputLabels;
  const ofKeys = keys.size > 0 ? [{ [key]: [...keys] }] : [];
  if (by === 'keys') return [{ [key]: undefined }, ...ofKeys];
  // What is no name of a service account was refused, and no output is labelled with it.
  const values = [...accounts].filter(isDnsSubdomain).map(toLabelValue);
  const ofAccounts = values.length > 0 ? [{ [serviceAccount]: values }] : [];
  const unlabelled = { [serviceAccount]: undefined };
  if (by === 'accounts') return [unlabelled, ...ofAccounts];
  const notIn = [...shapes].filter((shape) => shape !== undefined);
  if (notIn.length === 0) return [unlabelled, ...ofKeys];
  // Those without a label for their key or its shape are among them.
  const ofOthers = { [key]: { notIn: [noKey] }, [keyShape]: { notIn } };
  return [unlabelled, ...ofAccounts.map((query) => ({ ...query, ...ofOthers })), ...ofKeys];
}
