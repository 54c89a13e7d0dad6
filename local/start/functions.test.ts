import { CloudEvent } from 'cloudevents';
import { Hono } from 'hono';
import { pino } from 'pino';
import { expect, test } from 'vitest';
import { binding, objective, pool } from '../../test/support/manifests.ts';
import { createSettling } from '../../test/support/settling.ts';
import { testSettings } from '../../test/support/test-cluster.ts';
import { toHttpMessage, toWireEvent } from '../eventing/wire-event.ts';
import { startFunctions } from './functions.ts';

test('the functions end when what reconcile has announced is created, although nobody waits for its answer', async () => {
  const sending = Promise.withResolvers<void>();
  const gate = Promise.withResolvers<void>();
  const here = await createSettling((real) => ({
    createOutput: async (...args) => {
      sending.resolve();
      await gate.promise;
      return real.createOutput(...args);
    },
  }));
  await here.create(pool(), objective(), binding());
  const log = pino({ level: 'silent' });
  const functions = await startFunctions({
    cluster: here.cluster,
    settings: testSettings,
    log,
    port: 0,
    consoleApp: new Hono(),
  });
  const event = new CloudEvent<unknown>({
    source: '/test',
    type: 'red.sonda.kleym.bindings.affected',
    data: { bindings: [{ namespace: 'team-a', names: ['binding-a'] }] },
  });
  const broker = new AbortController();
  const message = toHttpMessage(toWireEvent(event));
  const answered = functions.send(functions.urls['reconcile'] ?? '', message, broker.signal);
  await sending.promise;
  broker.abort(new Error('the Broker is closing'));
  await expect(answered).rejects.toThrow('the Broker is closing');

  let hasEnded = false;
  const ended = functions.close().then(() => (hasEnded = true));
  await new Promise((resolve) => void setTimeout(resolve, 100));
  expect(hasEnded).toBe(false);
  gate.resolve();
  await ended;
  expect(await here.ready('binding-a')).toBe('True Reconciled');
});
