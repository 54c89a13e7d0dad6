import { bindingFields } from '../../shared/api/binding.ts';
import { objectiveResources } from '../../shared/api/objective.ts';
import type { Handler } from '../../shared/events/function-app.ts';
import { mapReferenced } from '../../shared/mappers/map-referenced.ts';
import type { Cluster } from '../../shared/kube/cluster.ts';

/** Names the bindings whose `spec.objectiveRef` is the objective of an event. */
export function mapObjective(cluster: Cluster): Handler {
  return mapReferenced(cluster, {
    from: 'map-objective',
    resources: objectiveResources,
    field: bindingFields.objective,
    toReference: ({ spec }) => spec.objectiveRef,
    toObserved: ({ status }) => status?.observed?.objective,
  });
}
