import { findUnconverged } from '../../functions/sweep/find-unconverged.ts';
import { collectCluster } from '../../shared/collect/collect-cluster.ts';
import { complete } from '../support/complete.ts';
import { type ClusterState, serve, settingsOf } from './model-cluster.ts';
import { type Manner, openPort } from './run-alone.ts';

/** A binding that the sweep has named, and how it is to be looked at. */
export interface Swept extends Manner {
  readonly name: string;
}

/** What the shipped sweep would reply with. */
export async function sweep(state: ClusterState): Promise<Swept[]> {
  const { cluster } = openPort(async (call) => serve(state, call).answer);
  const snapshots = await collectCluster(cluster);
  const found = snapshots.flatMap((snapshot) => complete(findUnconverged(snapshot, settingsOf(state))));
  return found.map(({ repair: _repair, ...swept }) => swept);
}
