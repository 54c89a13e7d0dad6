import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { NotSentError, UncertainError } from '../api/uncertain-error.ts';
import { type ClusterOptions, createCluster } from './create-cluster.ts';
import { findPod, openFromPod } from './pod-server.ts';
import { TooLongError, longestAnswer } from './transport.ts';

const tls = join(import.meta.dirname, '../../test/fixtures/tls');
const newOutput = { metadata: { name: 'chät', labels: {}, annotations: {} }, spec: {} };

interface Seen {
  readonly method: string | undefined;
  readonly token: string | undefined;
  readonly length: string | undefined;
  readonly encoding: unknown;
  readonly body: string;
}

type Respond = (count: number, request: IncomingMessage, response: ServerResponse) => void;

/** An API server, and a pod that may ask it. */
async function open(
  respond: Respond = (_, request, response) => sayAbsent(request, response),
  options: ClusterOptions = {},
) {
  const seen: Seen[] = [];
  let connections = 0;
  let count = 0;
  const [cert, key, ca] = await Promise.all(
    ['test-only-server.crt', 'test-only-server.key', 'test-only-ca.crt'].map((file) =>
      readFile(join(tls, file)),
    ),
  );
  const answer = async (request: IncomingMessage, response: ServerResponse) => {
    count += 1;
    const turn = count;
    const { authorization: token, 'content-length': length, 'accept-encoding': encoding } = request.headers;
    seen.push({ method: request.method, token, length, encoding, body: await readText(request) });
    respond(turn, request, response);
  };
  const server = createServer({ cert, key }, (request, response) => void answer(request, response));
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => sockets.add(socket));
  server.on('secureConnection', () => (connections += 1));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const folder = await mkdtemp(join(tmpdir(), 'kleym-pod-'));
  onTestFinished(async () => {
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
    await rm(folder, { recursive: true });
  });
  const write = (name: string, text: string | Buffer) => writeFile(join(folder, name), text);
  await Promise.all([write('token', 'first\n'), write('ca.crt', ca ?? '')]);
  const pod = { host: '127.0.0.1', port: String((server.address() as AddressInfo).port), folder };
  const cluster = createCluster(openFromPod(pod), options);
  return { cluster, seen, write, folder, connections: () => connections };
}

async function readText(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

function sayAbsent(request: IncomingMessage, response: ServerResponse): void {
  const name = request.url?.split('/').at(-1);
  response.writeHead(404, { 'content-type': 'application/json' });
  response.end(JSON.stringify({ kind: 'Status', details: { name } }));
}

/** A clock that shows these times, one after the other, and the last one from then on. */
function showing(times: number[]): () => number {
  return () => (times.length > 1 ? times.shift() : times[0]) ?? Number.NaN;
}

describe('a pod', () => {
  test('is known by what kubelet tells its containers', () => {
    const folder = '/var/run/secrets/kubernetes.io/serviceaccount';
    expect(findPod({ KUBERNETES_SERVICE_HOST: '10.96.0.1', KUBERNETES_SERVICE_PORT: '6443' })).toEqual({
      host: '10.96.0.1',
      port: '6443',
      folder,
    });
    expect(findPod({ KUBERNETES_SERVICE_HOST: '::1' })).toEqual({ host: '::1', port: '443', folder });
    expect(findPod({})).toBeUndefined();
  });

  test('asks with the token that is in its file now', async () => {
    const { cluster, seen, write } = await open();
    expect(await cluster.getOutput('x')).toBe('absent');
    await write('token', 'second');
    expect(await cluster.getOutput('x')).toBe('absent');
    expect(seen.map(({ token }) => token)).toEqual(['Bearer first', 'Bearer second']);
  });

  test('sends a body as it is', async () => {
    const { cluster, seen } = await open((_, __, response) => response.writeHead(500).end());
    await expect(cluster.createOutput(newOutput)).rejects.toThrow(UncertainError);
    expect(seen).toHaveLength(1);
    expect(seen[0]?.body).toContain('"chät"');
    expect(seen[0]?.encoding).toBe('identity');
    expect(seen[0]?.length).toBe(String(Buffer.byteLength(seen[0]?.body ?? '')));
  });

  test('trusts the CA that is in its file now, and tells nobody else anything', async () => {
    const { cluster, seen, write } = await open();
    await write('ca.crt', await readFile(join(tls, 'test-only-other-ca.crt')));
    await expect(cluster.createOutput(newOutput)).rejects.toThrow(
      /the API server's certificate is not trusted/,
    );
    expect(seen).toEqual([]);
    await write('ca.crt', await readFile(join(tls, 'test-only-ca.crt')));
    expect(await cluster.getOutput('x')).toBe('absent');
  });

  test('is uncertain while its token is missing, and while it is none', async () => {
    const { cluster, seen, write, folder } = await open();
    await write('token', 'top\nsecret');
    await expect(cluster.getOutput('x')).rejects.toThrow(
      new UncertainError(
        "the token of the pod's service account is empty or has a character that no header may have",
      ),
    );
    await rm(join(folder, 'token'));
    await expect(cluster.getOutput('x')).rejects.toThrow(
      /^the pod's service account cannot be used: Error: ENOENT/,
    );
    expect(seen).toEqual([]);
  });

  test('keeps its connections, and opens no crowd of them', async () => {
    const { cluster, seen, connections } = await open();
    for (let call = 0; call < 5; call += 1) await cluster.getOutput('x');
    expect(connections()).toBe(1);
    await Promise.all(Array.from({ length: 200 }, () => cluster.getOutput('x')));
    expect(seen).toHaveLength(205);
    expect(connections()).toBeLessThanOrEqual(64);
  });
});

describe('a connection that is lost', () => {
  test('is tried again once by a read', async () => {
    const { cluster, seen } = await open((count, request, response) => {
      if (count === 1) return request.socket.destroy();
      return sayAbsent(request, response);
    });
    expect(await cluster.getOutput('x')).toBe('absent');
    expect(seen.map(({ method }) => method)).toEqual(['GET', 'GET']);
  });

  test('makes a write uncertain, and it is never sent again', async () => {
    const { cluster, seen } = await open((_, request) => request.socket.destroy());
    await expect(cluster.createOutput(newOutput)).rejects.toThrow(
      /^POST .*: the connection failed \(.*; whether the write took effect is not known$/,
    );
    expect(seen.map(({ method }) => method)).toEqual(['POST']);
  });

  test('in the middle of a body makes a write uncertain', async () => {
    const { cluster } = await open((_, request, response) => {
      response.writeHead(201, { 'content-length': '1000' });
      response.write('{', () => request.socket.destroy());
    });
    await expect(cluster.createOutput(newOutput)).rejects.toThrow(UncertainError);
  });
});

describe('a server that hangs', () => {
  test.each<[string, Respond]>([
    ['before it answers', () => undefined],
    [
      'in the middle of a body',
      (_, __, response) => {
        response.writeHead(200, { 'content-length': '1000' });
        response.write('{');
      },
    ],
  ])('%s is given up, and does not hold the call after it', async (_, hang) => {
    const { cluster } = await open(
      (count, request, response) =>
        count === 1 ? hang(count, request, response) : sayAbsent(request, response),
      { callTimeoutMs: 1000 },
    );
    await expect(cluster.getOutput('x')).rejects.toThrow(/no answer within 1000 ms$/);
    expect(await cluster.getOutput('x')).toBe('absent');
  });
});

describe('a write that must leave by a time', () => {
  test('leaves in the millisecond before it', async () => {
    const { cluster, seen } = await open(undefined, { elapsed: showing([0, 99]) });
    expect(await cluster.createOutput(newOutput, { sendBy: 100 })).toEqual({ kind: 'stale' });
    expect(seen.map(({ method }) => method)).toEqual(['POST']);
  });

  test('does not leave at that time, and holds nobody after it', async () => {
    const { cluster, seen } = await open(undefined, { elapsed: showing([0, 100]) });
    await expect(cluster.createOutput(newOutput, { sendBy: 100 })).rejects.toThrow(NotSentError);
    expect(await cluster.getOutput('x')).toBe('absent');
    expect(seen.map(({ method }) => method)).toEqual(['GET']);
  });

  test('does not leave when it got its connection too late, although all else was there', async () => {
    let now = 0;
    const waiting = Promise.withResolvers<() => void>();
    const hold: Respond = (count, request, response) => {
      if (count === 64) waiting.resolve(() => response.destroy());
      else if (count > 64) sayAbsent(request, response);
    };
    const { cluster, seen } = await open(hold, { elapsed: () => now });
    const reads = Array.from({ length: 64 }, () => cluster.getOutput('x').catch(() => 'lost'));
    const release = await waiting.promise;
    const write = cluster.createOutput(newOutput, { sendBy: 100 });
    now = 100;
    release();
    await expect(write).rejects.toThrow(NotSentError);
    expect(seen.map(({ method }) => method)).not.toContain('POST');
    void Promise.all(reads);
  });
});

describe('an answer that is too long', () => {
  const object = { metadata: { name: 'x', uid: 'u', resourceVersion: '1' }, spec: { hint: '' } };

  test('is read no further than 4 MiB, and a connection is there for the next call', async () => {
    const long = 'x'.repeat(longestAnswer - JSON.stringify(object).length);
    const { cluster } = await open((count, _, response) => {
      const hint = count === 2 ? `${long}x` : long;
      response.end(JSON.stringify({ ...object, spec: { hint } }));
    });
    expect(await cluster.getOutput('x')).toHaveProperty('spec.hint.length', long.length);
    await expect(cluster.getOutput('x')).rejects.toThrow(TooLongError);
    expect(await cluster.getOutput('x')).toHaveProperty('spec.hint.length', long.length);
  });

  test('is not waited for: what would come after 4 MiB may never end', async () => {
    const closed = Promise.withResolvers<string>();
    const { cluster } = await open((_, request, response) => {
      request.socket.on('close', () => closed.resolve('closed'));
      response.write('x'.repeat(longestAnswer + 1));
    });
    await expect(cluster.getOutput('x')).rejects.toThrow(TooLongError);
    expect(await closed.promise).toBe('closed');
  });
});
