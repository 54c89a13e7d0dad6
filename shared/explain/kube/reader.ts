import type { ClusterReads } from '../../kube/cluster.ts';
import type { Lookups } from '../../kube/lookups.ts';

/** Who looks at a namespace, with whatever rights there are. */
export interface Reader {
  readonly cluster: ClusterReads;
  readonly lookups: Lookups;
  readonly namespace: string;
}
