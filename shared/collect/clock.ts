import type { Clock } from '../decide/world.ts';

/**
 * After an announcement is dated, its POST is
 *   sent within 20 s, counted from before the look that dated it (freshMs in functions/reconcile/perform.ts);
 *   on its way for 10 s at most, for then we hang up (callTimeoutMs in shared/kube/create-cluster.ts);
 *   carried out within 60 s, or given up by the API server (its --request-timeout, as it comes).
 * That makes 90 s. The other 30 s are for what the clocks of several API servers differ.
 */
const quarantineMs = 120_000;

/** The API server's time, as the protocol compares it: to the second, in one format. */
export function toClock(at: string): Clock {
  const ms = Date.parse(at);
  // No two clocks differ by a whole quarantine: by more than that ahead is a mistake.
  return {
    now: toSecond(ms),
    quarantine: toSecond(ms - quarantineMs),
    horizon: toSecond(ms + quarantineMs),
  };
}

function toSecond(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19)}Z`;
}
