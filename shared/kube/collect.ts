import type { Binding } from '../api/binding.ts';
import { bindingFields } from '../api/binding.ts';
import { type Output, outputLabels } from '../api/cluster-spiffe-id.ts';
import type { Clock, Snapshot } from '../decide/world.ts';
import type { ObjectMeta } from '../api/object-meta.ts';
import { compareText } from '../identity/canonical.ts';
import { toLabelValue } from '../identity/label-value.ts';
import { isDnsSubdomain } from '../identity/object-names.ts';
import { managedBy, ownerUidOf, parseOwner } from '../identity/ownership.ts';
import { toClock } from './clock.ts';
import type { Cluster, Found, Listed } from './cluster.ts';
import { readSources } from './read-sources.ts';
import { UncertainError } from './uncertain-error.ts';

// Beyond this many, one list of the namespace is cheaper than its neighbourhoods one by one.
const maxNames = 24;
const maxAccounts = 8;
const maxAttempts = 5;

type Bindings = Map<string, Binding>;

/**
 * Reads what must be known to decide for these bindings: bindings, then outputs, then pools and objectives. The order
 * is part of the protocol. Where few service accounts are concerned, only their neighbourhood is read: a claim stands
 * under the service account of its key, and an output is labelled with it, so nothing that matters is left out. What an
 * earlier collect saw saves looking up the service accounts; whether they still are the right ones is checked.
 */
export async function collect(
  cluster: Cluster,
  namespace: string,
  names: readonly string[],
  earlier?: Snapshot,
): Promise<Snapshot> {
  if (names.length > maxNames) return collectNamespace(cluster, namespace);
  let known = earlier && pick(earlier.bindings, names);
  for (let attempt = 1; attempt <= maxAttempts; attempt++) {
    known ??= await readBindings(cluster, namespace, names);
    const snapshot = await tryCollect(cluster, namespace, names, known);
    if (snapshot) return snapshot;
    known = undefined;
  }
  throw new UncertainError(`the bindings of namespace ${namespace} change faster than they can be read`);
}

/** Undefined: something moved while it was read, so that the parts do not fit together. */
async function tryCollect(
  cluster: Cluster,
  namespace: string,
  names: readonly string[],
  known: Bindings,
): Promise<Snapshot | undefined> {
  const accounts = [...new Set([...known.values()].flatMap(accountsOf))];
  if (accounts.length > maxAccounts) return collectNamespace(cluster, namespace);

  const bindings = await listNeighbours(cluster, namespace, accounts);
  if (!isWithin(bindings, known, names, accounts)) return undefined;

  const listed = await listNeighbourOutputs(cluster, namespace, names, accounts);
  return complete(cluster, namespace, bindings, listed);
}

async function collectNamespace(cluster: Cluster, namespace: string): Promise<Snapshot> {
  const bindings = toMap(await cluster.listBindings({ namespace }));
  const outputs = await cluster.listOutputs({
    [outputLabels.managedBy]: managedBy,
    [outputLabels.bindingNamespace]: namespace,
  });
  return complete(cluster, namespace, bindings, outputs);
}

/** These bindings, and those that they have recorded as rivals: when one of them leaves, the others may recover. */
async function readBindings(
  cluster: Cluster,
  namespace: string,
  names: readonly string[],
): Promise<Bindings> {
  const own = await getBindings(cluster, namespace, names);
  const rivals = rivalsOf(own.values())
    .filter((name) => !own.has(name))
    .slice(0, maxNames);
  return new Map([...own, ...(await getBindings(cluster, namespace, rivals))]);
}

function rivalsOf(bindings: Iterable<Binding>): string[] {
  return [
    ...new Set([...bindings].flatMap(({ status }) => status?.conflicts?.map(({ name }) => name) ?? [])),
  ];
}

async function getBindings(cluster: Cluster, namespace: string, names: readonly string[]): Promise<Bindings> {
  const found = await Promise.all(names.map((name) => cluster.getBinding(namespace, name)));
  const bindings = found.filter((binding) => isThere(binding, noBindings));
  return new Map(bindings.map((binding) => [binding.metadata.name, binding]));
}

/** Undefined where one of them was not seen: then nobody knows its service accounts. */
function pick(bindings: ReadonlyMap<string, Binding>, names: readonly string[]): Bindings | undefined {
  const own = names.flatMap((name) => bindings.get(name) ?? []);
  if (own.length < names.length) return undefined;
  const picked = [...own, ...rivalsOf(own).flatMap((name) => bindings.get(name) ?? [])];
  return new Map(picked.map((binding) => [binding.metadata.name, binding]));
}

/** Everybody who asks for, or holds, a key under these service accounts. */
async function listNeighbours(
  cluster: Cluster,
  namespace: string,
  accounts: readonly string[],
): Promise<Bindings> {
  const paths = [bindingFields.serviceAccount, bindingFields.claimedServiceAccount];
  const fields = accounts.flatMap((value) => paths.map((path) => ({ path, value })));
  const lists = await Promise.all(fields.map((field) => cluster.listBindings({ namespace, field })));
  const served = lists.map((list) => (list === 'unserved' ? noBindings() : list));
  return toMap(await merge(served, (name) => cluster.getBinding(namespace, name)));
}

/** Each binding must have been listed with all that its service accounts bring; one that is listed no more may have others now. */
function isWithin(
  listed: Bindings,
  known: Bindings,
  names: readonly string[],
  accounts: readonly string[],
): boolean {
  return names.every((name) => {
    const binding = listed.get(name);
    if (!binding) return !known.has(name);
    return accountsOf(binding).every((account) => accounts.includes(account));
  });
}

function accountsOf({ spec, status }: Binding): string[] {
  return status?.claim
    ? [spec.serviceAccountName, status.claim.serviceAccountName]
    : [spec.serviceAccountName];
}

async function listNeighbourOutputs(
  cluster: Cluster,
  namespace: string,
  names: readonly string[],
  accounts: readonly string[],
): Promise<Listed<Output> | 'unserved'> {
  const ours = { [outputLabels.managedBy]: managedBy, [outputLabels.bindingNamespace]: namespace };
  // What is no name of a service account was refused, and no output is labelled with it.
  const labels = accounts.filter(isDnsSubdomain).map(toLabelValue);
  const lists = await Promise.all([
    cluster.listOutputs({ ...ours, [outputLabels.bindingName]: names.map(toLabelValue) }),
    // The Go operator's outputs carry no service account: they may hold any key until they are taken over.
    cluster.listOutputs({ ...ours, [outputLabels.serviceAccount]: undefined }),
    ...(labels.length > 0 ? [cluster.listOutputs({ ...ours, [outputLabels.serviceAccount]: labels })] : []),
  ]);
  const served = lists.filter((list) => list !== 'unserved');
  return served.length < lists.length ? 'unserved' : merge(served, (name) => cluster.getOutput(name));
}

/** One object that two lists show in two states was written between them: it is read once more, later than both. */
async function merge<T extends { readonly metadata: ObjectMeta }>(
  lists: readonly Listed<T>[],
  reread: (name: string) => Promise<Found<T>>,
): Promise<Listed<T>> {
  const items = new Map<string, T>();
  const torn = new Set<string>();
  for (const item of lists.flatMap((list) => list.items)) {
    const { name, uid, resourceVersion } = item.metadata;
    const other = items.get(name)?.metadata;
    if (other && (other.uid !== uid || other.resourceVersion !== resourceVersion)) torn.add(name);
    items.set(name, item);
  }
  for (const name of torn) {
    const item = await reread(name);
    if (isThere(item, changing)) items.set(name, item);
    else items.delete(name);
  }
  const at = lists.map((list) => list.at).toSorted(compareText)[0] ?? '';
  return { items: [...items.values()], at };
}

async function complete(
  cluster: Cluster,
  namespace: string,
  listed: Bindings,
  outputs: Listed<Output> | 'unserved',
): Promise<Snapshot> {
  if (outputs === 'unserved') {
    const { at } = await readClock(cluster, namespace);
    return {
      namespace,
      bindings: listed,
      outputs,
      sources: await readSources(cluster, namespace, listed.values()),
      clock: toClock(at),
    };
  }
  const clock = toClock(outputs.at);
  const found = [...outputs.items, ...(await readClaimed(cluster, listed, outputs.items, clock))];
  const bindings = await readOwners(cluster, namespace, listed, found);
  const sources = await readSources(cluster, namespace, bindings.values());
  return { namespace, bindings, outputs: found, sources, clock };
}

/**
 * Outputs whose labels were taken off by hand are in no list; the binding that owns them knows their names. An announced
 * one is looked for when it can land no more: until then its binding waits for it anyway, and every creation would pay.
 */
async function readClaimed(
  cluster: Cluster,
  bindings: Bindings,
  outputs: readonly Output[],
  clock: Clock,
): Promise<Output[]> {
  const listed = new Set(outputs.map(({ metadata }) => metadata.name));
  const claims = [...bindings.values()].flatMap(({ status }) => status?.claim ?? []);
  const missing = claims.filter(
    (claim) => !listed.has(claim.name) && !(claim.kind === 'creating' && claim.at > clock.quarantine),
  );
  const found = await Promise.all(missing.map((claim) => cluster.getOutput(claim.name)));
  return found.filter((output) => isThere(output, changing));
}

/** An owner that no list shows, or shows as another one, is read by name before anybody calls it gone. */
async function readOwners(
  cluster: Cluster,
  namespace: string,
  listed: Bindings,
  outputs: readonly Output[],
): Promise<Bindings> {
  const missing = outputs.flatMap((output) => {
    const owner = parseOwner(output, namespace);
    if (owner === undefined) return [];
    const uid = ownerUidOf(output);
    const known = listed.get(owner);
    return known && (uid === undefined || uid === known.metadata.uid) ? [] : [owner];
  });
  const bindings = new Map(listed);
  await Promise.all(
    [...new Set(missing)].map(async (name) => {
      const binding = await cluster.getBinding(namespace, name);
      if (isThere(binding, noBindings)) bindings.set(name, binding);
      else bindings.delete(name);
    }),
  );
  return bindings;
}

async function readClock(cluster: Cluster, namespace: string): Promise<{ at: string }> {
  const bindings = await cluster.listBindings({ namespace });
  return bindings === 'unserved' ? noBindings() : bindings;
}

function toMap(list: Listed<Binding> | 'unserved'): Bindings {
  if (list === 'unserved') return noBindings();
  return new Map(list.items.map((binding) => [binding.metadata.name, binding]));
}

/** Without our own CRD nothing is known, and nothing may be concluded from it. */
function noBindings(): never {
  throw new UncertainError('the InferenceIdentityBinding CRD is not installed');
}

/** Its list was served a moment ago. */
function changing(): never {
  throw new UncertainError('a CRD was removed while its objects were read');
}

/** Only `absent` proves that an object is not there. */
function isThere<T extends object>(found: Found<T>, unserved: () => never): found is T {
  if (found === 'unserved') return unserved();
  return found !== 'absent';
}
