import { randomUUID } from 'node:crypto';
import type { Hono } from 'hono';
import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { BindingStatus } from '../../shared/api/binding.ts';
import { reconcile } from '../../functions/reconcile/reconcile.ts';
import { bindingsAffectedType } from '../../shared/events/bindings-affected.ts';
import { nodeEventLoop } from '../../shared/concurrency/node-event-loop.ts';
import { connect } from '../../shared/kube/kube-cluster.ts';
import { binding, objective, output, pool, poolBinding } from '../support/manifests.ts';
import { exampleSettings } from '../support/inference.ts';
import { type Manifest, type Stored, toListPath, toPath } from '../support/kube-client.ts';
import { findManifest, permissionsOf, readManifests } from '../support/kustomization.ts';
import { postEvent, silentApp } from '../support/post-event.ts';
import { eventually } from '../support/test-cluster.ts';
import { type InstalledKleym, installKleym, outputsPath } from './installed-kleym.ts';
import { type KeptProcesses, openKeptProcesses } from './kept-processes.ts';
import {
  type KubeStateMetrics,
  provideKubeStateMetrics,
  startKubeStateMetrics,
} from './kube-state-metrics.ts';
import { readPrometheusRuleDefinition } from './prometheus-rule-definition.ts';

// The real kube-state-metrics, with the file and the permissions of the component, beside bindings that reconcile has
// brought into every state that an alert is about.

const component = readManifests('components/monitoring');
const breakGlass = { user: 'alice', groups: ['system:masters', 'kleym:break-glass'] };
const account = 'system:serviceaccount:kube-system:kube-state-metrics';
const finalizer = 'example.org/hold';

const say = (line: string) => void process.stdout.write(`${line}\n`);

let program: string;
let kleym: InstalledKleym;
let processes: KeptProcesses;
let metrics: KubeStateMetrics;
let reconciling: Hono;

beforeAll(async () => {
  program = await provideKubeStateMetrics({ env: process.env, say });
}, 900_000);

beforeAll(async () => {
  kleym = await installKleym();
  processes = await openKeptProcesses('kleym-monitoring');
  for (const object of component) await kleym.create(object);
  metrics = await startKubeStateMetrics(program, processes, {
    kubeconfig: await processes.writeKubeconfig('metrics', await kubeconfigOfAccount()),
    config: (findManifest(component, 'ConfigMap', 'kleym-kube-state-metrics')['data'] as Config)[
      'kleym.yaml'
    ],
  });
  reconciling = silentApp(
    reconcile({
      cluster: connect({ kubeConfig: await kleym.kubeConfigFor('reconcile') }),
      settings: exampleSettings,
      log: pino({ level: 'silent' }),
      nonce: randomUUID,
      ...nodeEventLoop,
    }),
  );
  await kleym.create({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'team-a' } });
  for (const object of [pool(), objective()]) await kleym.create(here(object));
});

afterAll(async () => {
  await processes?.end();
  await kleym?.plane.stop();
});

interface Config {
  readonly 'kleym.yaml': string;
}

/** kube-state-metrics brings its account along; here it has nothing but what the component gives it. */
async function kubeconfigOfAccount(): Promise<string> {
  const metadata = { name: 'kube-state-metrics', namespace: 'kube-system' };
  await kleym.create({ apiVersion: 'v1', kind: 'ServiceAccount', metadata });
  const asked = await kleym.must({
    method: 'POST',
    path: `${toPath({ apiVersion: 'v1', kind: 'ServiceAccount', metadata })}/token`,
    content: { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec: {} },
  });
  return kleym.plane.kubeconfigFor((asked as Stored & { status: { token: string } }).status.token);
}

const here = (object: Manifest): Manifest => ({
  ...object,
  metadata: { ...object.metadata, namespace: 'team-a' },
});
const edit = (object: Manifest, content: object, who: object = {}) =>
  kleym.must({ method: 'PATCH', path: toPath(object), content, ...who });
const remove = (object: Manifest, who: object = {}) =>
  kleym.must({ method: 'DELETE', path: toPath(object), ...who });

/** Tells reconcile of bindings; returns its status. */
async function tellReconcile(names: readonly string[]): Promise<number> {
  const attributes = { type: bindingsAffectedType, id: randomUUID() };
  const data = { bindings: [{ namespace: 'team-a', names }] };
  return (await postEvent(reconciling, { attributes, data })).status;
}

/** Tells reconcile of bindings until it has nothing more to say of them. */
async function settle(...names: readonly string[]): Promise<void> {
  for (let round = 1; round <= 10; round += 1) {
    if ((await tellReconcile(names)) === 204) return;
  }
  throw new Error(`${names.join(', ')} did not settle`);
}

async function outputOf(name: string): Promise<Stored> {
  const { items } = (await kleym.must({ method: 'GET', path: outputsPath })) as Stored & { items: Stored[] };
  const found = items.find(({ spec }) => (spec as { hint?: string }).hint === `team-a/${name}`);
  if (!found) throw new Error(`${name} has no output`);
  return { ...found, apiVersion: 'spire.spiffe.io/v1alpha1', kind: 'ClusterSPIFFEID' };
}

/** As SPIRE Controller Manager writes it. */
async function writeStats(of: Stored, counted: object): Promise<void> {
  const zero = { namespacesSelected: 1, namespacesIgnored: 0, podsSelected: 0, podEntryRenderFailures: 0 };
  const stats = { ...zero, entriesMasked: 0, entriesToSet: 0, entryFailures: 0, ...counted };
  await kleym.must({ method: 'PATCH', path: `${toPath(of)}/status`, content: { status: { stats } } });
}

const read = (name: string) => kleym.must({ method: 'GET', path: toPath(here(binding(name))) });

/** Since when a condition is as it is: they do not all change at once. */
async function readSince(name: string): Promise<(type: string) => number> {
  const { status } = (await read(name)) as Stored & { status: BindingStatus };
  return (type) => {
    const condition = status.conditions?.find((one) => one.type === type);
    return toSeconds(condition?.lastTransitionTime);
  };
}

function createdAt({ metadata }: Stored): number {
  return toSeconds((metadata as { creationTimestamp?: string }).creationTimestamp);
}

function toSeconds(time: string | undefined): number {
  return Date.parse(String(time)) / 1000;
}

const kinds: Readonly<Record<string, string>> = {
  kleym_binding:
    'customresource_group="kleym.sonda.red",customresource_kind="InferenceIdentityBinding",customresource_version="v1alpha1",',
  kleym_output:
    'customresource_group="spire.spiffe.io",customresource_kind="ClusterSPIFFEID",customresource_version="v1alpha1",',
};

/** The samples that are about one object; without the labels that kube-state-metrics puts into every line. */
async function samplesOf(prefix: string, label: string): Promise<string[]> {
  const lines = (await metrics.scrape()).split('\n').filter((line) => line.startsWith(`${prefix}_`));
  const kind = kinds[prefix] ?? '';
  for (const line of lines) expect(line).toContain(kind);
  return lines
    .map((line) => line.replace(kind, ''))
    .filter((line) => line.includes(label))
    .map((line) => line.replace(/\S+$/, (value) => String(Number(value))))
    .toSorted();
}

/** Waits until these are the samples about an object. */
async function shows(prefix: string, label: string, expected: readonly string[]): Promise<void> {
  await eventually(async () => {
    expect(await samplesOf(prefix, label)).toEqual(expected.toSorted());
  }, 30_000);
}

/** Waits until these are among the samples about a binding. */
async function showsAmong(name: string, expected: readonly string[]): Promise<void> {
  await eventually(async () => {
    const samples = await samplesOf('kleym_binding', `{binding="${name}",`);
    expect(samples).toEqual(expect.arrayContaining([...expected]));
  }, 30_000);
}

const showsBinding = (name: string, expected: readonly string[]) =>
  shows('kleym_binding', `{binding="${name}",`, expected);

test('a binding that is ready shows what it asks for, that it has it, and since when', async () => {
  const created = await kleym.create(here(binding('good')));
  await settle('good');
  const since = await readSince('good');
  const labels = 'binding="good",namespace="team-a"';
  const condition = `kleym_binding_condition_last_transition_timestamp_seconds{${labels}`;
  await showsBinding('good', [
    `kleym_binding_creation_timestamp_seconds{binding="good",mode="PerObjective",namespace="team-a",objective="objective-a",pool="pool-a",service_account="inference-sa"} ${createdAt(created)}`,
    `kleym_binding_ready{${labels}} 1`,
    `kleym_binding_generation{${labels}} 1`,
    `kleym_binding_observed_generation{${labels}} 1`,
    `${condition},reason="Reconciled",status="True",type="Ready"} ${since('Ready')}`,
    ...['Conflict', 'InvalidRef', 'UnsafeSelector', 'RenderFailure'].map(
      (type) => `${condition},reason="Resolved",status="False",type="${type}"} ${since(type)}`,
    ),
  ]);
});

test('a binding that was not reconciled is not ready, and its spec is ahead of its status', async () => {
  const created = await kleym.create(here(poolBinding('unseen', { serviceAccountName: 'unseen' })));
  const labels = 'binding="unseen",namespace="team-a"';
  await showsBinding('unseen', [
    `kleym_binding_creation_timestamp_seconds{binding="unseen",mode="PoolOnly",namespace="team-a",pool="pool-a",service_account="unseen"} ${createdAt(created)}`,
    `kleym_binding_ready{${labels}} 0`,
    `kleym_binding_generation{${labels}} 1`,
    `kleym_binding_observed_generation{${labels}} 0`,
  ]);
});

test('a binding that was edited since is still ready, and its spec is ahead of its status', async () => {
  await kleym.create(here(binding('edited', { serviceAccountName: 'edited' })));
  await settle('edited');
  await edit(here(binding('edited')), { spec: { containerName: 'other' } });
  const labels = 'binding="edited",namespace="team-a"';
  await showsAmong('edited', [
    `kleym_binding_ready{${labels}} 1`,
    `kleym_binding_generation{${labels}} 2`,
    `kleym_binding_observed_generation{${labels}} 1`,
  ]);
});

test('a binding without a pool shows why it is not ready, and what was not evaluated', async () => {
  await kleym.create(here(binding('lost', { poolRef: { name: 'nowhere' }, serviceAccountName: 'lost' })));
  await settle('lost');
  const since = await readSince('lost');
  const labels = 'binding="lost",namespace="team-a"';
  const condition = `kleym_binding_condition_last_transition_timestamp_seconds{${labels}`;
  await showsAmong('lost', [
    `kleym_binding_ready{${labels}} 0`,
    `${condition},reason="TargetPoolNotFound",status="False",type="Ready"} ${since('Ready')}`,
    `${condition},reason="TargetPoolNotFound",status="True",type="InvalidRef"} ${since('InvalidRef')}`,
    `${condition},reason="NotEvaluated",status="Unknown",type="Conflict"} ${since('Conflict')}`,
  ]);
});

test('bindings that collide show it, with their first peer', async () => {
  const names = ['rival-a', 'rival-b', 'rival-c'];
  for (const name of names) await kleym.create(here(binding(name, { serviceAccountName: 'rivals' })));
  await settle(...names);
  for (const name of names) {
    const labels = `binding="${name}",namespace="team-a"`;
    const since = await readSince(name);
    const condition = `kleym_binding_condition_last_transition_timestamp_seconds{${labels},reason="IdentityCollision"`;
    const peer = name === 'rival-a' ? 'rival-b' : 'rival-a';
    await showsAmong(name, [
      `kleym_binding_ready{binding="${name}",collides_with="${peer}",namespace="team-a"} 0`,
      `${condition},status="False",type="Ready"} ${since('Ready')}`,
      `${condition},status="True",type="Conflict"} ${since('Conflict')}`,
    ]);
  }
});

test('bindings that may overlap are ready, and name their peer', async () => {
  const image = `registry.example.org/team/model@sha256:${'a'.repeat(64)}`;
  const both = [
    binding('by-name', { serviceAccountName: 'overlap' }),
    binding('by-image', { serviceAccountName: 'overlap', containerName: '', containerImage: image }),
  ];
  for (const each of both) await kleym.create(here(each));
  await settle('by-name', 'by-image');
  await showsAmong('by-name', [
    'kleym_binding_ready{binding="by-name",namespace="team-a",overlaps_with="by-image"} 1',
  ]);
});

test('an output in deletion shows since when, and the binding that waits for it is not ready', async () => {
  await kleym.create(here(poolBinding('held', { serviceAccountName: 'held' })));
  await settle('held');
  const held = await outputOf('held');
  await edit(held, { metadata: { finalizers: [finalizer] } }, breakGlass);
  await remove(held, breakGlass);
  expect(await tellReconcile(['held'])).toBe(503);
  const { deletionTimestamp } = (await outputOf('held')).metadata;
  const since = await readSince('held');
  await shows('kleym_output', `output="${held.metadata.name}"`, [
    `kleym_output_creation_timestamp_seconds{binding="held",managed_by="kleym",namespace="team-a",output="${held.metadata.name}"} ${createdAt(held)}`,
    `kleym_output_deletion_timestamp_seconds{binding="held",managed_by="kleym",namespace="team-a",output="${held.metadata.name}"} ${toSeconds(deletionTimestamp)}`,
  ]);
  await showsAmong('held', [
    'kleym_binding_ready{binding="held",namespace="team-a"} 0',
    `kleym_binding_condition_last_transition_timestamp_seconds{binding="held",namespace="team-a",reason="Waiting",status="Unknown",type="Ready"} ${since('Ready')}`,
  ]);
});

test('a binding in deletion shows since when', async () => {
  await kleym.create(here(poolBinding('leaving', { serviceAccountName: 'leaving' })));
  await settle('leaving');
  await remove(here(poolBinding('leaving')));
  const { deletionTimestamp } = (await read('leaving')).metadata;
  const labels = 'binding="leaving",namespace="team-a"';
  await showsAmong('leaving', [
    `kleym_binding_deletion_timestamp_seconds{${labels}} ${toSeconds(deletionTimestamp)}`,
    `kleym_binding_generation{${labels}} 2`,
    `kleym_binding_observed_generation{${labels}} 1`,
  ]);
});

test('an output shows what SPIRE Controller Manager counted, under the full name of its binding', async () => {
  const name = `long-${'x'.repeat(70)}`;
  await kleym.create(here(poolBinding(name, { serviceAccountName: 'long' })));
  await settle(name);
  const made = await outputOf(name);
  const labels = `binding="${name}",managed_by="kleym",namespace="team-a",output="${made.metadata.name}"`;
  const counted = { podsSelected: 5, entriesToSet: 4, entriesMasked: 3, entryFailures: 2 };
  await shows('kleym_output', `output="${made.metadata.name}"`, [
    `kleym_output_creation_timestamp_seconds{${labels}} ${createdAt(made)}`,
  ]);
  await writeStats(made, { ...counted, podEntryRenderFailures: 1 });
  await shows('kleym_output', `output="${made.metadata.name}"`, [
    `kleym_output_creation_timestamp_seconds{${labels}} ${createdAt(made)}`,
    `kleym_output_pods_selected{${labels}} 5`,
    `kleym_output_entries_to_set{${labels}} 4`,
    `kleym_output_entries_masked{${labels}} 3`,
    `kleym_output_entry_failures{${labels}} 2`,
    `kleym_output_pod_entry_render_failures{${labels}} 1`,
  ]);
});

test("somebody else's ClusterSPIFFEID is told from ours", async () => {
  const created = await kleym.create(output('platform', { className: 'spire-mgmt-spire' }));
  await shows('kleym_output', 'output="platform"', [
    `kleym_output_creation_timestamp_seconds{class_name="spire-mgmt-spire",output="platform"} ${createdAt(created)}`,
  ]);
});

test('deleted objects are not shown any more', async () => {
  await remove(here(binding('unseen')));
  await showsBinding('unseen', []);
});

describe('kube-state-metrics', () => {
  test('names only types that Prometheus can read in the plain text format', async () => {
    const types = (await metrics.scrape()).split('\n').filter((line) => line.startsWith('# TYPE '));
    expect(types.length).toBeGreaterThan(0);
    expect(types.filter((line) => !line.endsWith(' gauge'))).toEqual([]);
  });

  test('logs no error about the file and the objects', async () => {
    const log = await metrics.log();
    expect(log).toContain('Custom resource state');
    expect(log.split('\n').filter((line) => /^[EF]\d{4} /.test(line))).toEqual([]);
  });

  test('uses all its permissions, and needs no others', async () => {
    const audit = (await kleym.plane.audit()).filter(({ user }) => user.username === account);
    expect(audit.filter(({ responseStatus }) => (responseStatus?.code ?? 0) >= 400)).toEqual([]);
    const asked = audit.flatMap(({ objectRef, verb }) =>
      objectRef ? [`${verb} ${objectRef.resource}.${objectRef.apiGroup ?? ''}`] : [],
    );
    const granted = Object.entries(permissionsOf(component, 'kube-state-metrics')).flatMap(
      ([resource, verbs]) => verbs.map((verb) => `${verb} ${resource}`),
    );
    expect([...new Set(asked)].toSorted()).toEqual(granted.toSorted());
  });
});

describe('the alerts', () => {
  const rule = findManifest(readManifests('components/monitoring-alerts'), 'PrometheusRule', 'kleym');

  test("are accepted by Prometheus Operator's CRD with strict validation", async () => {
    await kleym.create(await readPrometheusRuleDefinition(process.env));
    await eventually(async () => {
      const path = `${toListPath(rule)}?dryRun=All&fieldValidation=Strict`;
      expect(await kleym.ask({ method: 'POST', path, content: rule })).toMatchObject({ status: 201 });
    }, 30_000);
  });
});
