import { bindingFields } from '../../shared/api/binding.ts';
import { poolResources } from '../../shared/api/pool.ts';
import type { Handler } from '../../shared/events/function-app.ts';
import { mapReferenced } from '../../shared/mappers/map-referenced.ts';
import type { Cluster } from '../../shared/kube/cluster.ts';

/** Names the bindings whose `spec.poolRef` is the pool of an event. */
export function mapPool(cluster: Cluster): Handler {
  return mapReferenced(cluster, {
    from: 'map-pool',
    resources: poolResources,
    field: bindingFields.pool,
    toReference: ({ spec }) => spec.poolRef,
    toObserved: ({ status }) => status?.observed?.pool,
  });
}
