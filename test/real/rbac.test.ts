import { randomUUID } from 'node:crypto';
import type { Hono } from 'hono';
import { pino } from 'pino';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { findReady } from '../../shared/api/conditions.ts';
import { mapBinding } from '../../shared/mappers/map-binding.ts';
import { mapObjective } from '../../functions/map-objective/map-objective.ts';
import { mapOutput } from '../../functions/map-output/map-output.ts';
import { mapPool } from '../../functions/map-pool/map-pool.ts';
import { reconcile } from '../../functions/reconcile/reconcile.ts';
import { createConsole } from '../../functions/console/console.tsx';
import { sweep } from '../../functions/sweep/sweep.ts';
import { bindingsAffectedType } from '../../shared/events/bindings-affected.ts';
import type { Cluster } from '../../shared/kube/cluster.ts';
import { nodeEventLoop } from '../../shared/concurrency/node-event-loop.ts';
import { connect, openByKubeConfig } from '../../shared/kube/kube-cluster.ts';
import { openReads } from '../../shared/kube/open-reads.ts';
import {
  binding,
  objective,
  oldObjective,
  oldPool,
  output,
  pool,
  poolBinding,
} from '../support/manifests.ts';
import { podManifest } from '../support/pods.ts';
import { exampleSettings } from '../support/inference.ts';
import { type Manifest, type Stored, toPath } from '../support/kube-client.ts';
import { permissionsOf, readManifests } from '../support/kustomization.ts';
import { type Answered, postEvent, silentApp } from '../support/post-event.ts';
import type { AuditEvent } from './control-plane.ts';
import { type InstalledKleym, installKleym, outputsPath } from './installed-kleym.ts';

// Each function asks the API server with the token of its own ServiceAccount, under the roles and the admission policies
// of the manifests. The tests go through what the product does; the last one compares what was asked with what is granted.

let kleym: InstalledKleym;
let apps: Record<string, Hono>;

beforeAll(async () => {
  kleym = await installKleym();
  const clusterOf = async (name: string): Promise<Cluster> =>
    connect({ kubeConfig: await kleym.kubeConfigFor(name) });
  const tools = {
    settings: exampleSettings,
    log: pino({ level: 'silent' }),
    nonce: randomUUID,
    ...nodeEventLoop,
  };
  apps = {
    'map-binding': silentApp(mapBinding()),
    'map-pool': silentApp(mapPool(await clusterOf('map-pool'))),
    'map-objective': silentApp(mapObjective(await clusterOf('map-objective'))),
    'map-output': silentApp(mapOutput(await clusterOf('map-output'))),
    sweep: silentApp(sweep(await clusterOf('sweep'), exampleSettings, nodeEventLoop)),
    reconcile: silentApp(reconcile({ ...tools, cluster: await clusterOf('reconcile') })),
  };
  for (const name of ['team-a', 'team-b'])
    await kleym.create({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } });
});

afterAll(async () => {
  await kleym.plane.stop();
});

const breakGlass = { user: 'alice', groups: ['system:masters', 'kleym:break-glass'] };

async function ask(name: string, attributes: Record<string, string>, data?: unknown): Promise<Answered> {
  const app = apps[name];
  if (!app) throw new Error(`there is no function ${name}`);
  return await postEvent(app, { attributes: { id: randomUUID(), ...attributes }, data });
}

/** Tells a function of an object, as a source in mode Resource does, or with no more than its name. */
function tell(
  name: string,
  object: Stored,
  verb: 'add' | 'update' | 'delete',
  mode = 'resource',
): Promise<Answered> {
  const { metadata, apiVersion, kind } = object;
  const namespace: Record<string, string> =
    metadata.namespace === undefined ? {} : { namespace: metadata.namespace };
  const attributes = {
    type: `dev.knative.apiserver.${mode}.${verb}`,
    apiversion: apiVersion,
    kind,
    name: metadata.name,
    ...namespace,
  };
  return ask(name, attributes, mode === 'resource' ? object : undefined);
}

/** Routes what a function replied to reconcile, and what that replies, until nothing is left to say. */
async function route(answered: Answered, tries = 5): Promise<void> {
  expect([200, 204, 503]).toContain(answered.status);
  if (answered.bindings === undefined) return;
  const reply = await ask('reconcile', { type: bindingsAffectedType }, { bindings: answered.bindings });
  if (reply.status === 503 && tries > 0) return route(answered, tries - 1);
  expect([200, 204]).toContain(reply.status);
  return route(reply);
}

const oldGroup = 'inference.networking.x-k8s.io';
const here = (object: Manifest, namespace = 'team-a'): Manifest => ({
  ...object,
  metadata: { ...object.metadata, namespace },
});
const edit = (object: Manifest, content: object, who: object = {}) =>
  kleym.must({ method: 'PATCH', path: toPath(object), content, ...who });
const remove = (object: Manifest, who: object = {}) =>
  kleym.must({ method: 'DELETE', path: toPath(object), ...who });
const read = (object: Manifest) => kleym.must({ method: 'GET', path: toPath(object) });

async function readyOf(object: Manifest): Promise<string> {
  const { status } = (await read(object)) as Stored & {
    status?: { conditions?: { type: string; status: string; reason: string }[] };
  };
  const ready = findReady(status);
  return `${ready?.status} ${ready?.reason}`;
}

async function outputsOf(name: string): Promise<Stored[]> {
  const list = (await kleym.must({ method: 'GET', path: outputsPath })) as Stored & { items: Stored[] };
  const found = list.items.filter((item) => (item['spec'] as { hint?: string }).hint === `team-a/${name}`);
  return found.map((item) => ({ ...item, apiVersion: 'spire.spiffe.io/v1alpha1', kind: 'ClusterSPIFFEID' }));
}

const created: Record<string, Stored> = {};

test('the accounts may create an identity', async () => {
  created['pool'] = await kleym.create(here(pool()));
  created['objective'] = await kleym.create(here(objective()));
  const stored = await kleym.create(here(binding()));
  await route(await tell('map-binding', stored, 'add'));
  expect(await readyOf(stored)).toBe('True Reconciled');
  expect(await outputsOf('binding-a')).toHaveLength(1);
});

test('they may follow a change of its pool and its objective', async () => {
  const moved = await edit(here(pool()), { spec: { selector: { matchLabels: { app: 'other' } } } });
  await route(await tell('map-pool', moved, 'update'));
  await route(await tell('map-objective', created['objective'] as Stored, 'delete'));
  expect(await readyOf(here(binding()))).toBe('True Reconciled');
  expect((await outputsOf('binding-a'))[0]).toHaveProperty('spec.podSelector.matchLabels', { app: 'other' });
});

test('they may follow events of its output: late, damaged, and by name only', async () => {
  const [found] = await outputsOf('binding-a');
  const late = { ...found, metadata: { ...found?.metadata, creationTimestamp: '2099-01-01T00:00:00Z' } };
  await route(await tell('map-output', late as Stored, 'add'));
  const damaged = await edit(found as Stored, { spec: { hint: 'team-a/other' } }, breakGlass);
  await route(await tell('map-output', damaged, 'update', 'ref'));
  expect(await outputsOf('binding-a')).toHaveLength(1);
});

test('they may handle an output name that is taken and becomes free', async () => {
  const taken = here(poolBinding('taken'));
  await route(await tell('map-binding', await kleym.create(taken), 'add'));
  const [first] = await outputsOf('taken');
  if (!first) throw new Error('there is no output');
  await remove(first, breakGlass);
  await kleym.must({
    method: 'POST',
    path: outputsPath,
    content: output(first.metadata.name),
    ...breakGlass,
  });
  await route(await ask('sweep', { type: 'dev.knative.sources.ping' }));
  expect(await readyOf(taken)).toBe('False OutputNameTaken');
  await remove(first, breakGlass);
  await route(await ask('sweep', { type: 'dev.knative.sources.ping' }));
  expect(await readyOf(taken)).toBe('True Reconciled');
});

test('they may reconcile many bindings of one account, with pools and objectives of older groups', async () => {
  const names = Array.from({ length: 25 }, (_, index) => `many-${index}`);
  await kleym.create(here(oldPool('many-0'), 'team-b'));
  await kleym.create(here(oldObjective('many-0', { name: 'many-0', group: oldGroup }), 'team-b'));
  for (const name of names) {
    if (name !== 'many-0') await kleym.create(here(pool(name, { app: name }), 'team-b'));
    if (name !== 'many-0') await kleym.create(here(objective(name, { name }), 'team-b'));
    await kleym.create(here(binding(name, { poolRef: { name }, objectiveRef: { name } }), 'team-b'));
  }
  await route(await ask('sweep', { type: 'dev.knative.sources.ping' }));
  for (const name of names)
    expect([name, await readyOf(here(binding(name), 'team-b'))]).toEqual([name, 'True Reconciled']);
});

test('they may handle a collision and its end', async () => {
  await kleym.create(here(binding('rival', { serviceAccountName: 'sa-r' })));
  const other = await kleym.create(here(binding('other-rival', { serviceAccountName: 'sa-r' })));
  await route(await ask('sweep', { type: 'dev.knative.sources.ping' }));
  expect(await readyOf(here(binding('rival')))).toBe('False IdentityCollision');
  await remove(other);
  await route(await tell('map-binding', await read(other), 'update'));
  await route(await ask('sweep', { type: 'dev.knative.sources.ping' }));
  expect(await readyOf(here(binding('rival')))).toBe('True Reconciled');
});

test('they may withdraw an identity', async () => {
  await remove(here(binding()));
  await route(await tell('map-binding', await read(here(binding())), 'update'));
  expect(await outputsOf('binding-a')).toEqual([]);
  expect(await kleym.ask({ method: 'GET', path: toPath(here(binding())) })).toHaveProperty('status', 404);
});

test('they may write Kubernetes Events', async () => {
  const events = (await kleym.must({
    method: 'GET',
    path: '/apis/events.k8s.io/v1/namespaces/team-a/events',
  })) as Stored & {
    items: { reason: string }[];
  };
  expect(events.items.map(({ reason }) => reason)).toContain('IdentityCollision');
});

test('the console may show what it shows', async () => {
  const manifests = readManifests('components/console');
  for (const object of manifests.filter(({ apiVersion }) => !apiVersion.includes('knative')))
    await kleym.create(object);
  const app = createConsole({
    kube: openReads(openByKubeConfig(await kleym.kubeConfigFor('console')), {
      userAgent: 'console',
      callTimeoutMs: 10_000,
    }),
    settings: exampleSettings,
    hosts: ['localhost'],
    log: pino({ level: 'silent' }),
  });
  await kleym.create(podManifest({ name: 'rival-0', namespace: 'team-a' }));
  // An output without our labels is found by its name, which the claim of its binding knows.
  const [found] = await outputsOf('rival');
  await edit(found as Stored, { metadata: { labels: null } }, breakGlass);
  for (const path of [
    '/',
    '/search?q=rival',
    '/namespaces/team-a',
    '/namespaces/team-a/bindings/rival',
    '/why?namespace=team-a&pod=rival-0',
  ]) {
    const answer = await app.request(path, { headers: { host: 'localhost' } });
    expect([path, answer.status]).toEqual([path, 200]);
    expect(await answer.text()).not.toMatch(/no permission|not readable|could not be read/i);
  }
});

const account = 'system:serviceaccount:kleym-system:';

function toAsked({ objectRef, verb }: AuditEvent): string[] {
  if (!objectRef) return [];
  const { resource, subresource, apiGroup = '', name } = objectRef;
  const object = resource === 'configmaps' ? `/${name}` : '';
  return [`${verb} ${resource}${subresource === undefined ? '' : `/${subresource}`}.${apiGroup}${object}`];
}

test('the API server refused none of it, and was asked for objects and discovery only', async () => {
  const audit = (await kleym.plane.audit()).filter(({ user }) => user.username.startsWith(account));
  expect(audit.filter(({ responseStatus }) => [401, 403].includes(responseStatus?.code ?? 0))).toEqual([]);
  const discovery = audit.filter(({ objectRef }) => !objectRef);
  const others = discovery.map(({ user, verb, requestURI }) => {
    const name = user.username === `${account}console` ? 'console' : 'function';
    return `${name}: ${verb} ${requestURI}`;
  });
  expect([...new Set(others)].toSorted()).toEqual([
    'console: get /apis/inference.networking.k8s.io/v1',
    'console: get /apis/inference.networking.x-k8s.io/v1alpha2',
    'console: get /apis/kleym.sonda.red/v1alpha1',
    'console: get /apis/llm-d.ai/v1alpha2',
    'console: get /apis/spire.spiffe.io/v1alpha1',
    'function: get /apis/inference.networking.k8s.io/v1',
  ]);
});

test.each(['map-binding', 'map-pool', 'map-objective', 'map-output', 'sweep', 'reconcile', 'console'])(
  '%s asked for all that it is granted, and for nothing else',
  async (name) => {
    const audit = (await kleym.plane.audit()).filter(({ user }) => user.username === `${account}${name}`);
    const manifests = readManifests('base', 'components/console');
    const granted = Object.entries(permissionsOf(manifests, name)).flatMap(([resource, verbs]) =>
      verbs.map((verb) => `${verb} ${resource}`),
    );
    expect([...new Set(audit.flatMap(toAsked))].toSorted()).toEqual(granted.toSorted());
  },
);
