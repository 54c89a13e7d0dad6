import { answerWithinMs } from '../api/creation-budget.ts';
import { type Output, outputAnnotations } from '../api/cluster-spiffe-id.ts';

// How long a run waits for the answer to its POST, less the two seconds by which the times may be cut.
const promptMs = answerWithinMs - 2_000;

/**
 * Whether an output was created soon after the request for it left, so that its run still waited for the answer; both times
 * are the API server's. `unknown`: it does not say when that was, as those of the Go operator.
 */
export function toArrival({ metadata }: Output): 'prompt' | 'late' | 'unknown' {
  const sent = metadata.annotations?.[outputAnnotations.sentAt];
  if (sent === undefined) return 'unknown';
  const age = Date.parse(String(metadata['creationTimestamp'])) - Date.parse(sent);
  return age >= 0 && age < promptMs ? 'prompt' : 'late';
}
