import { once } from 'node:events';
import { request } from 'node:http';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { startFunction, startListening } from '../../test/support/function-process.ts';

const main = fileURLToPath(new URL('main.ts', import.meta.url));

const event = {
  'ce-specversion': '1.0',
  'ce-id': 'id',
  'ce-source': 'https://10.96.0.1:443',
  'ce-type': 'dev.knative.apiserver.ref.update',
  'ce-apiversion': 'kleym.sonda.red/v1alpha1',
  'ce-kind': 'InferenceIdentityBinding',
  'ce-name': 'b',
  'ce-namespace': 'team-a',
  'content-type': 'application/json',
};

/** Begins a request and leaves its body open until `finish`. The server has it when it says `100 Continue`. */
async function beginRequest(port: number) {
  const outgoing = request({
    host: '127.0.0.1',
    port,
    method: 'POST',
    headers: { ...event, expect: '100-continue' },
  });
  const answered = new Promise<number | undefined>((resolve, reject) => {
    outgoing.on('response', (incoming) => resolve(incoming.resume().statusCode));
    outgoing.on('error', reject);
  });
  answered.catch(() => undefined);
  outgoing.flushHeaders();
  await once(outgoing, 'continue');
  outgoing.write('{"name":');
  return { answered, finish: () => outgoing.end('"b"}') };
}

describe('the function as a process', () => {
  test('answers an event with an event', async () => {
    const { port } = await startListening(main);
    const response = await fetch(`http://127.0.0.1:${port}/`, { method: 'POST', headers: event, body: '{}' });
    expect(response.status).toBe(200);
    expect(await response.json()).toEqual({ bindings: [{ namespace: 'team-a', names: ['b'] }] });
  });

  test.each(['SIGTERM', 'SIGINT'] as const)(
    'finishes a slow request on %s and ends with 0',
    async (signal) => {
      const { child, port, ended, said } = await startListening(main);
      const { answered, finish } = await beginRequest(port);
      child.kill(signal);
      await said('ending');
      finish();
      expect(await answered).toBe(200);
      expect(await ended).toMatchObject({ code: 0, errors: '' });
    },
  );

  test('ends at once when it is told twice', async () => {
    const { child, port, ended, said } = await startListening(main);
    const { answered } = await beginRequest(port);
    child.kill('SIGTERM');
    await said('ending');
    child.kill('SIGTERM');
    expect(await ended).toMatchObject({ code: 1 });
    await expect(answered).rejects.toThrow('socket hang up');
  });

  test('cuts off a request that outlasts the grace, and says so', async () => {
    const { child, port, ended, said } = await startListening(main, { KLEYM_GRACE_SECONDS: '0' });
    const { answered } = await beginRequest(port);
    child.kill('SIGTERM');
    await said('requests were cut off');
    expect(await ended).toMatchObject({ code: 1 });
    await expect(answered).rejects.toThrow('socket hang up');
  });

  test('tells in one line that its port is taken', async () => {
    const { port } = await startListening(main);
    const second = startFunction(main, { PORT: String(port) });
    expect(await second.ended).toEqual({
      code: 1,
      errors: `map-binding: port ${port} on 127.0.0.1 is taken: end what listens there or set PORT\n`,
      lines: [],
    });
  });

  test('tells in one line what is wrong with its environment', async () => {
    const { ended } = startFunction(main, { PORT: 'http', LOG_LEVEL: 'loud' });
    expect(await ended).toEqual({
      code: 1,
      errors:
        'map-binding: PORT is "http": expected a whole number from 0 to 65535; LOG_LEVEL is "loud": expected one of trace, debug, info, warn, error, fatal, silent\n',
      lines: [],
    });
  });
});
