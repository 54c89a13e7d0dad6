import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { type RequestListener, type Server, createServer } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { type AddressInfo, type Socket, connect as connectSocket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { KubeConfig } from '@kubernetes/client-node';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import type { Cluster } from './cluster.ts';
import type { ApiServer } from './api-server.ts';
import { createCluster } from './create-cluster.ts';
import { connect } from './kube-cluster.ts';
import { TooLongError, longestAnswer } from './transport.ts';
import { NotSentError, UncertainError } from '../api/uncertain-error.ts';

const tls = join(import.meta.dirname, '../../test/fixtures/tls');
const ca = join(tls, 'test-only-ca.crt');
const otherCa = join(tls, 'test-only-other-ca.crt');
const newOutput = { metadata: { name: 'chat', labels: {}, annotations: {} }, spec: {} };

async function serverKeys() {
  const [cert, key] = await Promise.all([
    readFile(join(tls, 'test-only-server.crt')),
    readFile(join(tls, 'test-only-server.key')),
  ]);
  return { cert, key };
}

async function listen(server: Server): Promise<number> {
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => sockets.add(socket));
  onTestFinished(async () => {
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as AddressInfo).port;
}

function clusterAt(
  server: string,
  options: { callTimeoutMs?: number; caFile?: string; proxyUrl?: string } = {},
) {
  const { caFile, proxyUrl, ...rest } = options;
  const kubeConfig = new KubeConfig();
  const trust = {
    skipTLSVerify: server.startsWith('http:'),
    ...(caFile !== undefined && { caFile }),
    ...(proxyUrl !== undefined && { proxyUrl }),
  };
  kubeConfig.loadFromClusterAndUser({ name: 'test', server, ...trust }, { name: 'test', token: 'secret' });
  return connect({ kubeConfig, ...rest });
}

/** An API server without TLS that answers the n-th request, counted from 1, in its own way. */
async function plainServer(respond: (count: number, ...exchange: Parameters<RequestListener>) => void) {
  const methods: string[] = [];
  const server = createServer((request, response) => {
    methods.push(request.method ?? '');
    respond(methods.length, request, response);
  });
  return { url: `http://127.0.0.1:${await listen(server)}`, methods };
}

const sayAbsent: RequestListener = (request, response) => {
  const name = request.url?.split('/').at(-1);
  request.resume();
  response.writeHead(404, { 'content-type': 'application/json' });
  response.end(JSON.stringify({ kind: 'Status', details: { name } }));
};

describe('a lost connection', () => {
  it('is tried again once by a read', async () => {
    const { url, methods } = await plainServer((count, request, response) => {
      if (count === 1) return request.socket.destroy();
      return sayAbsent(request, response);
    });
    expect(await clusterAt(url).getOutput('x')).toBe('absent');
    expect(methods).toEqual(['GET', 'GET']);
  });

  it('makes a read uncertain the second time', async () => {
    const { url, methods } = await plainServer((_, request) => request.socket.destroy());
    const error: unknown = await clusterAt(url)
      .getOutput('x')
      .catch((error: unknown) => error);
    expect(error).toBeInstanceOf(UncertainError);
    expect(error).toHaveProperty(
      'message',
      expect.stringMatching(
        /^GET \/apis\/spire.spiffe.io\/v1alpha1\/clusterspiffeids\/x: the connection failed \(/,
      ),
    );
    expect(error).toHaveProperty('cause', expect.any(Error));
    expect(methods).toEqual(['GET', 'GET']);
  });

  it('makes a write uncertain, on a used connection too, and the write is never sent again', async () => {
    const { url, methods } = await plainServer((_, request, response) => {
      if (request.method === 'POST') return request.socket.destroy();
      return sayAbsent(request, response);
    });
    const cluster = clusterAt(url);
    await cluster.getOutput('x');
    await expect(cluster.createOutput(newOutput)).rejects.toThrow(
      /^POST .*: the connection failed \(.*; whether the write took effect is not known$/,
    );
    expect(methods).toEqual(['GET', 'POST']);
  });

  it('in the middle of a body makes a write uncertain, and not a fault', async () => {
    const { url } = await plainServer((_, request, response) => {
      response.writeHead(201, { 'content-length': '1000' });
      response.write('{', () => request.socket.destroy());
    });
    await expect(clusterAt(url).createOutput(newOutput)).rejects.toThrow(UncertainError);
  });

  it('to a port where nobody listens is uncertain', async () => {
    const server = createServer();
    const port = await listen(server);
    await new Promise((resolve) => server.close(resolve));
    await expect(clusterAt(`http://127.0.0.1:${port}`).getOutput('x')).rejects.toThrow(/ECONNREFUSED/);
  });
});

describe('a server that hangs', () => {
  it.each([
    ['before it answers', () => {}],
    [
      'in the middle of a body',
      (_: number, __: unknown, response: Parameters<RequestListener>[1]) => {
        response.writeHead(200, { 'content-length': '1000' });
        response.write('{');
      },
    ],
  ])('%s does not hang us, and is asked once', async (_, respond) => {
    const { url, methods } = await plainServer(respond);
    const cluster = clusterAt(url, { callTimeoutMs: 150 });
    await expect(cluster.getOutput('x')).rejects.toThrow(
      new UncertainError('GET /apis/spire.spiffe.io/v1alpha1/clusterspiffeids/x: no answer within 150 ms'),
    );
    await expect(cluster.createOutput(newOutput)).rejects.toThrow(
      new UncertainError(
        'POST /apis/spire.spiffe.io/v1alpha1/clusterspiffeids: no answer within 150 ms; whether the write took effect is not known',
      ),
    );
    expect(methods).toEqual(['GET', 'POST']);
  });

  it('is told by the end of the connection that nobody waits any more', async () => {
    const closed = Promise.withResolvers<string>();
    const { url } = await plainServer((_, request) =>
      request.socket.on('close', () => closed.resolve('closed')),
    );
    await expect(clusterAt(url, { callTimeoutMs: 1000 }).getOutput('x')).rejects.toThrow(UncertainError);
    expect(await closed.promise).toBe('closed');
  });

  it('does not hang us when the transport knows no signals either', async () => {
    const cluster = createCluster({ send: () => new Promise(() => {}) }, { callTimeoutMs: 20 });
    await expect(cluster.getOutput('x')).rejects.toThrow(/no answer within 20 ms$/);
  });

  it('does not hold the calls after it', async () => {
    const { url } = await plainServer((count, request, response) => {
      if (count > 1) sayAbsent(request, response);
    });
    const cluster = clusterAt(url, { callTimeoutMs: 500 });
    await expect(cluster.getOutput('x')).rejects.toThrow(/no answer within 500 ms$/);
    expect(await cluster.getOutput('x')).toBe('absent');
  });

  it('leaves no timer behind when it has answered', async () => {
    const { url } = await plainServer((_, request, response) => sayAbsent(request, response));
    const started = vi.spyOn(globalThis, 'setTimeout');
    const ended = vi.spyOn(globalThis, 'clearTimeout');
    onTestFinished(() => {
      vi.restoreAllMocks();
    });
    await clusterAt(url, { callTimeoutMs: 9_876 }).getOutput('x');
    const ours = started.mock.calls.findIndex(([, ms]) => ms === 9_876);
    expect(ended).toHaveBeenCalledWith(started.mock.results[ours]?.value);
  });
});

describe('an answer that is too long', () => {
  const nameless = { uid: 'u', resourceVersion: '1' };

  /** An API server whose outputs are this large, and that sends as many as it is asked for. */
  function outputsOf(size: number, asked: string[]): RequestListener {
    return (request, response) => {
      const query = new URL(request.url ?? '', 'http://x').searchParams;
      const from = Number(query.get('continue'));
      const to = Math.min(20, from + Number(query.get('limit')));
      asked.push(`${from}+${query.get('limit')}`);
      const items = Array.from({ length: to - from }, (_, index) => ({
        metadata: { ...nameless, name: `o-${from + index}` },
        spec: { hint: 'x'.repeat(size * 1024 * 1024) },
      }));
      const metadata = to < 20 ? { continue: String(to) } : {};
      response.writeHead(200, { date: 'Tue, 06 Jan 2026 10:00:00 GMT' });
      response.end(JSON.stringify({ metadata, items }));
    };
  }

  it('to a list is asked for again with fewer objects, and nothing is missing', async () => {
    const asked: string[] = [];
    const { url } = await plainServer((_, ...exchange) => outputsOf(1, asked)(...exchange));
    const listed = await clusterAt(url).listOutputs({});
    expect(listed).toHaveProperty('items.length', 20);
    expect(new Set(listed === 'unserved' ? [] : listed.items.map(({ metadata }) => metadata.name)).size).toBe(
      20,
    );
    expect(asked.slice(0, 4)).toEqual(['0+16', '0+4', '0+1', '1+1']);
  });

  it('to a list with one object is uncertain', async () => {
    const asked: string[] = [];
    const { url } = await plainServer((_, ...exchange) => outputsOf(4, asked)(...exchange));
    await expect(clusterAt(url).listOutputs({})).rejects.toThrow(TooLongError);
    expect(asked).toEqual(['0+16', '0+4', '0+1']);
  });

  it('may have 4 MiB and not a byte more', async () => {
    const frame = JSON.stringify({ metadata: { ...nameless, name: 'x' }, spec: { hint: '' } }).length;
    let hint = longestAnswer - frame;
    const { url } = await plainServer((_, __, response) => {
      response.end(
        JSON.stringify({ metadata: { ...nameless, name: 'x' }, spec: { hint: 'x'.repeat(hint) } }),
      );
    });
    expect(await clusterAt(url).getOutput('x')).toHaveProperty('spec.hint.length', hint);
    hint += 1;
    await expect(clusterAt(url).getOutput('x')).rejects.toThrow(
      /^GET .*: the answer is longer than 4194304 bytes$/,
    );
    await expect(clusterAt(url).createOutput(newOutput)).rejects.toThrow(
      /bytes; whether the write took effect is not known$/,
    );
  });
});

/** A cluster whose clock shows these times, one after the other, and whose API server answers each call so. */
function clusterByClock(times: readonly number[], status: number) {
  const left = [...times];
  const sent: string[] = [];
  const apiServer: ApiServer = {
    send: async ({ method, checkInTime }) => {
      checkInTime();
      sent.push(method);
      const object = { ...newOutput, metadata: { name: 'x', uid: 'u', resourceVersion: '1' } };
      return { status, headers: {}, body: Readable.from([Buffer.from(JSON.stringify(object))]) };
    },
  };
  const elapsed = () => left.shift() ?? Number.NaN;
  return { cluster: createCluster(apiServer, { elapsed, sleep: async () => {} }), sent };
}

describe('a write that must leave by a time', () => {
  it('leaves in the millisecond before it', async () => {
    const { cluster, sent } = clusterByClock([0, 99], 201);
    expect(await cluster.createOutput(newOutput, { sendBy: 100 })).toHaveProperty('kind', 'written');
    expect(sent).toEqual(['POST']);
  });

  it.each([
    ['POST', (cluster: Cluster) => cluster.createOutput(newOutput, { sendBy: 100 })],
    ['dry POST', (cluster: Cluster) => cluster.createOutput(newOutput, { sendBy: 100, dryRun: true })],
    [
      'PUT',
      (cluster: Cluster) =>
        cluster.replaceOutput(
          { metadata: { name: 'chat', uid: 'u', resourceVersion: '1' }, spec: {} },
          { sendBy: 100 },
        ),
    ],
  ])('does not leave at that time, and says so: %s', async (_, write) => {
    const { cluster, sent } = clusterByClock([0, 100], 201);
    await expect(write(cluster)).rejects.toThrow(NotSentError);
    expect(sent).toEqual([]);
  });

  it('is not sent again after a pause that was too long, and nothing was carried out', async () => {
    const { cluster, sent } = clusterByClock([0, 99, 100], 429);
    await expect(cluster.createOutput(newOutput, { sendBy: 100 })).rejects.toThrow(
      new NotSentError(
        'POST /apis/spire.spiffe.io/v1alpha1/clusterspiffeids: it was not sent, because its time was over',
      ),
    );
    expect(sent).toEqual(['POST']);
  });

  it('may not leave after its answer is waited for either, although no timer has said so', async () => {
    const { cluster, sent } = clusterByClock([0, 9_999, 10_000], 429);
    await expect(cluster.createOutput(newOutput)).rejects.toThrow(NotSentError);
    expect(sent).toEqual(['POST']);
  });
});

async function tlsServer() {
  const counts = { connections: 0, requests: 0 };
  const server = createTlsServer(await serverKeys(), (request, response) => {
    counts.requests += 1;
    sayAbsent(request, response);
  });
  server.on('secureConnection', () => {
    counts.connections += 1;
  });
  return { url: `https://127.0.0.1:${await listen(server)}`, counts };
}

/** An HTTP proxy, and where it was asked to connect to. */
async function connectProxy() {
  const asked: string[] = [];
  const proxy = createServer().on('connect', ({ url: target = '' }, socket) => {
    asked.push(target);
    const [host, port] = target.split(':');
    const onward = connectSocket({ host: host ?? '', port: Number(port) }, () => {
      socket.write('HTTP/1.1 200 OK\r\n\r\n');
      onward.pipe(socket).pipe(onward);
    });
    onTestFinished(() => void onward.destroy());
  });
  return { proxyUrl: `http://127.0.0.1:${await listen(proxy)}`, asked };
}

describe('TLS', () => {
  it("trusts the cluster's CA", async () => {
    const { url } = await tlsServer();
    expect(await clusterAt(url, { caFile: ca }).getOutput('x')).toBe('absent');
  });

  it.each([
    ['another CA', { caFile: otherCa }],
    ['no CA but the public ones', {}],
  ])('refuses a server when the kubeconfig has %s, and tells it nothing', async (_, trust) => {
    const { url, counts } = await tlsServer();
    const cluster = clusterAt(url, trust);
    const refused =
      /the API server's certificate is not trusted \(.*; check the certificate-authority of the kubeconfig/;
    await expect(cluster.getOutput('x')).rejects.toThrow(refused);
    await expect(cluster.createOutput(newOutput)).rejects.toThrow(refused);
    await expect(cluster.createOutput(newOutput)).rejects.toThrow(UncertainError);
    expect(counts.requests).toBe(0);
  });

  it('refuses a certificate for another host', async () => {
    const { url } = await tlsServer();
    const kubeConfig = new KubeConfig();
    kubeConfig.loadFromClusterAndUser(
      { name: 'c', server: url, caFile: ca, skipTLSVerify: false, tlsServerName: 'kubernetes.default.svc' },
      { name: 'u' },
    );
    await expect(connect({ kubeConfig }).getOutput('x')).rejects.toThrow(
      /not trusted \(ERR_TLS_CERT_ALTNAME_INVALID/,
    );
  });

  it('goes through the proxy of the kubeconfig, and trusts only the server behind it', async () => {
    const { url } = await tlsServer();
    const { proxyUrl, asked } = await connectProxy();
    expect(await clusterAt(url, { caFile: ca, proxyUrl }).getOutput('x')).toBe('absent');
    await expect(clusterAt(url, { caFile: otherCa, proxyUrl }).getOutput('x')).rejects.toThrow(/not trusted/);
    expect(new Set(asked)).toEqual(new Set([new URL(url).host]));
  });

  it('asks a server that is not verified over a kept connection too', async () => {
    const { url, counts } = await tlsServer();
    const kubeConfig = new KubeConfig();
    kubeConfig.loadFromClusterAndUser({ name: 'c', server: url, skipTLSVerify: true }, { name: 'u' });
    const cluster = connect({ kubeConfig });
    expect(await cluster.getOutput('x')).toBe('absent');
    expect(await cluster.getOutput('x')).toBe('absent');
    expect(counts.connections).toBe(1);
  });

  it.each(['directly', 'through a proxy'])('uses a CA that was replaced while we run, %s', async (way) => {
    const { url } = await tlsServer();
    const folder = await mkdtemp(join(tmpdir(), 'kleym-ca-'));
    onTestFinished(() => rm(folder, { recursive: true }));
    const caFile = join(folder, 'ca.crt');
    await writeFile(caFile, await readFile(otherCa));
    const { proxyUrl } = await connectProxy();
    const cluster = clusterAt(url, { caFile, ...(way === 'through a proxy' && { proxyUrl }) });
    await expect(cluster.getOutput('x')).rejects.toThrow(UncertainError);
    await writeFile(caFile, await readFile(ca));
    expect(await cluster.getOutput('x')).toBe('absent');
  });

  it('keeps its connections for the calls that follow', async () => {
    const { url, counts } = await tlsServer();
    const cluster = clusterAt(url, { caFile: ca });
    for (let call = 0; call < 20; call += 1) await cluster.getOutput('x');
    expect(counts.requests).toBe(20);
    expect(counts.connections).toBe(1);
  });

  it('keeps its connections when many calls are made at once', async () => {
    const { url, counts } = await tlsServer();
    const cluster = clusterAt(url, { caFile: ca });
    for (let round = 0; round < 10; round += 1) {
      await Promise.all(Array.from({ length: 16 }, () => cluster.getOutput('x')));
    }
    expect(counts.requests).toBe(160);
    expect(counts.connections).toBeLessThanOrEqual(16);
  });
});
