import { pino } from 'pino';
import { afterAll } from 'vitest';
import { createLocalConsole } from '../../local/start/create-local-console.tsx';
import { type EventTracker, createEventTracker } from '../../local/eventing/event-tracker.ts';
import { listen } from '../../shared/runtime/serve.ts';
import { type TestCluster, testSettings } from '../support/test-cluster.ts';
import { throwError } from '../support/throw-error.ts';

/** A console beside which nothing works: what it shows stays as a test has written it. */
export interface ServedConsole {
  readonly url: string;
  /** What its page Live is made from. */
  readonly tracker: EventTracker;
}

/** Serves the console of `npm start` until the test file ends. */
export async function serveConsole({ kubeConfig }: TestCluster): Promise<ServedConsole> {
  const tracker = createEventTracker([], Date.now);
  const log = pino({ level: process.env['KLEYM_TEST_LOG'] ?? 'silent' });
  const app = createLocalConsole({ kubeConfig, settings: testSettings, log, tracker });
  const listening = await listen(app, { port: 0, host: '127.0.0.1' }, throwError);
  afterAll(async () => void (await listening.close(0)));
  return { url: `http://127.0.0.1:${listening.port}`, tracker };
}
