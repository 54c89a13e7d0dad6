import type { Clock } from '../decide/world.ts';
import type { ClusterReads } from '../kube/cluster.ts';
import { throwBindingsUnserved } from '../kube/read-guards.ts';
import { toClock } from './clock.ts';

/** Reads the API server's clock. */
export async function readClock(cluster: ClusterReads, namespace: string): Promise<Clock> {
  const listed = await cluster.listBindings({ namespace, most: 1 });
  return toClock((listed === 'unserved' ? throwBindingsUnserved() : listed).at);
}
