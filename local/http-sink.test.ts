import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { CloudEvent } from 'cloudevents';
import { afterEach, expect, test } from 'vitest';
import { createHttpSink } from './http-sink.ts';

const cleanups: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0)) await cleanup();
});

async function startSink(answers: (number | 'drop')[]) {
  const received: {
    method: string | undefined;
    id: unknown;
    time: unknown;
    namespace: unknown;
    body: string;
  }[] = [];
  const server = createServer((request, response) => {
    void (async () => {
      const { 'ce-id': id, 'ce-time': time, 'kn-namespace': namespace } = request.headers;
      received.push({ method: request.method, id, time, namespace, body: await text(request) });
      const answer = answers[received.length - 1] ?? 202;
      if (answer === 'drop') request.socket.destroy();
      else response.writeHead(answer, { location: '/' }).end('ignored');
    })();
  });
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  cleanups.push(async () => {
    server.closeAllConnections();
    await new Promise<void>((resolve) => void server.close(() => resolve()));
  });
  const slept: number[] = [];
  const sink = createHttpSink({
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    namespace: 'n',
    sleep: async (milliseconds) => void slept.push(milliseconds),
  });
  return { sink, received, slept };
}

const EVENT = new CloudEvent<unknown>({
  id: '1',
  source: '/s',
  type: 't',
  time: '2026-01-01T00:00:00.000Z',
  data: { a: 1 },
});

test('an event is sent once; whatever the answer holds is ignored', async () => {
  const { sink, received } = await startSink([200]);
  await sink(EVENT);
  expect(received).toEqual([
    { method: 'POST', id: '1', time: '2026-01-01T00:00:00.000Z', namespace: 'n', body: '{"a":1}' },
  ]);
});

test.each<number | 'drop'>([404, 413, 425, 429, 502, 503, 504, 'drop'])(
  '%s is tried six times, with the same id',
  async (answer) => {
    const { sink, received, slept } = await startSink(Array.from({ length: 10 }, () => answer));
    await expect(sink(EVENT)).rejects.toThrow('(try 6); the event is lost');
    expect(received.map(({ id }) => id)).toEqual(['1', '1', '1', '1', '1', '1']);
    expect(slept).toEqual([100, 200, 400, 800, 1600]);
  },
);

test.each([400, 401, 403, 408, 409, 500, 501])('%i is tried once', async (answer) => {
  const { sink, received } = await startSink([answer]);
  await expect(sink(EVENT)).rejects.toThrow(`answered ${answer} (try 1)`);
  expect(received).toHaveLength(1);
});

test('a sink that comes back gets the event', async () => {
  const { sink, received } = await startSink([503, 'drop', 202]);
  await sink(EVENT);
  expect(received).toHaveLength(3);
});
