import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { createServer } from 'node:net';
import { createInterface } from 'node:readline';
import { join } from 'node:path';
import { createApi } from '@kleym/kube-api/contract/api';
import { KubeConfig } from '@kubernetes/client-node';
import { describe, expect, onTestFinished, test } from 'vitest';
import { type ControlPlane, type ControlPlaneOptions, startControlPlane } from './control-plane.ts';
import { findFreePorts } from './free-ports.ts';

async function start(options: ControlPlaneOptions = {}): Promise<ControlPlane> {
  const controlPlane = await startControlPlane(options);
  onTestFinished(() => controlPlane.stop());
  return controlPlane;
}

function adminOf({ url, ca, adminToken }: ControlPlane) {
  return createApi({ url, ca, token: adminToken });
}

async function makeServiceAccount(controlPlane: ControlPlane): Promise<string> {
  const api = adminOf(controlPlane);
  const path = '/api/v1/namespaces/default/serviceaccounts';
  await api.post(path, { metadata: { name: 'somebody' } });
  const { body } = await api.post(`${path}/somebody/token`, { spec: { expirationSeconds: 600 } });
  return (body['status'] as { token: string }).token;
}

describe('a control plane', () => {
  test('serves with a certificate that its kubeconfig trusts, and with RBAC', async () => {
    const controlPlane = await start();
    const token = await makeServiceAccount(controlPlane);
    const { url, ca, kubeconfigFor } = controlPlane;
    const config = new KubeConfig();
    config.loadFromString(kubeconfigFor(token));
    expect(config.getCurrentCluster()).toMatchObject({ server: url, skipTLSVerify: false });
    const somebody = createApi({ url, ca, token });
    const refused = await somebody.get('/api/v1/namespaces/default/configmaps');
    expect([refused.status, refused.body.message]).toEqual([
      403,
      expect.stringContaining(
        'User "system:serviceaccount:default:somebody" cannot list resource "configmaps"',
      ),
    ]);
    expect((await createApi({ url, ca, token: 'wrong' }).get('/api')).status).toBe(401);
    await expect(createApi({ url, token }).get('/api')).rejects.toThrow(/self-signed certificate/);
  });

  test('writes an audit log', async () => {
    const auditPolicy =
      'apiVersion: audit.k8s.io/v1\nkind: Policy\nomitStages: [RequestReceived]\nrules: [{ level: Metadata }]\n';
    const controlPlane = await start({ auditPolicy });
    await adminOf(controlPlane).post('/api/v1/namespaces/default/configmaps', { metadata: { name: 'seen' } });
    const events = await controlPlane.audit();
    expect(events.filter(({ verb, objectRef }) => verb === 'create' && objectRef?.name === 'seen')).toEqual([
      expect.objectContaining({
        user: expect.objectContaining({ username: 'admin' }),
        responseStatus: expect.objectContaining({ code: 201 }),
      }),
    ]);
  });

  test('keeps what was written when its API server is killed and started again', async () => {
    const controlPlane = await start();
    const api = adminOf(controlPlane);
    await api.post('/api/v1/namespaces/default/configmaps', { metadata: { name: 'kept' } });
    await controlPlane.kill();
    await expect(api.get('/readyz')).rejects.toThrow(/ECONNREFUSED/);
    await controlPlane.restart();
    expect((await api.get('/api/v1/namespaces/default/configmaps/kept')).status).toBe(200);
  });

  test('answers nothing while it is frozen, and goes on after', async () => {
    const controlPlane = await start();
    const api = adminOf(controlPlane);
    controlPlane.freeze();
    let isAnswered = false;
    const asked = api.get('/readyz').then((answer) => {
      isAnswered = true;
      return answer;
    });
    await new Promise((resolve) => setTimeout(resolve, 500));
    expect(isAnswered).toBe(false);
    controlPlane.thaw();
    expect((await asked).status).toBe(200);
  });

  test('two run side by side', async () => {
    const [one, two] = await Promise.all([start(), start()]);
    expect(one.url).not.toBe(two.url);
    await adminOf(one).post('/api/v1/namespaces/default/configmaps', { metadata: { name: 'mine' } });
    expect((await adminOf(two).get('/api/v1/namespaces/default/configmaps/mine')).status).toBe(404);
  });

  test('says why it cannot start', async () => {
    await expect(startControlPlane({ apiserverArgs: ['--no-such-flag'] })).rejects.toThrow(
      /unknown flag: --no-such-flag/,
    );
  });

  test('uses other ports if one is taken', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    onTestFinished(() => void other.close());
    const { port } = other.address() as { port: number };
    const chosen: number[][] = [];
    const controlPlane = await start({
      findPorts: async (count) => {
        const free = await findFreePorts(count);
        chosen.push(chosen.length === 0 ? free.with(0, port) : free);
        return chosen.at(-1) ?? [];
      },
    });
    expect([chosen.length, (await adminOf(controlPlane).get('/readyz')).status]).toEqual([2, 200]);
  });
});

/** What a process of its own has started. */
interface Started {
  readonly folder: string;
  readonly pids: readonly number[];
}

async function startElsewhere(): Promise<{ holder: ChildProcess; started: Started }> {
  const script = join(import.meta.dirname, 'control-plane-holder.ts');
  const holder = spawn(process.execPath, [script], { stdio: ['pipe', 'pipe', 'inherit'] });
  onTestFinished(() => void holder.kill('SIGKILL'));
  for await (const line of createInterface({ input: holder.stdout })) {
    return { holder, started: JSON.parse(line) as Started };
  }
  throw new Error('the process ended before it had started a control plane');
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

describe('nothing is left behind', () => {
  test.each(['SIGKILL', 'SIGTERM', 'SIGINT'] as const)('by a process that is ended by %s', async (signal) => {
    const { holder, started } = await startElsewhere();
    expect([started.pids.filter(isAlive), existsSync(started.folder)]).toEqual([started.pids, true]);
    holder.kill(signal);
    await expect.poll(() => started.pids.filter(isAlive), { timeout: 10_000 }).toEqual([]);
    await expect.poll(() => existsSync(started.folder), { timeout: 10_000 }).toBe(false);
  });

  test('by a process that forgot to stop what it had started', async () => {
    const { holder, started } = await startElsewhere();
    holder.stdin?.end();
    await once(holder, 'exit');
    expect(holder.exitCode).toBe(0);
    await expect.poll(() => started.pids.filter(isAlive), { timeout: 10_000 }).toEqual([]);
    await expect.poll(() => existsSync(started.folder), { timeout: 10_000 }).toBe(false);
  });
});
