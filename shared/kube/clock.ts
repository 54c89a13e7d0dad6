import type { Clock } from '../decide/world.ts';

/** Longer than a run's deadline plus the API server's request timeout plus what clocks differ: see docs/protocol.md. */
const quarantineMs = 120_000;

/** The API server's time, as the protocol compares it: to the second, in one format. */
export function toClock(at: string): Clock {
  const ms = Date.parse(at);
  return { now: toSecond(ms), quarantine: toSecond(ms - quarantineMs) };
}

function toSecond(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19)}Z`;
}
