import type { Condition } from '../../shared/api/conditions.ts';

/** The condition Ready, as it stands in the status of a binding of generation 1. */
export function readyCondition(status: Condition['status'], reason: string): Condition {
  return {
    type: 'Ready',
    status,
    reason,
    message: 'no',
    observedGeneration: 1,
    lastTransitionTime: '2026-11-21T11:00:00Z',
  };
}
