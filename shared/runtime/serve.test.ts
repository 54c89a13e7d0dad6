import { Agent, type IncomingMessage, request } from 'node:http';
import { type Socket, connect } from 'node:net';
import { Hono } from 'hono';
import { pino } from 'pino';
import { afterEach, describe, expect, test } from 'vitest';
import { nothing } from '../events/answers.ts';
import { functionApp } from '../events/function-app.ts';
import { maxBytes } from '../events/receive-event.ts';
import { type Listening, listen } from './serve.ts';
import { throwError } from '../../test/support/throw-error.ts';

const host = '127.0.0.1';
const open: Listening[] = [];

afterEach(async () => {
  await Promise.all(open.splice(0).map((server) => server.close(0)));
});

async function start(app: Hono): Promise<Listening> {
  const server = await listen(app, { port: 0, host }, throwError);
  open.push(server);
  return server;
}

/** An application whose answer waits until it is let go. */
function slowApp() {
  const entered = Promise.withResolvers<void>();
  const release = Promise.withResolvers<void>();
  const app = new Hono();
  app.get('/slow', async (c) => {
    entered.resolve();
    await release.promise;
    return c.text('slow');
  });
  app.get('/fast', (c) => c.text('fast'));
  return { app, entered: entered.promise, release: release.resolve };
}

function get(
  port: number,
  path: string,
  agent: Agent,
): Promise<{ text: string; connection: string | undefined }> {
  return new Promise((resolve, reject) => {
    const outgoing = request({ host, port, path, agent }, (incoming: IncomingMessage) => {
      let text = '';
      incoming.setEncoding('utf8');
      incoming.on('data', (chunk: string) => (text += chunk));
      incoming.on('end', () => resolve({ text, connection: incoming.headers.connection }));
    });
    outgoing.on('error', reject);
    outgoing.end();
  });
}

function connected(port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, host, () => resolve(socket));
    socket.once('error', reject);
  });
}

function closed(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    socket.once('close', () => resolve());
    socket.resume();
  });
}

/** The first line of what is answered to bytes on a connection. */
async function firstLine(port: number, write: (socket: Socket) => void): Promise<string> {
  const socket = await connected(port);
  const answered = new Promise<string>((resolve, reject) => {
    let text = '';
    socket.setEncoding('utf8');
    socket.on('data', (chunk) => {
      text += String(chunk);
      if (text.includes('\r\n')) resolve(text.slice(0, text.indexOf('\r\n')));
    });
    socket.on('error', reject);
    socket.on('close', () => reject(new Error(`closed after ${JSON.stringify(text)}`)));
  });
  write(socket);
  const line = await answered;
  socket.destroy();
  return line;
}

describe('a server', () => {
  test('tells in one line that its port is taken', async () => {
    const { port } = await start(new Hono());
    await expect(listen(new Hono(), { port, host }, throwError)).rejects.toThrow(
      `port ${port} on 127.0.0.1 is taken: end what listens there or set PORT`,
    );
  });

  test('tells that a host is not its own', async () => {
    await expect(listen(new Hono(), { port: 0, host: '192.0.2.1' }, throwError)).rejects.toThrow(
      /^cannot listen on port 0 of 192\.0\.2\.1/,
    );
  });

  test('lets a running request finish, tells its client to let go, and takes no other', async () => {
    const { app, entered, release } = slowApp();
    const server = await start(app);
    const agent = new Agent({ keepAlive: true });
    const running = get(server.port, '/slow', agent);
    await entered;

    const ended = server.close(10_000);
    await expect(get(server.port, '/fast', new Agent())).rejects.toThrow('ECONNREFUSED');
    release();
    expect(await running).toEqual({ text: 'slow', connection: 'close' });
    expect(await ended).toBe('finished');
    agent.destroy();
  });

  test('does not wait for connections that ask nothing', async () => {
    const { app } = slowApp();
    const server = await start(app);
    const agent = new Agent({ keepAlive: true });
    expect(await get(server.port, '/fast', agent)).toEqual({ text: 'fast', connection: 'keep-alive' });
    const silent = await connected(server.port);
    const half = await connected(server.port);
    half.write('GET /fast HTTP/1.1\r\nHost: x\r\n');

    const gone = [closed(silent), closed(half)];
    // A wait for the grace would outlast the test.
    expect(await server.close(600_000)).toBe('finished');
    await Promise.all(gone);
    agent.destroy();
  });

  test('cuts off what is not finished when the grace is over', async () => {
    const { app, entered } = slowApp();
    const server = await start(app);
    const agent = new Agent();
    const running = get(server.port, '/slow', agent);
    await entered;

    const [outcome, answered] = await Promise.allSettled([server.close(10), running]);
    expect(outcome).toEqual({ status: 'fulfilled', value: 'cut off' });
    expect(answered).toMatchObject({ status: 'rejected', reason: { message: 'socket hang up' } });
  });
});

describe('a function behind a server', () => {
  const headers = [
    'POST / HTTP/1.1',
    'Host: x',
    'ce-id: 1',
    'ce-source: /s',
    'ce-type: t',
    'ce-specversion: 1.0',
  ];
  const app = functionApp('test', async () => nothing(), { log: pino({ level: 'silent' }) });

  test('takes an event in chunks', async () => {
    const { port } = await start(app);
    const line = await firstLine(port, (socket) => {
      socket.write(
        [...headers, 'Content-Type: application/json', 'Transfer-Encoding: chunked', '', ''].join('\r\n'),
      );
      socket.write('1\r\n{\r\n1\r\n}\r\n0\r\n\r\n');
    });
    expect(line).toBe('HTTP/1.1 204 No Content');
  });

  test('refuses what is declared too large, before it is sent', async () => {
    const { port } = await start(app);
    const line = await firstLine(port, (socket) => {
      socket.write([...headers, `Content-Length: ${maxBytes + 1}`, '', ''].join('\r\n'));
    });
    expect(line).toBe('HTTP/1.1 413 Payload Too Large');
  });

  test('refuses an endless event in chunks while it is being sent', async () => {
    const { port } = await start(app);
    const chunk = `10000\r\n${' '.repeat(0x10000)}\r\n`;
    const line = await firstLine(port, (socket) => {
      socket.write([...headers, 'Transfer-Encoding: chunked', '', ''].join('\r\n'));
      const send = (): void => {
        while (socket.writable && socket.write(chunk));
        if (socket.writable) socket.once('drain', send);
      };
      send();
    });
    expect(line).toBe('HTTP/1.1 413 Payload Too Large');
  });
});
