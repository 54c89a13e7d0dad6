import { outputLabels } from '../api/cluster-spiffe-id.ts';
import { UncertainError } from '../api/uncertain-error.ts';
import type { Snapshot } from '../decide/world.ts';
import { managedBy } from '../identity/ownership.ts';
import type { ClusterReads } from '../kube/cluster.ts';
import { throwBindingsUnserved } from '../kube/read-guards.ts';
import { toBindingsByName } from './bindings-by-name.ts';
import { collectNeighbourhood } from './collect-neighbourhood.ts';
import { completeSnapshot } from './complete-snapshot.ts';
import { maxReadsByName } from './limits.ts';
import type { RunCache } from './run-cache.ts';
import type { Scope } from './scope.ts';

const maxAttempts = 5;
const nobody = new Set<string>();
const everything = { beside: nobody, partial: nobody, hasOverlaps: true, by: 'namespace' } as const;

/**
 * Reads what `decide` must know about these bindings: bindings, then outputs, then pools and objectives. The order is
 * part of the protocol. For few names it reads only their neighbourhood: the bindings and outputs that ask for the same
 * keys or hold them, found by the digests in statuses and labels, and what their claims name. Which keys these are
 * follows from what is read. So it reads again until nothing leads to another key.
 */
export async function collect(cluster: ClusterReads, scope: Scope, cache: RunCache): Promise<Snapshot> {
  if (scope.isWhole || scope.names.length > maxReadsByName)
    return await collectNamespace(cluster, scope, cache);
  for (let attempt = 1; attempt <= maxAttempts; attempt++) {
    const snapshot = await collectNeighbourhood(cluster, scope, cache);
    if (snapshot === 'too-large') return await collectNamespace(cluster, scope, cache);
    if (snapshot !== 'incomplete') return snapshot;
  }
  throw new UncertainError(
    `the bindings of namespace ${scope.namespace} change faster than they can be read`,
  );
}

/**
 * All pages of a list show the state of the first. So outputs that are asked for behind the first page are read after all
 * bindings, and the API server makes both lists at once.
 */
async function collectNamespace(cluster: ClusterReads, scope: Scope, cache: RunCache): Promise<Snapshot> {
  const { namespace } = scope;
  // The list shows all of them, and two copies of a large namespace would be too many.
  cache.bindings.clear();
  const labels = { [outputLabels.managedBy]: managedBy, [outputLabels.bindingNamespace]: namespace };
  let listing: ReturnType<ClusterReads['listOutputs']> | undefined;
  const onState = () => {
    listing = cluster.listOutputs(labels);
    // It is waited for below, but may fail before.
    listing.catch(() => undefined);
  };
  const listed = await cluster.listBindings({ namespace, onState }).catch(async (error: unknown) => {
    // A run that has ended reads nothing any more.
    await listing?.catch(() => undefined);
    throw error;
  });
  const bindings = toBindingsByName(listed === 'unserved' ? throwBindingsUnserved() : listed.items);
  const outputs = await (listing ?? cluster.listOutputs(labels));
  return await completeSnapshot(cluster, scope, cache, { bindings, outputs, ...everything });
}
