import type { Binding } from '../api/binding.ts';
import { bindingFields } from '../api/binding.ts';
import { type Output, outputLabels } from '../api/cluster-spiffe-id.ts';
import type { Snapshot } from '../decide/world.ts';
import { toLabelValue } from '../identity/label-value.ts';
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
 * under the service account of its key, and an output is labelled with it, so nothing that matters is left out.
 */
export async function collect(
  cluster: Cluster,
  namespace: string,
  names: readonly string[],
): Promise<Snapshot> {
  for (let attempt = 1; attempt <= maxAttempts; attempt++) {
    const snapshot = await tryCollect(cluster, namespace, names);
    if (snapshot) return snapshot;
  }
  throw new UncertainError(`the bindings of namespace ${namespace} change faster than they can be read`);
}

/** Undefined: something moved while it was read, so that the parts do not fit together. */
async function tryCollect(
  cluster: Cluster,
  namespace: string,
  names: readonly string[],
): Promise<Snapshot | undefined> {
  const accounts = names.length > maxNames ? undefined : await readAccounts(cluster, namespace, names);
  if (accounts === undefined || accounts.length > maxAccounts) return collectNamespace(cluster, namespace);

  const bindings = await listNeighbours(cluster, namespace, accounts);
  if (names.some((name) => !isWithin(bindings.get(name), accounts))) return undefined;

  const listed = await listNeighbourOutputs(cluster, namespace, names, accounts);
  if (listed === 'torn') return undefined;
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

/** The service accounts under which these bindings hold, or may come to hold, a key. */
async function readAccounts(
  cluster: Cluster,
  namespace: string,
  names: readonly string[],
): Promise<string[]> {
  const bindings = await Promise.all(names.map((name) => cluster.getBinding(namespace, name)));
  return [
    ...new Set(bindings.flatMap((binding) => (isThere(binding, noBindings) ? accountsOf(binding) : []))),
  ];
}

async function listNeighbours(
  cluster: Cluster,
  namespace: string,
  accounts: readonly string[],
): Promise<Bindings> {
  const bySpec = await listByAccount(cluster, namespace, bindingFields.serviceAccount, accounts);
  const byClaim = await listByAccount(cluster, namespace, bindingFields.claimedServiceAccount, accounts);
  return new Map([...bySpec, ...byClaim]);
}

async function listByAccount(
  cluster: Cluster,
  namespace: string,
  path: (typeof bindingFields)['serviceAccount' | 'claimedServiceAccount'],
  accounts: readonly string[],
): Promise<Bindings> {
  const lists = await Promise.all(
    accounts.map((value) => cluster.listBindings({ namespace, field: { path, value } })),
  );
  return new Map(lists.flatMap((list) => [...toMap(list)]));
}

/** A binding that is listed must have been listed with all that its service accounts bring. */
function isWithin(binding: Binding | undefined, accounts: readonly string[]): boolean {
  return binding === undefined || accountsOf(binding).every((account) => accounts.includes(account));
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
): Promise<Listed<Output> | 'unserved' | 'torn'> {
  const ours = { [outputLabels.managedBy]: managedBy, [outputLabels.bindingNamespace]: namespace };
  const lists = await Promise.all([
    cluster.listOutputs({ ...ours, [outputLabels.bindingName]: names.map(toLabelValue) }),
    // The Go operator's outputs carry no service account: they may hold any key until they are taken over.
    cluster.listOutputs({ ...ours, [outputLabels.serviceAccount]: undefined }),
    ...(accounts.length > 0
      ? [cluster.listOutputs({ ...ours, [outputLabels.serviceAccount]: accounts.map(toLabelValue) })]
      : []),
  ]);
  return merge(lists);
}

/** One output that two lists show in two states was written between them: then nobody knows which list is older. */
function merge(lists: readonly (Listed<Output> | 'unserved')[]): Listed<Output> | 'unserved' | 'torn' {
  const outputs = new Map<string, Output>();
  let at = '';
  for (const list of lists) {
    if (list === 'unserved') return 'unserved';
    at = at === '' || list.at < at ? list.at : at;
    for (const output of list.items) {
      const known = outputs.get(output.metadata.uid);
      if (known && known.metadata.resourceVersion !== output.metadata.resourceVersion) return 'torn';
      outputs.set(output.metadata.uid, output);
    }
  }
  return { items: [...outputs.values()], at };
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
  const found = [...outputs.items, ...(await readClaimed(cluster, listed, outputs.items))];
  const bindings = await readOwners(cluster, namespace, listed, found);
  const sources = await readSources(cluster, namespace, bindings.values());
  return { namespace, bindings, outputs: found, sources, clock: toClock(outputs.at) };
}

/** Outputs whose labels were taken off by hand are in no list; the binding that owns them knows their names. */
async function readClaimed(
  cluster: Cluster,
  bindings: Bindings,
  outputs: readonly Output[],
): Promise<Output[]> {
  const listed = new Set(outputs.map(({ metadata }) => metadata.name));
  const claims = [...bindings.values()].flatMap(({ status }) => status?.claim ?? []);
  const missing = claims.filter((claim) => claim.kind !== 'creating' && !listed.has(claim.name));
  const found = await Promise.all(missing.map((claim) => cluster.getOutput(claim.name)));
  return found.filter((output) => isThere(output, noOutputs));
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

/** The lists were served a moment ago. */
function noOutputs(): never {
  throw new UncertainError('the ClusterSPIFFEID CRD was removed while its objects were read');
}

/** Only `absent` proves that an object is not there. */
function isThere<T extends object>(found: Found<T>, unserved: () => never): found is T {
  if (found === 'unserved') return unserved();
  return found !== 'absent';
}
