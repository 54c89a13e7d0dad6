import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { type Server, createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readCapturedRequests } from './support/captured-events.ts';
import { startFunction, startListening } from './support/function-process.ts';

const directory = mkdtempSync(join(tmpdir(), 'kleym-mappers-'));
const kubeconfig = join(directory, 'kubeconfig');
const asked: string[] = [];
let server: Server;

/** What an API server would list: one binding that was never looked at. */
const bindings = {
  apiVersion: 'kleym.sonda.red/v1alpha1',
  kind: 'InferenceIdentityBindingList',
  metadata: { resourceVersion: '100' },
  items: [
    {
      metadata: { name: 'b', namespace: 'team-a', uid: 'ub', resourceVersion: '7', generation: 1 },
      spec: { poolRef: { name: 'pool' }, objectiveRef: { name: 'chat' }, serviceAccountName: 'sa' },
    },
  ],
};
const [output] = readCapturedRequests('resource.clusterspiffeid.add');

beforeAll(async () => {
  server = createServer((request, response) => {
    const url = new URL(request.url ?? '', 'http://x');
    asked.push(`${request.method} ${url.pathname} ${url.searchParams.get('fieldSelector') ?? ''}`.trim());
    const isOutput = url.pathname.startsWith('/apis/spire.spiffe.io/v1alpha1/clusterspiffeids/');
    response.setHeader('content-type', 'application/json');
    response.end(isOutput ? output?.body : JSON.stringify(bindings));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const port = typeof address === 'object' && address ? address.port : 0;
  writeFileSync(
    kubeconfig,
    JSON.stringify({
      'current-context': 'test',
      contexts: [{ name: 'test', context: { cluster: 'test', user: 'test' } }],
      clusters: [
        { name: 'test', cluster: { server: `http://127.0.0.1:${port}`, 'insecure-skip-tls-verify': true } },
      ],
      users: [{ name: 'test', user: { token: 'not-a-token-of-anybody' } }],
    }),
  );
});

afterAll(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  rmSync(directory, { recursive: true });
});

function mainOf(mapper: string): string {
  return fileURLToPath(new URL(`../functions/${mapper}/main.ts`, import.meta.url));
}

describe('a mapper that reads the cluster, as a process', () => {
  test.each([
    [
      'map-pool',
      'resource.pool.update-spec',
      'GET /apis/kleym.sonda.red/v1alpha1/namespaces/team-a/inferenceidentitybindings spec.poolRef.name=pool',
    ],
    [
      'map-objective',
      'resource.objective.update-spec',
      'GET /apis/kleym.sonda.red/v1alpha1/namespaces/team-a/inferenceidentitybindings spec.objectiveRef.name=chat',
    ],
    [
      'map-output',
      'reference.clusterspiffeid.update-spec',
      'GET /apis/spire.spiffe.io/v1alpha1/clusterspiffeids/kleym-team-a-b-objective-00000000',
    ],
  ])('%s asks the cluster that KUBECONFIG names, and answers', async (mapper, captured, call) => {
    const { port, child, ended } = await startListening(mainOf(mapper), { KUBECONFIG: kubeconfig });
    const [event] = readCapturedRequests(captured);
    // The body's length and the host are those of this connection.
    const headers = (event?.rawHeaders ?? []).filter(([name]) => /^(ce-|content-type)/i.test(name));
    const response = await fetch(`http://127.0.0.1:${port}/`, {
      method: 'POST',
      headers,
      body: event?.body ?? '',
    });

    expect(await response.json()).toEqual({ bindings: [{ namespace: 'team-a', names: ['b'] }] });
    expect(asked).toContain(call);
    child.kill('SIGTERM');
    expect(await ended).toMatchObject({ code: 0, errors: '' });
  });

  test('ends in one line when there is no cluster to read', async () => {
    const { ended } = startFunction(mainOf('map-pool'), { KUBECONFIG: join(directory, 'absent') });
    const { code, errors } = await ended;
    expect({ code, lines: errors.trim().split('\n').length }).toEqual({ code: 1, lines: 1 });
    expect(errors).toMatch(/^map-pool: the kubeconfig .*absent/);
  });

  test('answers for its health before the client is loaded', async () => {
    const { port } = await startListening(mainOf('map-pool'), { KUBECONFIG: kubeconfig });
    const response = await fetch(`http://127.0.0.1:${port}/healthz`);
    expect(await response.text()).toBe('ok');
  });
});
