import { afterAll, assert, beforeAll } from 'vitest';

/*
 * Files share a worker: what one of them left in the process, another would stumble over, on some days. So it fails
 * where it was left.
 */
let before: object;
beforeAll(() => void (before = describeProcess()));
afterAll(() => assert.deepEqual(describeProcess(), before, 'this file left something in the process'));

// Not `exit`: a logger leaves a listener there when it is made, and closes its file by it.
const events = ['SIGTERM', 'SIGINT', 'SIGHUP', 'uncaughtException', 'unhandledRejection', 'warning'];

function describeProcess(): object {
  const { fetch, setTimeout, clearTimeout, setInterval, Date } = globalThis;
  return {
    folder: process.cwd(),
    environment: { ...process.env },
    globals: Object.getOwnPropertyNames(globalThis).toSorted(),
    replaceable: [fetch, setTimeout, clearTimeout, setInterval, Date],
    listeners: events.map((name) => [name, process.listenerCount(name)]),
  };
}
