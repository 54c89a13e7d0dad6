import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { type RequestListener, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { KubeConfig } from '@kubernetes/client-node';
import { afterEach, expect, test } from 'vitest';
import { openByKubeConfig } from '../../shared/kube/kube-config-server.ts';
import { type KubeRequest, type KubeResponse, withKubeRequest } from './kube-request.ts';

const cleanups: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0)) await cleanup();
});

async function startServer(listener: RequestListener): Promise<KubeConfig> {
  const server = createServer(listener);
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  cleanups.push(async () => {
    server.closeAllConnections();
    await new Promise<void>((resolve) => void server.close(() => resolve()));
  });
  const kubeConfig = new KubeConfig();
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/prefix/`;
  kubeConfig.loadFromClusterAndUser(
    { name: 'c', server: url, skipTLSVerify: true },
    { name: 'u', token: 'secret' },
  );
  return kubeConfig;
}

const plainRequest: KubeRequest = {
  path: '/apis',
  signal: new AbortController().signal,
  answerWithinMs: 5000,
};

async function readAll(response: KubeResponse, idleMs: number): Promise<string[]> {
  const lines: string[] = [];
  for await (const line of response.lines(idleMs)) lines.push(line);
  return lines;
}

test("a request carries the kubeconfig's credentials and keeps the path of its server", async () => {
  const kubeConfig = await startServer(({ url, headers }, response) =>
    response.end(JSON.stringify([url, headers.authorization])),
  );
  const request = { ...plainRequest, query: { labelSelector: 'a=b,c' } };
  expect(await withKubeRequest(openByKubeConfig(kubeConfig), request, (response) => response.json())).toEqual(
    ['/prefix/apis?labelSelector=a%3Db%2Cc', 'Bearer secret'],
  );
});

test('a token file is read for each request, because whoever rotates it may end the last token at once', async () => {
  const kubeConfig = await startServer(({ headers }, response) =>
    response.end(JSON.stringify(headers.authorization)),
  );
  const folder = await mkdtemp(join(tmpdir(), 'kleym-token-'));
  cleanups.push(() => rm(folder, { recursive: true }));
  const tokenFile = join(folder, 'token');
  kubeConfig.users = [{ name: 'u', authProvider: { name: 'tokenFile', config: { tokenFile } } }];
  for (const token of ['first', 'second']) {
    await writeFile(tokenFile, `${token}\n`);
    const said = await withKubeRequest(openByKubeConfig(kubeConfig), plainRequest, (response) =>
      response.json(),
    );
    expect(said).toBe(`Bearer ${token}`);
  }
});

test('lines come whole, however they were cut on the way, and a line without an end is none', async () => {
  const kubeConfig = await startServer((_, response) => {
    const bytes = Buffer.from('{"a":"é"}\n\n{"b":2}\n{"c"');
    response.write(bytes.subarray(0, 7)); // in the middle of the é
    setImmediate(() => {
      response.write(bytes.subarray(7, 12));
      setImmediate(() => response.end(bytes.subarray(12)));
    });
  });
  expect(
    await withKubeRequest(openByKubeConfig(kubeConfig), plainRequest, (response) => readAll(response, 5000)),
  ).toEqual(['{"a":"é"}', '{"b":2}']);
});

test('a connection on which nothing arrives is given up', async () => {
  let closed = false;
  const kubeConfig = await startServer((request, response) => {
    response.write('{"a":1}\n');
    request.socket.on('close', () => {
      closed = true;
    });
  });
  expect(
    await withKubeRequest(openByKubeConfig(kubeConfig), plainRequest, (response) => readAll(response, 50)),
  ).toEqual(['{"a":1}']);
  await expect.poll(() => closed).toBe(true);
});

test('an answer that does not begin is given up', async () => {
  const kubeConfig = await startServer(() => {});
  const request = { ...plainRequest, answerWithinMs: 50 };
  await expect(
    withKubeRequest(openByKubeConfig(kubeConfig), request, (response) => response.json()),
  ).rejects.toThrow('no answer from the API server within 50 ms');
});

test('the connection is closed however the reading ends', async () => {
  let closed = 0;
  const kubeConfig = await startServer((request, response) => {
    response.write('{"a":1}\n');
    request.socket.on('close', () => {
      closed += 1;
    });
  });
  const refuse = withKubeRequest(openByKubeConfig(kubeConfig), plainRequest, async (response) => {
    for await (const line of response.lines(5000)) throw new Error(`cannot read ${line}`);
  });
  await expect(refuse).rejects.toThrow('cannot read {"a":1}');
  const controller = new AbortController();
  const abort = withKubeRequest(
    openByKubeConfig(kubeConfig),
    { ...plainRequest, signal: controller.signal },
    async (response) => {
      setTimeout(() => controller.abort(new Error('stop')), 20);
      await readAll(response, 5000);
    },
  );
  await expect(abort).rejects.toThrow('stop');
  await expect.poll(() => closed).toBe(2);
});
