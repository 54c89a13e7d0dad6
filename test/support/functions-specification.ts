import type { EmbeddedCluster } from '@kleym/kube-api';
import { expect, test } from 'vitest';
import { type FunctionProcess, untilListening } from './function-process.ts';
import { createKubeClient } from './kube-client.ts';
import { binding, objective, output, pool } from './manifests.ts';

/** The functions that are shipped. */
export const shippedFunctions = [
  'console',
  'map-binding',
  'map-objective',
  'map-output',
  'map-pool',
  'reconcile',
  'sweep',
];

/** Functions as they are shipped, and where they run. */
export interface ShippedFunctions {
  readonly cluster: EmbeddedCluster;
  /** Starts a function with this environment and no other. */
  readonly start: (name: string, environment: Record<string, string>) => FunctionProcess;
  /** Puts a file where functions can read it, and tells where they find it. */
  readonly provideFile: (name: string, text: string) => Promise<string>;
}

/** Specifies what every function does when it runs as it is shipped: it serves, answers, refuses, ends. */
export async function specifyFunctions({
  cluster,
  start: startShipped,
  provideFile,
}: ShippedFunctions): Promise<void> {
  const kubeconfig = await provideFile('kubeconfig', cluster.kubeconfig());
  const environment = { KUBECONFIG: kubeconfig, KLEYM_TRUST_DOMAIN: 'example.org' };
  const kube = createKubeClient(cluster.url);
  const manifests = [binding(), pool(), objective()];
  const [aBinding, aPool, anObjective] = await Promise.all(
    manifests.map((manifest) =>
      kube.create({ ...manifest, metadata: { ...manifest.metadata, namespace: 'default' } }),
    ),
  );
  const anOutput = await kube.create(output('somebody-elses'));

  const group = { namespace: 'default', names: ['binding-a'] };
  const named = { bindings: [group] };
  const update = 'dev.knative.apiserver.resource.update';
  const affected = 'red.sonda.kleym.bindings.affected';

  type Event = readonly [type: string, data: object];
  const foreign: Event = ['somebody.elses', {}];
  const malformed: Event = [affected, { bindings: 'all' }];

  async function start(name: string) {
    const { child, port, ended } = await untilListening(startShipped(name, environment));
    const url = `http://127.0.0.1:${port}/`;
    return {
      url,
      post: async (type: string, data: object | undefined, about = data) => {
        const headers = toHeaders(type, about ?? {});
        const body = data === undefined ? null : JSON.stringify(data);
        const answer = await fetch(url, { method: 'POST', headers, body });
        const text = await answer.text();
        return { status: answer.status, reply: text === '' ? undefined : (JSON.parse(text) as unknown) };
      },
      endsWell: async () => {
        child.kill('SIGTERM');
        expect(await ended).toMatchObject({ code: 0, errors: '' });
      },
    };
  }

  test.each<{
    readonly name: string;
    readonly type: string;
    readonly data: object | undefined;
    readonly reply: object | undefined;
    readonly refused?: readonly Event[];
  }>([
    { name: 'map-binding', type: update, data: aBinding, reply: named },
    { name: 'map-pool', type: update, data: aPool, reply: named },
    { name: 'map-objective', type: update, data: anObjective, reply: named },
    { name: 'map-output', type: update, data: anOutput, reply: undefined },
    {
      name: 'sweep',
      type: 'dev.knative.sources.ping',
      data: undefined,
      reply: { bindings: [{ ...group, hasOwnReason: true }] },
      // Whatever comes from its sources is a reason to sweep.
      refused: [],
    },
    { name: 'reconcile', type: affected, data: named, reply: undefined, refused: [foreign, malformed] },
    { name: 'reconcile', type: 'dev.knative.apiserver.resource.add', data: aBinding, reply: undefined },
  ])(
    '$name serves, answers $type, refuses what is not its event, and ends on SIGTERM with 0',
    async ({ name, type, data, reply, refused = [foreign] }) => {
      const { url, post, endsWell } = await start(name);
      expect(await (await fetch(`${url}healthz`)).text()).toBe('ok');
      expect(await post(type, data)).toEqual({ status: reply === undefined ? 204 : 200, reply });
      expect((await fetch(url, { method: 'POST', body: '{}' })).status).toBe(400);
      for (const [wrong, content] of refused)
        expect(await post(wrong, content)).toMatchObject({ status: 400 });
      await endsWell();
    },
  );

  test('reconcile wrote the identity that the binding asks for, and map-output names the binding when it is edited', async () => {
    const { apiVersion, kind } = anOutput;
    const outputs = await kube.list({ apiVersion, kind });
    expect(
      outputs.map(({ spec }) => (spec as { spiffeIDTemplate: string }).spiffeIDTemplate).toSorted(),
    ).toEqual([
      'spiffe://example.org/ns/default/objective/objective-a',
      'spiffe://example.org/somebody-else',
    ]);
    const ours = outputs.find(({ metadata }) => metadata.name !== 'somebody-elses');
    if (!ours) throw new Error('there is no output');
    const { post, endsWell } = await start('map-output');
    expect(await post(update, ours)).toEqual({ status: 204, reply: undefined });
    const edited = await kube.edit(ours, { spec: { spiffeIDTemplate: 'spiffe://example.org/evil' } });
    expect(await post(update, edited, ours)).toEqual({ status: 200, reply: named });
    // An event that brings no more than the name: the function reads the output itself.
    const reference = { apiVersion, kind, name: ours.metadata.name };
    expect(await post('dev.knative.apiserver.ref.update', reference, ours)).toEqual({
      status: 200,
      reply: named,
    });
    await endsWell();
  });

  test.each(shippedFunctions)(
    '%s says in one line what is wrong with its configuration, and ends with 1',
    async (name) => {
      const trustDomain =
        'KLEYM_TRUST_DOMAIN is not set: expected the trust domain of your SPIRE server, such as example.org';
      const isRendering = ['console', 'reconcile', 'sweep'].includes(name);
      const settings = { KUBECONFIG: kubeconfig, PORT: 'http' };
      const { ended } = startShipped(name, settings);
      expect(await ended).toEqual({
        code: 1,
        errors: `${name}: PORT is "http": expected a whole number from 0 to 65535${isRendering ? `; ${trustDomain}` : ''}\n`,
        lines: [],
      });
    },
  );

  test('console shows its pages with their style and script, and ends on SIGTERM with 0', async () => {
    const { child, port, ended } = await untilListening(startShipped('console', environment));
    const url = `http://127.0.0.1:${port}`;
    const page = await (await fetch(url)).text();
    expect(page).toContain('<h1>Overview</h1>');
    const linked = [...page.matchAll(/<(?:link|script) [^>]*(?:href|src)="([^"]+)"/g)].map(([, to]) => to);
    expect(linked).toEqual(['/icon.svg', '/console.css', '/console.js']);
    for (const path of linked) expect((await fetch(`${url}${path}`)).status).toBe(200);
    child.kill('SIGTERM');
    expect(await ended).toMatchObject({ code: 0, errors: '' });
  });

  test('map-pool says in one line that there is no cluster to read', async () => {
    const settings = { ...environment, KUBECONFIG: `${kubeconfig}-absent` };
    const { code, errors } = await startShipped('map-pool', settings).ended;
    expect({ code, lines: errors.trim().split('\n').length }).toEqual({ code: 1, lines: 1 });
    expect(errors).toMatch(/^map-pool: the kubeconfig .*absent/);
  });
}

function toHeaders(type: string, data: object): Record<string, string> {
  const headers = {
    'content-type': 'application/json',
    'ce-specversion': '1.0',
    'ce-id': 'one',
    'ce-source': 'test',
  };
  if (!('kind' in data)) return { ...headers, 'ce-type': type };
  const { apiVersion, kind, metadata } = data as typeof data & {
    readonly apiVersion: string;
    readonly kind: string;
    readonly metadata: { readonly name: string; readonly namespace?: string };
  };
  const about = { 'ce-apiversion': apiVersion, 'ce-kind': kind, 'ce-name': metadata.name };
  return { ...headers, ...about, 'ce-type': type, 'ce-namespace': metadata.namespace ?? '' };
}
