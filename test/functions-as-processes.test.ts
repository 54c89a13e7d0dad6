import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startCluster } from '@kleym/kube-api';
import { afterAll, describe, expect, test } from 'vitest';
import { binding, objective, pool } from './support/manifests.ts';
import { startFunction, startListening } from './support/function-process.ts';
import { type Manifest, type Stored, createKubeClient } from './support/kube-client.ts';
import { readDefinitions } from '../local/crds/definitions.ts';

const cluster = await startCluster({ crds: await readDefinitions() });
const kube = createKubeClient(cluster.url);
const folder = await mkdtemp(join(tmpdir(), 'kleym-functions-'));
const kubeconfig = join(folder, 'kubeconfig');
await writeFile(kubeconfig, cluster.kubeconfig());
afterAll(async () => {
  await cluster.close();
  await rm(folder, { recursive: true });
});

const environment = { KUBECONFIG: kubeconfig, KLEYM_TRUST_DOMAIN: 'example.org' };

function mainOf(name: string): string {
  return join(import.meta.dirname, '..', 'functions', name, 'main.ts');
}

/** What curl would send. */
function headersOf(attributes: Record<string, string>): Record<string, string> {
  const all = { specversion: '1.0', id: 'one', source: 'test', ...attributes };
  const headers = Object.fromEntries(Object.entries(all).map(([name, value]) => [`ce-${name}`, value]));
  return { ...headers, 'content-type': 'application/json' };
}

/** What an ApiServerSource would say about an object. */
function changeOf(object: Stored, change = 'add'): Record<string, string> {
  const { apiVersion, kind, metadata } = object;
  return {
    type: `dev.knative.apiserver.resource.${change}`,
    apiversion: apiVersion,
    kind,
    name: metadata.name,
    ...(metadata.namespace !== undefined && { namespace: metadata.namespace }),
  };
}

async function place(name: string, ...manifests: readonly Manifest[]): Promise<Stored[]> {
  await kube.create({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } });
  const created: Stored[] = [];
  for (const manifest of manifests)
    created.push(await kube.create({ ...manifest, metadata: { ...manifest.metadata, namespace: name } }));
  return created;
}

async function ask(port: number, attributes: Record<string, string>, data: unknown) {
  const response = await fetch(`http://127.0.0.1:${port}/`, {
    method: 'POST',
    headers: headersOf(attributes),
    body: JSON.stringify(data),
  });
  const text = await response.text();
  return {
    status: response.status,
    type: response.headers.get('ce-type'),
    body: text === '' ? undefined : (JSON.parse(text) as unknown),
  };
}

const affected = 'red.sonda.kleym.bindings.affected';

describe('each function, as a process of its own, answers an event as the contract says and ends on SIGTERM', () => {
  test.each([
    ['map-binding', 'with the binding', 2],
    ['map-pool', 'with the bindings of the pool', 0],
    ['map-objective', 'with the bindings of the objective', 1],
  ] as const)('%s: %s', async (name, _what, index) => {
    const namespace = `as-${name}`;
    const created = await place(namespace, pool(), objective(), binding());
    const { child, port, ended } = await startListening(mainOf(name), environment);
    const object = created[index];
    if (!object) throw new Error('nothing was created');
    expect(await ask(port, changeOf(object), object)).toEqual({
      status: 200,
      type: affected,
      body: { bindings: [{ namespace, names: ['binding-a'] }] },
    });
    expect(await ask(port, { type: 'somebody.elses' }, {})).toMatchObject({ status: 400, type: null });
    child.kill('SIGTERM');
    expect(await ended).toMatchObject({ code: 0, errors: '' });
  });

  test('reconcile: with nothing, when the identity is there; and map-output: with nothing, when nothing is wrong', async () => {
    const namespace = 'as-reconcile';
    await place(namespace, pool(), objective(), binding());
    const reconcile = await startListening(mainOf('reconcile'), environment);
    const named = { bindings: [{ namespace, names: ['binding-a'] }] };
    expect(await ask(reconcile.port, { type: affected }, named)).toEqual({
      status: 204,
      type: null,
      body: undefined,
    });
    const [output] = await kube.list({
      apiVersion: 'spire.spiffe.io/v1alpha1',
      kind: 'ClusterSPIFFEID',
      labelSelector: `kleym.sonda.red/binding-namespace=${namespace}`,
    });
    if (!output) throw new Error('there is no output');
    expect(output['spec']).toMatchObject({
      spiffeIDTemplate: `spiffe://example.org/ns/${namespace}/objective/objective-a`,
    });
    expect(await ask(reconcile.port, { type: affected }, { bindings: 'all' })).toMatchObject({ status: 400 });
    reconcile.child.kill('SIGTERM');
    expect(await reconcile.ended).toMatchObject({ code: 0, errors: '' });

    const mapOutput = await startListening(mainOf('map-output'), environment);
    expect(await ask(mapOutput.port, changeOf(output, 'update'), output)).toMatchObject({ status: 204 });
    const edited = {
      ...output,
      spec: { ...(output['spec'] as object), spiffeIDTemplate: 'spiffe://example.org/evil' },
    };
    expect(await ask(mapOutput.port, changeOf(output, 'update'), edited)).toMatchObject({
      status: 200,
      body: named,
    });
    mapOutput.child.kill('SIGTERM');
    expect(await mapOutput.ended).toMatchObject({ code: 0, errors: '' });
  });

  test('sweep: with what is not settled', async () => {
    const namespace = 'as-sweep';
    await place(namespace, pool(), objective(), binding());
    const { child, port, ended } = await startListening(mainOf('sweep'), environment);
    const answered = await ask(port, { type: 'dev.knative.sources.ping' }, {});
    expect(answered).toMatchObject({ status: 200, type: affected });
    expect((answered.body as { bindings: unknown[] }).bindings).toContainEqual({
      namespace,
      names: ['binding-a'],
    });
    child.kill('SIGTERM');
    expect(await ended).toMatchObject({ code: 0, errors: '' });
  });
});

describe('a function that renders identities does not start', () => {
  test.each(['reconcile', 'sweep'])('%s without a trust domain', async (name) => {
    const { ended } = startFunction(mainOf(name), { KUBECONFIG: kubeconfig });
    expect(await ended).toMatchObject({
      code: 1,
      errors: `${name}: KLEYM_TRUST_DOMAIN is not set: expected the trust domain of your SPIRE server, such as example.org\n`,
    });
  });
});
