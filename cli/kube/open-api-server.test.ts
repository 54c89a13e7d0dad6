import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { once } from 'node:events';
import { HttpMethod, KubeConfig } from '@kubernetes/client-node';
import { expect, onTestFinished, test } from 'vitest';
import { openApiServer } from './open-api-server.ts';

interface Seen {
  readonly url: string | undefined;
  readonly headers: readonly string[];
}

async function serve(): Promise<{ readonly kubeConfig: KubeConfig; readonly seen: Seen[] }> {
  const seen: Seen[] = [];
  const server = createServer(({ url, rawHeaders }, response) => {
    seen.push({ url, headers: rawHeaders });
    response.end('{}');
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const kubeConfig = new KubeConfig();
  const { port } = server.address() as AddressInfo;
  kubeConfig.loadFromClusterAndUser(
    { name: 'test', server: `http://127.0.0.1:${port}/prefix/`, skipTLSVerify: true },
    { name: 'test', token: 'secret' },
  );
  return { kubeConfig, seen };
}

const request = {
  method: HttpMethod.GET,
  path: '/api/v1/pods?limit=1',
  headers: { Accept: 'application/json' },
  signal: new AbortController().signal,
  checkInTime: () => undefined,
};

test('the path goes behind that of the server, with the credentials of the kubeconfig', async () => {
  const { kubeConfig, seen } = await serve();
  const { status } = await openApiServer(kubeConfig, {}).send(request);
  expect(status).toBe(200);
  expect(seen[0]?.url).toBe('/prefix/api/v1/pods?limit=1');
  expect(seen[0]?.headers).toContain('Bearer secret');
  expect(seen[0]?.headers.join()).not.toMatch(/impersonate/i);
});

test('each group to impersonate is a header of its own', async () => {
  const { kubeConfig, seen } = await serve();
  await openApiServer(kubeConfig, { as: 'alice', groups: ['a', 'b'], uid: '7' }).send(request);
  const { headers = [] } = seen[0] ?? {};
  const sent = headers.flatMap((name, index) =>
    name.startsWith('impersonate') ? [`${name}: ${headers[index + 1]}`] : [],
  );
  expect(sent).toEqual([
    'impersonate-user: alice',
    'impersonate-group: a',
    'impersonate-group: b',
    'impersonate-uid: 7',
  ]);
});
