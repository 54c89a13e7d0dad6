import { setImmediate } from 'node:timers/promises';
import type { EventLoop } from './run-in-slices.ts';

/** The event loop of this process. */
export const nodeEventLoop: EventLoop = { elapsed: () => performance.now(), yieldToOthers: setImmediate };
