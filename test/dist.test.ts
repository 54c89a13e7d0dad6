import { createHash } from 'node:crypto';
import { mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { builtinModules } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startCluster } from '@kleym/kube-api';
import { afterAll, describe, expect, test } from 'vitest';
import { buildFunctions } from '../build.ts';
import { binding, objective, output, pool } from './support/manifests.ts';
import { startFunction, startListening } from './support/function-process.ts';
import { createKubeClient } from './support/kube-client.ts';
import { provideDist } from './support/provide-dist.ts';
import { readDefinitions } from '../local/crds/definitions.ts';

const root = join(import.meta.dirname, '..');
const names = ['map-binding', 'map-objective', 'map-output', 'map-pool', 'reconcile', 'sweep'];

// Far from any node_modules: what a bundle does not bring along is not there.
const folder = await mkdtemp(join(tmpdir(), 'kleym-dist-'));
const cluster = await startCluster({ crds: await readDefinitions() });
afterAll(async () => {
  await cluster.close();
  await rm(folder, { recursive: true });
});
const dist = join(folder, 'dist');
await provideDist(dist);
const elsewhere = join(folder, 'another', 'place');
const built = await buildFunctions(elsewhere);

describe('the bundles', () => {
  test('are built for each function', async () => {
    expect((await readdir(dist)).toSorted()).toEqual(names);
    expect([...built.keys()]).toEqual(names);
  });

  test('are the same bytes wherever they are built, and contain no path of the build', async () => {
    const hashes = await readHashes(dist);
    expect(Object.keys(hashes).filter((file) => file.endsWith('/main.mjs'))).toHaveLength(names.length);
    expect(Object.keys(hashes).filter((file) => file.endsWith('.map')).length).toBe(
      Object.keys(hashes).length / 2,
    );
    expect(await readHashes(elsewhere)).toEqual(hashes);
    for (const file of Object.keys(hashes)) {
      const text = await readFile(join(dist, file), 'utf8');
      expect([root, folder].filter((path) => text.includes(path))).toEqual([]);
    }
  }, 60_000);

  test('contain the function, shared code and production dependencies only', async () => {
    const text = await readFile(join(root, 'package-lock.json'), 'utf8');
    const { packages } = JSON.parse(text) as { packages: Record<string, { readonly dev?: boolean }> };
    for (const [name, { output }] of built) {
      const modules = output
        .flatMap((chunk) => (chunk.type === 'chunk' ? chunk.moduleIds : []))
        .filter((id) => !id.startsWith('\0'))
        .map((id) => id.slice(root.length + 1));
      const own = modules.filter((id) => !id.startsWith('node_modules/'));
      expect(own).toContain(`functions/${name}/main.ts`);
      expect(own.filter((id) => !RegExp(`^(functions/${name}/|shared/|package\\.json$)`).test(id))).toEqual(
        [],
      );
      const found = new Set(modules.flatMap((id) => /^.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(id) ?? []));
      expect([...found]).toContain('node_modules/hono');
      expect([...found].filter((path) => packages[path]?.dev !== undefined || !packages[path])).toEqual([]);
    }
  });

  test('import nothing but Node and their own chunks', () => {
    for (const { output } of built.values()) {
      const chunks = output.filter((one) => one.type === 'chunk');
      const own = chunks.map(({ fileName }) => fileName);
      const imports = chunks.flatMap((chunk) => [...chunk.imports, ...chunk.dynamicImports]);
      const known = [...own, ...builtinModules, ...builtinModules.map((name) => `node:${name}`)];
      expect(imports.filter((name) => !known.includes(name))).toEqual([]);
    }
  });

  test('load the Kubernetes client lazily, and only where it is needed', () => {
    for (const [name, { output }] of built) {
      const [main, ...others] = output.filter((one) => one.type === 'chunk');
      expect(main?.fileName).toBe('main.mjs');
      expect(main?.moduleIds.filter(isClient)).toEqual([]);
      const client = others
        .filter(({ moduleIds }) => moduleIds.some(isClient))
        .map(({ fileName }) => fileName);
      expect(client).toEqual(name === 'map-binding' ? [] : ['kube-cluster.mjs']);
      expect(main?.dynamicImports).toEqual(client);
      expect(main?.imports.filter((file) => client.includes(file))).toEqual([]);
    }
  });
});

function isClient(id: string): boolean {
  return id.includes('/@kubernetes/client-node/');
}

async function readHashes(of: string): Promise<Record<string, string>> {
  const files = (await readdir(of, { recursive: true }))
    .filter((file) => /\.m?js(\.map)?$/.test(file))
    .toSorted();
  const hashes = files.map(async (file) => {
    const hash = createHash('sha256').update(await readFile(join(of, file)));
    return [file, hash.digest('hex')] as const;
  });
  return Object.fromEntries(await Promise.all(hashes));
}

describe('each bundle, as a process of its own without node_modules', async () => {
  const kubeconfig = join(folder, 'kubeconfig');
  await writeFile(kubeconfig, cluster.kubeconfig());
  const environment = { KUBECONFIG: kubeconfig, KLEYM_TRUST_DOMAIN: 'example.org' };
  const kube = createKubeClient(cluster.url);
  const manifests = [binding(), pool(), objective()];
  const [aBinding, aPool, anObjective] = await Promise.all(
    manifests.map((manifest) =>
      kube.create({ ...manifest, metadata: { ...manifest.metadata, namespace: 'default' } }),
    ),
  );
  const anOutput = await kube.create(output('somebody-elses'));

  const named = { bindings: [{ namespace: 'default', names: ['binding-a'] }] };
  const update = 'dev.knative.apiserver.resource.update';
  const affected = 'red.sonda.kleym.bindings.affected';

  type Event = readonly [type: string, data: object];
  const foreign: Event = ['somebody.elses', {}];
  const malformed: Event = [affected, { bindings: 'all' }];

  async function start(name: string) {
    const { child, port, ended } = await startListening(join(dist, name, 'main.mjs'), environment);
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
      reply: { ...named, isWhole: true },
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

  test.each(names)(
    '%s says in one line what is wrong with its configuration, and ends with 1',
    async (name) => {
      const trustDomain =
        'KLEYM_TRUST_DOMAIN is not set: expected the trust domain of your SPIRE server, such as example.org';
      const isRendering = ['reconcile', 'sweep'].includes(name);
      const settings = { KUBECONFIG: kubeconfig, PORT: 'http' };
      const { ended } = startFunction(join(dist, name, 'main.mjs'), settings);
      expect(await ended).toEqual({
        code: 1,
        errors: `${name}: PORT is "http": expected a whole number from 0 to 65535${isRendering ? `; ${trustDomain}` : ''}\n`,
        lines: [],
      });
    },
  );

  test('map-pool says in one line that there is no cluster to read', async () => {
    const settings = { ...environment, KUBECONFIG: join(folder, 'absent') };
    const { code, errors } = await startFunction(join(dist, 'map-pool', 'main.mjs'), settings).ended;
    expect({ code, lines: errors.trim().split('\n').length }).toEqual({ code: 1, lines: 1 });
    expect(errors).toMatch(/^map-pool: the kubeconfig .*absent/);
  });
});

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
