import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { readWiring } from './wiring.ts';

const knative = join(import.meta.dirname, '../../knative');
const folders: string[] = [];
afterAll(async () => void (await Promise.all(folders.map((folder) => rm(folder, { recursive: true })))));

async function write(files: Record<string, string>): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'wiring-'));
  folders.push(folder);
  const { ...all } = { 'kustomization.yaml': `resources: [${Object.keys(files).join(', ')}]`, ...files };
  for (const [name, text] of Object.entries(all)) {
    await mkdir(dirname(join(folder, name)), { recursive: true });
    await writeFile(join(folder, name), text);
  }
  return folder;
}

const brokerManifest = `
apiVersion: eventing.knative.dev/v1
kind: Broker
metadata: {name: b, namespace: n}
spec:
  delivery: {retry: 3, backoffPolicy: linear, backoffDelay: PT1M0.5S, timeout: PT1H2S, deadLetterSink: {ref: {apiVersion: serving.knative.dev/v1, kind: Service, name: dead}}}
`;

function trigger(spec: string): string {
  return `
apiVersion: eventing.knative.dev/v1
kind: Trigger
metadata: {name: t, namespace: n}
spec: {broker: b, subscriber: {ref: {apiVersion: serving.knative.dev/v1, kind: Service, name: f}}${spec && `, ${spec}`}}
`;
}

test('the manifests say who receives what', async () => {
  const wiring = await readWiring([join(knative, 'base')]);
  expect(
    wiring.triggers.map(({ name, broker, subscriber }) => `${broker}: ${name} → ${subscriber.name}`),
  ).toEqual([
    'kleym: map-binding → map-binding',
    'kleym: reconcile-new-binding → reconcile',
    'kleym: map-pool → map-pool',
    'kleym: map-objective → map-objective',
    'kleym: map-output → map-output',
    'kleym: reconcile → reconcile',
    'kleym: sweep → sweep',
    'kleym-dead-letters: dead-letter-sweep → sweep',
    'kleym-dead-letters: dead-letter-reconcile → reconcile',
  ]);
  expect(wiring.entry).toEqual({ name: 'kleym', namespace: 'kleym-system' });
  expect(
    wiring.sources.map(({ apiVersion, resourceKind, allNamespaces, labelSelector }) => [
      apiVersion,
      resourceKind,
      allNamespaces,
      labelSelector,
    ]),
  ).toEqual([
    ['kleym.sonda.red/v1alpha1', 'InferenceIdentityBinding', true, undefined],
    ['inference.networking.k8s.io/v1', 'InferencePool', true, undefined],
    ['llm-d.ai/v1alpha2', 'InferenceObjective', true, undefined],
    ['spire.spiffe.io/v1alpha1', 'ClusterSPIFFEID', false, 'kleym.sonda.red/managed-by=kleym'],
  ]);
  expect(wiring.sources.every(({ mode }) => mode === 'Resource')).toBe(true);
  expect(wiring.pings).toMatchObject([{ name: 'sweep', schedule: '*/5 * * * *', data: undefined }]);
});

test('a waiting event is tried for longer than a claim of a dead run holds its rivals (120 s)', async () => {
  const { triggers } = await readWiring([join(knative, 'base')]);
  const reconcile = triggers.find(({ name }) => name === 'reconcile')?.delivery;
  const waits = Array.from(
    { length: reconcile?.retry ?? 0 },
    (_, n) => (reconcile?.backoffDelayMs ?? 0) * 2 ** n,
  );
  expect(waits.reduce((sum, wait) => sum + wait, 0)).toBeGreaterThan(120_000);
  expect(reconcile?.deadLetterSink).toEqual({ kind: 'broker', name: 'kleym-dead-letters' });
});

test('components add sources', async () => {
  const components = ['pools-x-k8s', 'objectives-x-k8s', 'objectives-k8s'];
  const wiring = await readWiring([
    join(knative, 'base'),
    ...components.map((name) => join(knative, 'components', name)),
  ]);
  expect(
    wiring.sources.slice(4).map(({ apiVersion, resourceKind }) => `${apiVersion} ${resourceKind}`),
  ).toEqual([
    'inference.networking.x-k8s.io/v1alpha2 InferencePool',
    'inference.networking.x-k8s.io/v1alpha2 InferenceObjective',
    'inference.networking.k8s.io/v1 InferenceObjective',
  ]);
});

test('an overlay is followed to its base', async () => {
  const folder = await write({
    'base/kustomization.yaml': 'resources: [b.yaml]',
    'base/b.yaml': brokerManifest,
    'kustomization.yaml': 'resources: [base]',
  });
  expect((await readWiring([folder])).brokers).toEqual([{ name: 'b', namespace: 'n' }]);
});

test("a Trigger without delivery has the Broker's", async () => {
  const { triggers } = await readWiring([await write({ 'b.yaml': brokerManifest, 't.yaml': trigger('') })]);
  expect(triggers[0]?.delivery).toEqual({
    retry: 3,
    backoffPolicy: 'linear',
    backoffDelayMs: 60_500,
    timeoutMs: 3_602_000,
    deadLetterSink: { kind: 'service', name: 'dead' },
  });
});

test("a Trigger's own delivery replaces the Broker's; only the dead letter sink falls back", async () => {
  const { triggers } = await readWiring([
    await write({ 'b.yaml': brokerManifest, 't.yaml': trigger('delivery: {backoffDelay: PT1S}') }),
  ]);
  expect(triggers[0]?.delivery).toEqual({
    retry: 0,
    backoffPolicy: 'exponential',
    backoffDelayMs: 0, // a delay without a policy is none
    timeoutMs: undefined,
    deadLetterSink: { kind: 'service', name: 'dead' },
  });
});

const source = (spec: string, sink = 'eventing.knative.dev/v1, kind: Broker, name: b') => `
apiVersion: sources.knative.dev/v1
kind: ApiServerSource
metadata: {name: s, namespace: n}
spec: {resources: [{apiVersion: v1, kind: Pod}], sink: {ref: {apiVersion: ${sink}}}${spec && `, ${spec}`}}
`;

test('a source without namespaceSelector watches its own namespace, in Reference mode', async () => {
  const { sources } = await readWiring([await write({ 'b.yaml': brokerManifest, 's.yaml': source('') })]);
  expect(sources).toMatchObject([{ namespace: 'n', allNamespaces: false, mode: 'Reference' }]);
});

const pingManifest = `
apiVersion: sources.knative.dev/v1
kind: PingSource
metadata: {name: p, namespace: n}
spec: {schedule: "hourly", sink: {ref: {apiVersion: eventing.knative.dev/v1, kind: Broker, name: b}}}
`;

test.each<[string, Record<string, string>, RegExp]>([
  [
    'a file that is not there',
    { 'kustomization.yaml': 'resources: [b.yaml, gone.yaml]', 'b.yaml': brokerManifest },
    /names .*gone\.yaml, which cannot be read/,
  ],
  [
    'no kustomization',
    { 'kustomization.yaml': 'resources: [sub]', 'sub/b.yaml': brokerManifest },
    /sub\/kustomization\.yaml cannot be read/,
  ],
  ['something that is not YAML', { 'b.yaml': 'a: [1' }, /b\.yaml is not YAML/],
  ['no Broker', { 't.yaml': trigger('') }, /expected one Broker that all sources feed, found none/],
  [
    'a Broker that is not there',
    { 'b.yaml': brokerManifest, 't.yaml': trigger('').replace('broker: b', 'broker: x') },
    /Trigger t names Broker x, found only b/,
  ],
  [
    'a filter that is not understood',
    { 'b.yaml': brokerManifest, 't.yaml': trigger('filters: [{cesql: "true"}]') },
    /t\.yaml: Trigger t is not usable: spec\.filters\.0: expected one dialect an item/,
  ],
  [
    'a field that would be ignored',
    { 'b.yaml': brokerManifest, 't.yaml': trigger('delivery: {format: json}') },
    /Trigger t is not usable: spec\.delivery: .*format/,
  ],
  [
    'a duration that is none',
    { 'b.yaml': brokerManifest.replace('PT1M0.5S', '5s') },
    /Broker b is not usable: spec\.delivery\.backoffDelay: expected an ISO 8601 duration/,
  ],
  [
    'a source that bypasses the Broker',
    { 'b.yaml': brokerManifest, 's.yaml': source('', 'serving.knative.dev/v1, kind: Service, name: f') },
    /source s has a Service as its sink/,
  ],
  [
    'a namespace selector',
    { 'b.yaml': brokerManifest, 's.yaml': source('namespaceSelector: {matchLabels: {a: b}}') },
    /only \{\} \(all namespaces\) works outside a cluster/,
  ],
  [
    'a schedule in words',
    { 'b.yaml': brokerManifest, 'p.yaml': pingManifest },
    /PingSource p is not usable: spec\.schedule: expected five cron fields/,
  ],
])('one clear error for %s', async (_, files, message) => {
  await expect(readWiring([await write(files)])).rejects.toThrow(message);
});
