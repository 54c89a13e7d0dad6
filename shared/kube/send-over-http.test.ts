import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { Agent, type ClientRequest, createServer } from 'node:http';
import { type AddressInfo, type Socket, connect } from 'node:net';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { createSecureAgents, sendOverHttp } from './send-over-http.ts';

/** Hands out a connection that is lost before anybody hears that it is there. */
class LosingAgent extends Agent {
  readonly #socket: Socket;

  constructor(socket: Socket) {
    super();
    this.#socket = socket;
  }

  addRequest(request: ClientRequest): void {
    request.onSocket(this.#socket);
    process.nextTick(() => this.#socket.destroy(new Error('reset')));
  }
}

test('a connection that is lost as soon as it is there is an error, and nothing waits for its answer', async () => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  const { port } = server.address() as AddressInfo;
  const socket = connect(port, '127.0.0.1');
  await once(socket, 'connect');

  const { signal } = new AbortController();
  const request = { method: 'GET', path: '/', headers: {}, signal, checkInTime: () => undefined } as const;
  const destination = { protocol: 'http:', host: '127.0.0.1', port: String(port), headers: {} };
  const answer = sendOverHttp(request, { ...destination, agent: new LosingAgent(socket) });
  await expect(answer).rejects.toThrow('reset');
});

function readFixture(name: string): Promise<Buffer> {
  return readFile(join(import.meta.dirname, '../../test/fixtures/tls', name));
}

test('certificates of the same bytes share connections, and others never use these', async () => {
  const toAgent = createSecureAgents();
  const agent = toAgent({ ca: await readFixture('test-only-ca.crt') });
  expect(toAgent({ ca: await readFixture('test-only-ca.crt') })).toBe(agent);
  const other = toAgent({ ca: await readFixture('test-only-other-ca.crt') });
  expect(other).not.toBe(agent);
  expect(toAgent({ ca: await readFixture('test-only-other-ca.crt') })).toBe(other);
  expect(toAgent({})).not.toBe(other);
});
