import { type Output, outputLabels } from '../api/cluster-spiffe-id.ts';
import { UncertainError } from '../api/uncertain-error.ts';
import type { Snapshot } from '../decide/world.ts';
import { managedBy } from '../identity/ownership.ts';
import { toClock } from './clock.ts';
import type { Cluster, Listed } from './cluster.ts';
import { noBindings } from './found.ts';
import { type Bindings, pickKnown, readKnown, toBindings } from './known-bindings.ts';
import { accountsOf, isWithin, listNeighbourOutputs, listNeighbours } from './neighbourhood.ts';
import { readClaimed } from './read-claimed.ts';
import { readOwners } from './read-owners.ts';
import { readSources } from './read-sources.ts';

// Beyond this many, one list of the namespace is cheaper than its neighbourhoods one by one.
const maxNames = 24;
const maxAccounts = 8;
const maxAttempts = 5;

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
  let known = earlier && pickKnown(earlier.bindings, names);
  for (let attempt = 1; attempt <= maxAttempts; attempt++) {
    known ??= await readKnown(cluster, namespace, names);
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

  const listed = await listNeighbours(cluster, namespace, accounts);
  if (!isWithin(names, accounts, { listed, known })) return undefined;

  const outputs = await listNeighbourOutputs(cluster, namespace, names, accounts);
  return complete(cluster, namespace, listed, outputs);
}

async function collectNamespace(cluster: Cluster, namespace: string): Promise<Snapshot> {
  const { items } = await listBindings(cluster, namespace);
  const outputs = await cluster.listOutputs({
    [outputLabels.managedBy]: managedBy,
    [outputLabels.bindingNamespace]: namespace,
  });
  return complete(cluster, namespace, toBindings(items), outputs);
}

async function complete(
  cluster: Cluster,
  namespace: string,
  listed: Bindings,
  outputs: Listed<Output> | 'unserved',
): Promise<Snapshot> {
  if (outputs === 'unserved') {
    const { at } = await listBindings(cluster, namespace);
    const sources = await readSources(cluster, namespace, listed.values());
    return { namespace, bindings: listed, outputs, sources, clock: toClock(at) };
  }
  const clock = toClock(outputs.at);
  const found = [...outputs.items, ...(await readClaimed(cluster, listed, outputs.items, clock))];
  const bindings = await readOwners(cluster, namespace, listed, found);
  const sources = await readSources(cluster, namespace, bindings.values());
  return { namespace, bindings, outputs: found, sources, clock };
}

async function listBindings(cluster: Cluster, namespace: string) {
  const listed = await cluster.listBindings({ namespace });
  return listed === 'unserved' ? noBindings() : listed;
}
