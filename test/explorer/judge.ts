import * as specification from '../support/specification.ts';
import { type ClusterState, isOurs, namespace, settingsOf } from './model-cluster.ts';

/** The promises that a state breaks, and what writes have done that they never may. Documented exceptions are in brackets. */
export function findBreaches(state: ClusterState): string[] {
  const breaches = specification
    .findBreaches(toWorld(state))
    .map(({ promise, isRaced }) => (isRaced ? `(raced) ${promise}` : promise));
  return [...state.misdeeds, ...new Set(breaches)];
}

/** What differs from what a namespace must be once nothing happens any more; recorded overlaps are left out. */
export function findDifference(state: ClusterState): string | undefined {
  return specification.findDifference(toWorld(state));
}

export function findUnrecordedOverlap(state: ClusterState): string | undefined {
  return specification.findUnrecordedOverlap(toWorld(state));
}

function toWorld(state: ClusterState): specification.World {
  const outputs = Object.values(state.outputs);
  return {
    namespace,
    ...settingsOf(state),
    bindings: Object.values(state.bindings),
    pools: Object.values(state.pools),
    objectives: Object.values(state.objectives),
    outputs: outputs.filter(isOurs),
    takenNames: new Set(outputs.filter((one) => !isOurs(one)).map(({ metadata }) => metadata.name)),
    raced: new Set(state.raced),
    refusedApp: state.denied,
    areDeletionsRefused: state.isKeeping,
  };
}
