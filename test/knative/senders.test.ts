import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { pool, poolBinding } from '../support/manifests.ts';
import type { Manifest } from '../support/kube-client.ts';
import { type TestNamespace, eventually, useCluster } from '../support/test-cluster.ts';
import { namespace, openTarget, until } from './installed.ts';
import { kubectl } from './kubectl.ts';

const target = await openTarget();
process.env['KLEYM_TEST_INSTALLED'] = 'true';
const cluster = await useCluster();
const audience = `eventing.knative.dev/broker/${namespace}/kleym`;
let here: TestNamespace;
let before: string;

beforeAll(async () => {
  here = await cluster.namespace();
  await here.create(pool());
  before = (await readFeature()) || 'disabled';
  await switchFeature('enabled', ['oidc']);
});
afterAll(async () => {
  await switchFeature(before, []);
});

describe('with authentication-oidc enabled', () => {
  test('a binding becomes Ready', async () => {
    await here.create(poolBinding());
    await here.ready('binding-a');
    await here.delete(poolBinding());
    await here.gone('binding-a');
  });

  test('the Broker accepts events of our sources only', async () => {
    const source = await createToken('bindings-oidc-sources.knative.dev-apiserversource');
    const stranger = await createToken('reconcile');
    expect((await post(source, stranger, '')).answers).toEqual([202, 403, 401]);
  });

  test('a dead letter still reaches the sweep', async () => {
    const mapper = await createToken('map-pool-oidc-eventing.knative.dev-trigger');
    const { answers, id } = await post(mapper);
    expect(answers).toEqual([202]);
    // reconcile cannot read it and answers 400; that the sweep was asked stands in its log.
    await eventually(async () => {
      const lines = ['logs', '-l', 'serving.knative.dev/service=sweep', '-c', 'user-container', '--tail=-1'];
      expect(await kubectl(['-n', namespace, ...lines])).toContain(id);
    });
  });
});

async function readFeature(): Promise<string> {
  return await kubectl([
    '-n',
    'knative-eventing',
    'get',
    'cm',
    'config-features',
    '-o',
    'jsonpath={.data.authentication-oidc}',
  ]);
}

/** Channels that live through the switch keep stale subscribers, and policies of their own that stop them: all is made anew. */
async function switchFeature(value: string, components: readonly string[]): Promise<void> {
  const patch = JSON.stringify({ data: { 'authentication-oidc': value } });
  await kubectl(['-n', 'knative-eventing', 'patch', 'cm', 'config-features', '--type=merge', '-p', patch]);
  await kubectl(['-n', namespace, 'delete', 'triggers,brokers,eventpolicies.eventing.knative.dev', '--all']);
  // Until Eventing's webhook has heard of the switch it refuses the policies.
  await eventually(() => target.install({ components }));
  await until(async () => (await target.unready()).length === 0, 'everything is Ready again');
  // Ready says nothing of adapters that are just being replaced, and what happens meanwhile would wait for the sweep.
  const adapters = ['-l', 'eventing.knative.dev/source=apiserver-source-controller'];
  await kubectl(['-n', namespace, 'rollout', 'status', 'deployment', ...adapters, '--timeout=300s']);
}

async function addressOf(name: string): Promise<{ url?: string; audience?: string }> {
  const broker = await target.kube.get({
    apiVersion: 'eventing.knative.dev/v1',
    kind: 'Broker',
    metadata: { name, namespace },
  });
  return ((broker?.['status'] ?? {}) as { address?: { url?: string; audience?: string } }).address ?? {};
}

async function createToken(account: string): Promise<string> {
  await until(
    async () => (await target.kube.get(accountOf(account))) !== undefined,
    `Eventing has made ${account}`,
  );
  return (await kubectl(['-n', namespace, 'create', 'token', account, '--audience', audience])).trim();
}

function accountOf(name: string): Manifest {
  return { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name, namespace } };
}

const script = `
const [url, id, ...tokens] = process.argv.slice(1);
const answers = [];
for (const token of tokens) {
  const headers = {
    'ce-specversion': '1.0', 'ce-id': id, 'ce-source': '/test', 'ce-type': 'red.sonda.kleym.bindings.affected',
    'content-type': 'application/json', ...(token === 'none' ? {} : { authorization: 'Bearer ' + token }),
  };
  answers.push((await fetch(url, { method: 'POST', headers, body: '{}' })).status);
}
console.log(JSON.stringify(answers));`;

/** Posts an event with each of these tokens to the Broker, from inside of the cluster, and returns what it answered. */
async function post(...tokens: readonly string[]): Promise<{ id: string; answers: number[] }> {
  const id = randomUUID();
  const name = `sender-${id}`;
  const { url = '' } = await addressOf('kleym');
  const args = ['--input-type=module', '-e', script, url, id, ...tokens.map((token) => token || 'none')];
  await here.create({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name },
    spec: { restartPolicy: 'Never', containers: [{ name: 'main', image: target.image, args }] },
  });
  return await eventually(async () => {
    const { status } = await here.get({ apiVersion: 'v1', kind: 'Pod', metadata: { name } });
    expect((status as { phase?: string }).phase).toBe('Succeeded');
    return { id, answers: JSON.parse(await kubectl(['-n', here.name, 'logs', name])) as number[] };
  });
}
