import { setImmediate, setTimeout } from 'node:timers/promises';
import type { Clock } from './run-in-slices.ts';

/** The event loop of this process. */
export const nodeEventLoop: Clock = {
  elapsed: () => performance.now(),
  yieldToOthers: setImmediate,
  sleep: (ms) => setTimeout(ms, undefined, { ref: false }),
};
