import { setImmediate, setTimeout } from 'node:timers/promises';
import type { TimedEventLoop } from './run-in-slices.ts';

/** The event loop of this process. */
export const nodeEventLoop: TimedEventLoop = {
  elapsed: () => performance.now(),
  yieldToOthers: setImmediate,
  sleep: (ms) => setTimeout(ms, undefined, { ref: false }),
};
