import { answerWithinMs } from '../api/creation-budget.ts';
import { type Output, outputAnnotations } from '../api/cluster-spiffe-id.ts';

// How long a run waits for the answer to its POST, less the two seconds by which the times may be cut.
const promptMs = answerWithinMs - 2_000;

/**
 * Whether an output was created soon after it was announced, so that its run still waited for the answer; both times are
 * the API server's. `unknown`: it does not say when it was announced, as those of the Go operator.
 */
export function toArrival({ metadata }: Output): 'prompt' | 'late' | 'unknown' {
  const announced = metadata.annotations?.[outputAnnotations.claimedAt];
  if (announced === undefined) return 'unknown';
  const age = Date.parse(String(metadata['creationTimestamp'])) - Date.parse(announced);
  return age >= 0 && age < promptMs ? 'prompt' : 'late';
}
