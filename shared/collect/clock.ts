import { quarantineMs } from '../api/creation-budget.ts';
import type { Clock } from '../decide/world.ts';

/** The API server's time, as the protocol compares it: to the second, in one format. */
export function toClock(at: string): Clock {
  const ms = Date.parse(at);
  // No two clocks differ by a whole quarantine. A claim further ahead was dated by a wrong clock.
  return {
    now: toSecond(ms),
    quarantine: toSecond(ms - quarantineMs),
    horizon: toSecond(ms + quarantineMs),
  };
}

/** A time of the API server, cut to the second. */
export function toSecond(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19)}Z`;
}
