import { setImmediate } from 'node:timers/promises';
import type { Turns } from './take-turns.ts';

/** Turns on the thread of this process. */
export const realTurns: Turns = { elapsed: () => performance.now(), giveWay: setImmediate };
