import {
  type IncomingMessage,
  type OutgoingHttpHeaders,
  type Server,
  createServer,
  request,
} from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { once } from 'node:events';
import { buffer, text } from 'node:stream/consumers';
import { Hono } from 'hono';
import { afterEach, describe, expect, test } from 'vitest';
import { toResponse } from '../events/http-answer.ts';
import { toRequestListener } from './request-listener.ts';

const host = '127.0.0.1';
const servers: Server[] = [];
const unsent: unknown[] = [];

afterEach(() => {
  unsent.length = 0;
  for (const server of servers.splice(0)) server.close().closeAllConnections();
});

/** The port of a server that answers with an application. */
async function open(app: Hono): Promise<number> {
  const server = createServer(toRequestListener(app, (error) => unsent.push(error))).listen(0, host);
  servers.push(server);
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

async function ask(
  app: Hono,
  { body, ...asked }: { method?: string; path?: string; headers?: OutgoingHttpHeaders; body?: string } = {},
) {
  const outgoing = request({ host, port: await open(app), ...asked }).end(body);
  const [incoming] = (await once(outgoing, 'response')) as [IncomingMessage];
  return { status: incoming.statusCode, headers: incoming.headers, body: await text(incoming) };
}

describe('an application', () => {
  test('is asked for the path with its query, whichever host the sender means', async () => {
    const app = new Hono().get('/a/:name', (c) => c.json([c.req.param('name'), c.req.query('q')]));
    for (const path of ['/a/b?q=c', 'http://elsewhere/a/b?q=c'])
      expect(await ask(app, { path })).toMatchObject({ status: 200, body: '["b","c"]' });
  });

  test('reads headers under any spelling, and all values of one that came twice', async () => {
    const app = new Hono().get('/', (c) => c.json([c.req.header('X-Twice'), c.req.header('absent') ?? null]));
    expect(await ask(app, { headers: { 'x-TWICE': ['a', 'b'] } })).toMatchObject({ body: '["a, b",null]' });
  });

  test('reads the body', async () => {
    const app = new Hono().post('/', async ({ req, body }) => body(await buffer(req.raw.body ?? fail())));
    expect(await ask(app, { method: 'POST', body: 'ä' })).toMatchObject({ status: 200, body: 'ä' });
  });

  test('has its whole answer sent, also bytes, and headers that come twice', async () => {
    const app = new Hono().get('/', (c) => {
      c.header('set-cookie', 'a=1', { append: true });
      c.header('set-cookie', 'b=2', { append: true });
      return c.body(Buffer.from('ä'), 418, { 'x-more': 'yes' });
    });
    expect(await ask(app)).toMatchObject({
      status: 418,
      headers: { 'set-cookie': ['a=1', 'b=2'], 'x-more': 'yes', 'content-length': '2' },
      body: 'ä',
    });
  });

  test('answers HEAD as GET, without the body', async () => {
    const app = new Hono()
      .get('/', (c) => c.text('hello'))
      .get('/passed', (c) => toResponse({ status: 200, headers: { x: 'y' }, body: 'hello' }, c));
    expect(await ask(app, { method: 'HEAD' })).toMatchObject({ status: 200, body: '' });
    const passed = await ask(app, { method: 'HEAD', path: '/passed' });
    expect(passed).toMatchObject({ status: 200, headers: { x: 'y' }, body: '' });
  });

  test('that throws what is no error has answered 500, and tells the sender nothing of it', async () => {
    const app = new Hono().get('/', () => {
      throw 'a secret';
    });
    expect(await ask(app)).toMatchObject({ status: 500, body: '' });
    expect(unsent).toEqual(['a secret']);
  });

  test('that passes an answer which HTTP cannot carry has answered 500', async () => {
    const app = new Hono().get('/', (c) =>
      toResponse({ status: 200, headers: { x: 'a\nb' }, body: 'ok' }, c),
    );
    expect(await ask(app)).toMatchObject({ status: 500, body: '' });
    expect(unsent).toMatchObject([{ code: 'ERR_INVALID_CHAR' }]);
  });

  test('is not asked for what is no address', async () => {
    expect(await ask(new Hono(), { method: 'OPTIONS', path: '*' })).toMatchObject({ status: 400 });
  });

  test('can be mounted in another, which makes whole requests', async () => {
    const mounted = new Hono().post('/', async (c) => c.text(await c.req.text()));
    const app = new Hono().mount('/in', mounted.fetch);
    expect(await ask(app, { method: 'POST', path: '/in', body: 'hello' })).toMatchObject({ body: 'hello' });
  });
});

describe('a sender', () => {
  test('who goes away before the answer aborts the request', async () => {
    const asked = Promise.withResolvers<AbortSignal>();
    const answered = Promise.withResolvers<void>();
    const app = new Hono().get('/', async ({ req, text: say }) => {
      const { signal } = req.raw;
      asked.resolve(signal);
      if (!signal.aborted) await once(signal, 'abort');
      setImmediate(answered.resolve);
      return say('to nobody');
    });
    const outgoing = request({ host, port: await open(app) }).end();
    outgoing.on('error', () => undefined);
    expect((await asked.promise).aborted).toBe(false);
    outgoing.destroy();
    await answered.promise;
  });

  test('who has the answer is not gone', async () => {
    const signals: AbortSignal[] = [];
    const app = new Hono().get('/', ({ req, body }) => {
      signals.push(req.raw.signal);
      return body(null);
    });
    await ask(app);
    await ask(app);
    expect(signals.map(({ aborted }) => aborted)).toEqual([false, false]);
  });

  test.each([
    ['of which nothing was read', async () => undefined],
    [
      'of which the beginning was read',
      async (body: AsyncIterable<Uint8Array>) => {
        await body[Symbol.asyncIterator]().next();
      },
    ],
  ])('whose body has no end, %s, has the answer before the connection ends', async (_what, read) => {
    const app = new Hono().post('/', async ({ req, text: say }) => {
      await read(req.raw.body ?? fail());
      return say('enough', 413);
    });
    const socket = connect(await open(app), host);
    socket.write('POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n');
    const writing = setInterval(() => socket.write('1\r\nx\r\n'), 10);
    let answered = '';
    socket.setEncoding('utf8').on('data', (chunk) => (answered += String(chunk)));
    // It is reset, because not all that was sent has been read.
    socket.on('error', () => undefined);
    await new Promise((resolve) => socket.once('close', resolve));
    clearInterval(writing);
    expect(answered).toMatch(/^HTTP\/1\.1 413 [^]*enough/);
  });

  test('whose body is not read to its end has the answer, and so has the next one on its connection', async () => {
    const app = new Hono()
      .post('/long', async ({ req, text: say }) => {
        await (req.raw.body ?? fail())[Symbol.asyncIterator]().next();
        return say('enough', 413);
      })
      .post('/next', async ({ text: say }) => {
        await new Promise((resolve) => void setTimeout(resolve, 800));
        return say('done');
      });
    const socket = connect(await open(app), host);
    const long = 'x'.repeat(200_000);
    let answered = '';
    socket.setEncoding('utf8').on('data', (chunk) => (answered += String(chunk)));
    socket.write(
      `POST /long HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n${long.length.toString(16)}\r\n${long}\r\n0\r\n\r\n`,
    );
    await expect.poll(() => answered).toMatch(/413 [^]*enough/);
    socket.write('POST /next HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n');
    await new Promise((resolve) => socket.once('close', resolve));
    expect(answered).toMatch(/HTTP\/1\.1 413 [^]*HTTP\/1\.1 200 [^]*done/);
  });
});

function fail(): never {
  throw new Error('the request has no body');
}
