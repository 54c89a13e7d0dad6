import { once } from 'node:events';
import { type Server, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { startCluster } from '@kleym/kube-api';
import { Hono } from 'hono';
import { expect, onTestFinished, test } from 'vitest';
import { listen } from '../../shared/runtime/serve.ts';
import { bindLoopback } from '../eventing/bind-loopback.ts';
import { describeFailure } from './describe-failure.ts';

test.each<[string, (port: number) => Promise<unknown>]>([
  ['cluster', (port) => startCluster({ port })],
  ['functions', (port) => listen(new Hono(), { port, host: '127.0.0.1' }, () => undefined)],
  ['broker', (port) => bindLoopback(createServer(), port)],
])('the port of the %s that is taken is said with the flag that helps', async (_what, start) => {
  const port = await takePort();
  const failure: unknown = await start(port).catch((error: unknown) => error);
  expect(describeFailure(failure)).toBe(`port ${port} is taken: choose another with --port`);
});

test('every other failure is said in its own words', () => {
  expect(describeFailure(new Error('the kubeconfig has no current cluster'))).toBe(
    'the kubeconfig has no current cluster',
  );
  expect(describeFailure('nothing works')).toBe('nothing works');
});

async function takePort(): Promise<number> {
  const server: Server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  return (server.address() as AddressInfo).port;
}
