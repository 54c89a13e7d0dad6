import type { Output } from '../api/cluster-spiffe-id.ts';
import { type Clock, claimOf } from '../decide/world.ts';
import type { Cluster } from './cluster.ts';
import { changing, isThere } from './found.ts';
import type { Bindings } from './known-bindings.ts';

/**
 * Outputs whose labels were taken off by hand are in no list; the binding that owns them knows their names. An announced
 * one is looked for when it can land no more: until then its binding waits for it anyway, and every creation would pay.
 */
export async function readClaimed(
  cluster: Cluster,
  bindings: Bindings,
  outputs: readonly Output[],
  clock: Clock,
): Promise<Output[]> {
  const listed = new Set(outputs.map(({ metadata }) => metadata.name));
  const claims = [...bindings.values()].flatMap((binding) => claimOf(binding) ?? []);
  const missing = claims.filter(
    (claim) => !listed.has(claim.name) && !(claim.kind === 'creating' && claim.at > clock.quarantine),
  );
  const found = await Promise.all(missing.map((claim) => cluster.getOutput(claim.name)));
  return found.filter((output) => isThere(output, changing));
}
