import type { Output } from '../api/cluster-spiffe-id.ts';
import { type Clock, claimOf } from '../decide/world.ts';
import { mapLimited } from '../concurrency/for-each-limited.ts';
import type { ClusterReads } from '../kube/cluster.ts';
import { throwDefinitionRemoved, isPresent } from '../kube/read-guards.ts';
import type { BindingsByName } from './bindings-by-name.ts';
import { maxReadsByName, readsAtOnce } from './limits.ts';

/**
 * Reads outputs by the names in claims: if somebody took their labels off, no list shows them. An output that is only
 * announced is read when its POST can land no more. Until then its binding waits anyway, and every creation would pay
 * for it.
 */
export async function readClaimedOutputs(
  cluster: ClusterReads,
  bindings: BindingsByName,
  outputs: readonly Output[],
  clock: Clock,
): Promise<Output[]> {
  const listed = new Set(outputs.map(({ metadata }) => metadata.name));
  const claims = [...bindings.values()].flatMap((binding) => claimOf(binding) ?? []);
  const missing = claims.filter(
    (claim) => !listed.has(claim.name) && !(claim.kind === 'creating' && claim.at > clock.quarantine),
  );
  // Two claims may name the same output.
  const names = new Set(missing.map(({ name }) => name));
  if (names.size > maxReadsByName) return await pickFromAll(cluster, names);
  const found = await mapLimited([...names], readsAtOnce, (name) => cluster.getOutput(name));
  return found.filter((output) => isPresent(output, throwDefinitionRemoved));
}

async function pickFromAll(cluster: ClusterReads, names: ReadonlySet<string>): Promise<Output[]> {
  const all = await cluster.listOutputs({});
  if (all === 'unserved') return throwDefinitionRemoved();
  return all.items.filter(({ metadata }) => names.has(metadata.name));
}
