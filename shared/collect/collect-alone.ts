import { type Binding, bindingFields } from '../api/binding.ts';
import { type Output, outputLabels } from '../api/cluster-spiffe-id.ts';
import { UncertainError } from '../api/uncertain-error.ts';
import { type Snapshot, isConverged } from '../decide/world.ts';
import { mapLimited } from '../concurrency/for-each-limited.ts';
import { compareText } from '../identity/canonical.ts';
import { toLabelValue } from '../identity/label-value.ts';
import type { ClusterReads, FieldQuery, LabelQuery, Listed } from '../kube/cluster.ts';
import { isPresent, throwBindingsUnserved } from '../kube/read-guards.ts';
import { toClock } from './clock.ts';
import { type Names, toBindingsByName } from './bindings-by-name.ts';
import { readsAtOnce } from './limits.ts';
import { listServed, listSmallAccounts, mayHold, movingOrUnreadable, toOwnLabels } from './neighbourhood.ts';
import type { RunCache } from './run-cache.ts';

// To read so many costs less than to ask for some of them in several ways.
const fewBindings = 32;

/** Whether a namespace had so few bindings, at some state since these were read, that `collectAlone` may read all of them. */
export async function isSmallNamespace(
  cluster: ClusterReads,
  namespace: string,
  read: readonly Binding[],
): Promise<boolean> {
  const latest = { namespace, most: 1, ...notOlderThan(toStateOf(read)) };
  try {
    const { isComplete, remaining = Infinity } = await listServed(cluster, latest);
    return isComplete || remaining < fewBindings;
  } catch (error) {
    if (error instanceof UncertainError) return false;
    throw error;
  }
}

/**
 * The collect between an announcement and its POST, for bindings that this run has just announced as new and that are
 * alone: no other binding asks for their keys, holds them, or moves from or to them, and no output of theirs exists.
 * Undefined if anything else shows, or might: then only `collect` can tell.
 *
 * It costs one round of lists that need not wait. Bindings are read at the state of the announcements or a later one,
 * which is all that the protocol needs. Outputs are read from the API server's cache, which may be late. But an output
 * that was made by the protocol has a claim, and claims are not late. So the cache can hide only outputs without a
 * binding.
 */
export async function collectAlone(
  cluster: ClusterReads,
  names: Names,
  cache: RunCache,
): Promise<Snapshot | undefined> {
  try {
    return await collectFromFewLists(cluster, names, cache);
  } catch (error) {
    // A cache may lag behind the announcements, or have more outputs without a label than one answer may hold.
    if (error instanceof UncertainError) return undefined;
    throw error;
  }
}

async function collectFromFewLists(
  cluster: ClusterReads,
  { namespace, names }: Names,
  cache: RunCache,
): Promise<Snapshot | undefined> {
  const written = names.flatMap((name) => cache.bindings.get(name) ?? []);
  const keys = new Set(written.flatMap(({ status }) => status?.keyDigest ?? []));
  const accounts = new Set(written.map(({ spec }) => spec.serviceAccountName));
  const state = toStateOf(written);
  const announced = { namespace, names, written, keys, accounts, state };
  const around = cache.isSmallNamespace
    ? await listNamespace(cluster, announced)
    : await listByKey(cluster, announced, cache);
  if (!around) return undefined;
  const { held, ofAccounts, outputs } = around;
  const found = toBindingsByName(held.items);
  const isAsWritten = written.every((binding) => isSameState(binding, found.get(binding.metadata.name)));
  if (!isAsWritten || found.size > written.length || outputs.length > 0) return undefined;

  const listed = ofAccounts === 'many' ? [] : ofAccounts;
  const neighbours = listed.filter(({ metadata }) => !found.has(metadata.name));
  if (!cache.sources || !neighbours.every(isConverged)) return undefined;
  return {
    namespace,
    bindings: toBindingsByName([...neighbours, ...held.items]),
    outputs: [],
    sources: cache.sources.sources,
    clock: toClock(held.at),
    partial: new Set(neighbours.map(({ metadata }) => metadata.name)),
    ...(ofAccounts === 'many' && { isNarrow: true }),
  };
}

/** Bindings, as the run has just announced them. */
interface Announced extends Names {
  readonly written: readonly Binding[];
  readonly keys: ReadonlySet<string>;
  readonly accounts: ReadonlySet<string>;
  /** Of all of them, if it is known. */
  readonly state: string | undefined;
}

/** What is there beside them. */
interface Around {
  /** The bindings themselves, and all others that hold their keys or ask for them, at their state or a later one. */
  readonly held: Listed<Binding>;
  readonly ofAccounts: readonly Binding[] | 'many';
  /** Outputs that should not exist. One that belongs to somebody else does no harm: it costs one more collect. */
  readonly outputs: readonly Output[];
}

/**
 * The API server goes through all outputs of the cluster for each list of them, so where the bindings of a namespace are
 * few, one list of all its outputs costs least.
 */
async function listNamespace(
  cluster: ClusterReads,
  { namespace, names, keys, accounts, state }: Announced,
): Promise<Around | undefined> {
  const latest = { namespace, most: fewBindings, ...notOlderThan(state) };
  const [listed, outputs] = await Promise.all([
    listServed(cluster, latest),
    cluster.listOutputs(toOwnLabels(namespace), { isCached: true }),
  ]);
  if (!listed.isComplete) return undefined;
  const own = new Set(names);
  const isHeld = (binding: Binding) => own.has(binding.metadata.name) || mayHold(binding, keys);
  const ownLabels = new Set(names.map(toLabelValue));
  const isInTheWay = ({ metadata: { labels = {} } }: Output) => {
    const key = labels[outputLabels.key];
    return key === undefined || keys.has(key) || ownLabels.has(labels[outputLabels.bindingName] ?? '');
  };
  return {
    held: { ...listed, items: listed.items.filter(isHeld) },
    ofAccounts: listed.items.filter(({ spec }) => accounts.has(spec.serviceAccountName)),
    outputs: outputs === 'unserved' ? [] : outputs.items.filter(isInTheWay),
  };
}

async function listByKey(
  cluster: ClusterReads,
  { namespace, names, written, keys, accounts, state }: Announced,
  { largeAccounts: large }: RunCache,
): Promise<Around> {
  const [held, few, outputs] = await Promise.all([
    listHolders(cluster, namespace, written, state),
    listSmallAccounts(cluster, { namespace, accounts, large }, state),
    listCachedOutputs(cluster, namespace, names, keys),
  ]);
  return { held, ofAccounts: few === 'many' ? few : few.flatMap(({ items }) => items), outputs };
}

/** These bindings, and all others that hold their keys or ask for them, at this state or a later one. */
async function listHolders(
  cluster: ClusterReads,
  namespace: string,
  written: readonly Binding[],
  state: string | undefined,
): Promise<Listed<Binding>> {
  const keys = new Set(written.flatMap(({ status }) => status?.keyDigest ?? []));
  const keyless = written.filter(({ status }) => status?.keyDigest === undefined);
  const list = (field: FieldQuery, since = state) =>
    listServed(cluster, { namespace, field, ...notOlderThan(since) });
  const [read, lists, beside] = await Promise.all([
    mapLimited(keyless, readsAtOnce, ({ metadata }) => cluster.readBinding(namespace, metadata.name)),
    mapLimited([...keys], readsAtOnce, (value) => list({ path: bindingFields.key, value })),
    state === undefined || keys.size === 0 ? undefined : list(movingOrUnreadable),
  ]);
  // Not older than the lists by key, as in every collect: a binding that has left one of those by then is in this one.
  const latest = toLatest(lists.map(toState));
  const isLateEnough =
    beside && latest !== undefined && toLatest([latest, toState(beside)]) === toState(beside);
  const moving = keys.size === 0 ? [] : [isLateEnough ? beside : await list(movingOrUnreadable, latest)];
  const ofKeys = [...lists, ...moving].flatMap(({ items }) => items.filter((one) => mayHold(one, keys)));
  const ofNames = read.flatMap(({ found }) => (isPresent(found, throwBindingsUnserved) ? [found] : []));
  const at = [...lists, ...read].map((one) => one.at).toSorted(compareText)[0] ?? '';
  return { items: [...ofNames, ...ofKeys], at };
}

async function listCachedOutputs(
  cluster: ClusterReads,
  namespace: string,
  names: readonly string[],
  keys: ReadonlySet<string>,
): Promise<readonly Output[]> {
  const ours = toOwnLabels(namespace);
  const queries: LabelQuery[] = [
    { ...ours, [outputLabels.bindingName]: names.map(toLabelValue) },
    ...(keys.size > 0
      ? [
          { ...ours, [outputLabels.key]: undefined },
          { ...ours, [outputLabels.key]: [...keys] },
        ]
      : []),
  ];
  const lists = await Promise.all(queries.map((query) => cluster.listOutputs(query, { isCached: true })));
  return lists.flatMap((list) => (list === 'unserved' ? [] : list.items));
}

function notOlderThan(state: string | undefined): { readonly notOlderThan?: string } {
  return state === undefined ? {} : { notOlderThan: state };
}

/** The latest state of these. */
function toStateOf(bindings: readonly Binding[]): string | undefined {
  return toLatest(bindings.map(({ metadata }) => metadata.resourceVersion));
}

function toState({ resourceVersion }: Listed<Binding>): string | undefined {
  return resourceVersion;
}

/** The latest of these states; undefined if one is not known or is no number. They are numbers since Kubernetes 1.35. */
function toLatest(states: readonly (string | undefined)[]): string | undefined {
  if (!states.every((state) => state !== undefined && /^\d+$/.test(state))) return undefined;
  return states.toSorted((a = '', b = '') => a.length - b.length || compareText(a, b)).at(-1);
}

function isSameState(binding: Binding, other: Binding | undefined): boolean {
  const { uid, resourceVersion } = binding.metadata;
  return other?.metadata.uid === uid && other.metadata.resourceVersion === resourceVersion;
}
