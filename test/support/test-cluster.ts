import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { startCluster } from '@kleym/kube-api';
import { KubeConfig } from '@kubernetes/client-node';
import { type CloudEvent, HTTP } from 'cloudevents';
import { pino } from 'pino';
import { afterAll, expect } from 'vitest';
import { parse } from 'yaml';
import { readDefinitions } from '../../local/crds/definitions.ts';
import { toPingEvent } from '../../local/eventing/ping-event.ts';
import { startStack } from '../../local/start/stack.ts';
import type { BindingStatus } from '../../shared/api/binding.ts';
import type { FailureCondition } from '../../shared/api/condition-types.ts';
import type { Settings } from '../../shared/identity/settings.ts';
import { binding, output } from './manifests.ts';
import { type FaultProxy, startFaultProxy } from './fault-proxy.ts';
import { type Manifest, type KubeClient, KubeError, type Stored, createKubeClient } from './kube-client.ts';

/** The settings of a stack in tests, where a test does not say otherwise. */
export const testSettings: Settings = {
  trustDomain: 'kleym.sonda.red',
  className: undefined,
  namespaceSelector: true,
  overlapPolicy: 'report',
};

/** An API server for a test file: embedded, or a real one. */
export interface TestCluster {
  readonly kube: KubeClient;
  /** Where the API server can be asked without credentials. */
  readonly url: string;
  readonly kubeConfig: KubeConfig;
  /** A kubeconfig as a file has it. */
  readonly kubeconfigText: string;
  /** Everything that Knative runs for us, on a door to the API server at which the test may stand. */
  startStack(settings?: Partial<Settings>): Promise<RunningStack>;
  /** The same, but nothing is swept unasked: what happens, happens because of events. */
  startQuietStack(settings?: Partial<Settings>): Promise<RunningStack>;
  /** A new namespace. */
  namespace(): Promise<TestNamespace>;
}

export interface RunningStack {
  readonly proxy: FaultProxy;
  /** Where the functions take events, by name. */
  readonly urls: Readonly<Record<string, string>>;
  /** Where the console is. */
  readonly consoleUrl: string;
  /** What a tick of the PingSource does. */
  sweep(): void;
  /** Asks the sweep directly: 204 where everything is settled. */
  sweepNow(): Promise<number>;
  stop(): Promise<void>;
}

/** A namespace in which a test lives. */
export interface TestNamespace {
  readonly name: string;
  create(...objects: readonly Manifest[]): Promise<Stored[]>;
  edit(object: Manifest, patch: object): Promise<Stored>;
  delete(...objects: readonly Manifest[]): Promise<void>;
  get(object: Manifest): Promise<Stored>;
  isGone(object: Manifest): Promise<boolean>;
  /** What the conditions of a binding say about its present generation, as `status reason`. */
  said(name: string): Promise<Record<string, string>>;
  status(name: string): Promise<BindingStatus>;
  /** The outputs of all bindings here, or of one. */
  outputs(name?: string): Promise<Stored[]>;
  /** Waits until a binding is ready and has one output, which it returns. */
  ready(name: string): Promise<Stored>;
  /** Waits until a binding is refused and has no output; returns the message. */
  refused(name: string, condition: FailureCondition, reason: string): Promise<string>;
  /** Waits until a binding and its outputs are gone. */
  gone(name: string): Promise<void>;
  /** The Kubernetes Events about a binding, as `type reason`, in the order of their time. */
  events(name: string): Promise<{ said: string; note: string }[]>;
}

/** Starts the API server of a test file, which ends with the file; or finds the one of a kubeconfig, by default that of KLEYM_TEST_KUBECONFIG. */
export async function useCluster(file = process.env['KLEYM_TEST_KUBECONFIG']): Promise<TestCluster> {
  if (file !== undefined && process.env['KLEYM_TEST_INSTALLED'] === 'true') return useInstalled(file);
  const { kubeConfig, text, close, url } = file === undefined ? await startEmbedded() : await reach(file);
  const kube = createKubeClient(url);
  const places: string[] = [];
  const stacks = new Set<RunningStack>();
  afterAll(async () => {
    await Promise.all([...stacks].map((stack) => stack.stop()));
    // What is left behind would be looked after by the stacks of the files that come after this one.
    if (file !== undefined) await Promise.all(places.map((name) => clear(kube, name)));
    await close();
  });
  async function start(settings: Partial<Settings> = {}, sweepOnGap: boolean): Promise<RunningStack> {
    const stack: RunningStack = await startOn(kubeConfig, { ...testSettings, ...settings }, sweepOnGap, () =>
      stacks.delete(stack),
    );
    stacks.add(stack);
    return stack;
  }
  return {
    kube,
    url,
    kubeConfig,
    kubeconfigText: text,
    startStack: (settings) => start(settings, true),
    startQuietStack: (settings) => start(settings, false),
    namespace: async () => {
      const name = `t-${randomBytes(5).toString('hex')}`;
      await kube.create({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } });
      places.push(name);
      return createTestNamespace(kube, name);
    },
  };
}

/** What the namespaces are labelled with that were made before the tests, because a new one restarts Knative's adapters. */
export const placeLabel = 'test.kleym.sonda.red/place';

/** A cluster on which kleym runs as it was installed: nothing is started, and only what happens outside can be seen. */
async function useInstalled(file: string): Promise<TestCluster> {
  const kubeConfig = new KubeConfig();
  kubeConfig.loadFromFile(file);
  const proxy = await startFaultProxy(kubeConfig);
  const kube = createKubeClient(proxy.url, throughBreakGlass);
  const free = await kube.list({ apiVersion: 'v1', kind: 'Namespace', labelSelector: `${placeLabel}=free` });
  const places: string[] = [];
  afterAll(async () => {
    const { apiVersion, kind } = binding();
    for (const namespace of places)
      for (const left of await kube.list({ apiVersion, kind, namespace }).catch(whereUnserved))
        await kube.delete(left);
    await proxy.close();
  });
  const stack: RunningStack = {
    get proxy(): FaultProxy {
      throw new Error('nobody can stand between an installed function and its API server');
    },
    urls: {},
    get consoleUrl(): string {
      throw new Error('an installed console is reached through the cluster only');
    },
    sweep: () => void sendToBroker(proxy.url, toPingEvent(tick)),
    sweepNow: () => Promise.reject(new Error('an installed function is asked through the Broker only')),
    stop: () => Promise.resolve(),
  };
  return {
    kube,
    url: proxy.url,
    kubeConfig,
    kubeconfigText: await readFile(file, 'utf8'),
    startStack: () => Promise.resolve(stack),
    startQuietStack: () => Promise.resolve(stack),
    namespace: async () => {
      const place = free.pop();
      if (!place) throw new Error('there are too few namespaces: more must be made at the installation');
      await kube.edit(place, { metadata: { labels: { [placeLabel]: 'taken' } } });
      places.push(place.metadata.name);
      return createTestNamespace(kube, place.metadata.name);
    },
  };
}

/** Of a kind that is not served any more, nothing is left. */
function whereUnserved(error: unknown): Stored[] {
  if (error instanceof KubeError && error.status === 404) return [];
  throw error;
}

/** What the admission policies let nobody do but reconcile, people do by breaking the glass. */
async function throughBreakGlass(url: string, init: RequestInit): Promise<Response> {
  const isForbidden = init.method !== 'GET' && /clusterspiffeids|inferenceidentitybindings/.test(url);
  if (!isForbidden) return await fetch(url, init);
  const headers = new Headers(init.headers);
  headers.set('impersonate-user', 'kleym-test');
  headers.set('impersonate-group', 'kleym:break-glass');
  return await fetch(url, { ...init, headers });
}

/** Posts an event to the Broker of an installed kleym, through the API server. */
async function sendToBroker(apiServer: string, event: CloudEvent<unknown>): Promise<void> {
  const ingress =
    '/api/v1/namespaces/knative-eventing/services/http:broker-ingress:80/proxy/kleym-system/kleym';
  const { headers, body } = HTTP.binary(event);
  const response = await fetch(`${apiServer}${ingress}`, {
    method: 'POST',
    headers: headers as Record<string, string>,
    body: body as string,
  });
  if (response.status !== 202)
    throw new Error(`the Broker answered ${response.status}: ${await response.text()}`);
}

interface Reached {
  readonly kubeConfig: KubeConfig;
  readonly text: string;
  /** Where the API server can be asked without credentials. */
  readonly url: string;
  readonly close: () => Promise<void>;
}

async function startEmbedded(): Promise<Reached> {
  const cluster = await startCluster({ crds: await readDefinitions() });
  const text = cluster.kubeconfig();
  const kubeConfig = new KubeConfig();
  kubeConfig.loadFromString(text);
  return { kubeConfig, text, url: cluster.url, close: () => cluster.close() };
}

async function reach(file: string): Promise<Reached> {
  const kubeConfig = new KubeConfig();
  kubeConfig.loadFromFile(file);
  const proxy = await startFaultProxy(kubeConfig);
  const kube = createKubeClient(proxy.url);
  // A file before this one may have left other ones behind.
  for (const text of await readDefinitions()) await installDefinition(kube, parse(text) as Manifest);
  await eventually(() => isChecked(kube));
  return { kubeConfig, text: await readFile(file, 'utf8'), url: proxy.url, close: () => proxy.close() };
}

/** Installs a definition, and waits until its objects are served. */
export async function installDefinition(kube: KubeClient, definition: Manifest): Promise<void> {
  const { group, names, versions } = definition['spec'] as {
    readonly group: string;
    readonly names: { readonly kind: string };
    readonly versions: readonly { readonly name: string }[];
  };
  await kube.apply(definition);
  await eventually(() => kube.list({ apiVersion: `${group}/${versions[0]?.name ?? ''}`, kind: names.kind }));
}

/** The checks of a definition are in force a moment after it was written. */
async function isChecked(kube: KubeClient): Promise<void> {
  const manifest = binding('unchecked', { objectiveRef: undefined });
  const unchecked: Manifest = { ...manifest, metadata: { ...manifest.metadata, namespace: 'default' } };
  const refusal = await kube.create(unchecked).then(
    () => undefined,
    (error: unknown) => error,
  );
  if (refusal === undefined) await kube.delete(unchecked);
  expect(refusal).toMatchObject({ status: 422 });
}

/** Empties a namespace: on a bare API server nobody does so when it is deleted. */
async function clear(kube: KubeClient, namespace: string): Promise<void> {
  const { apiVersion, kind } = binding();
  for (const left of await kube.list({ apiVersion, kind, namespace })) {
    await kube.edit(left, { metadata: { finalizers: null } });
    await kube.delete(left).catch(() => undefined);
  }
  const labelSelector = `kleym.sonda.red/binding-namespace=${namespace}`;
  for (const left of await kube.list({ ...outputType, labelSelector })) {
    await kube.edit(left, { metadata: { finalizers: null } });
    await kube.delete(left).catch(() => undefined);
  }
  await kube
    .delete({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } })
    .catch(() => undefined);
}

async function startOn(
  behind: KubeConfig,
  settings: Settings,
  sweepOnGap: boolean,
  onStop: () => void,
): Promise<RunningStack> {
  const proxy = await startFaultProxy(behind);
  const stack = await startStack({
    kubeConfig: proxy.kubeConfig,
    settings,
    log: pino({ level: process.env['KLEYM_TEST_LOG'] ?? 'silent' }),
    functionsPort: 0,
    brokerPort: 0,
    sweepSeconds: 86_400,
    sweepOnGap,
  });
  await stack.sources.ready();
  const { url: consoleUrl, urls } = stack.functions;
  return {
    proxy,
    urls,
    consoleUrl,
    sweep: () => stack.broker.send(toPingEvent(tick)),
    sweepNow: async () => {
      const headers = {
        'ce-specversion': '1.0',
        'ce-id': 'tick',
        'ce-source': 'test',
        'ce-type': 'dev.knative.sources.ping',
      };
      const { status } = await fetch(urls['sweep'] ?? '', { method: 'POST', headers });
      return status;
    },
    stop: async () => {
      onStop();
      await stack.stop();
      await proxy.close();
    },
  };
}

const tick = {
  name: 'sweep',
  namespace: 'kleym-system',
  schedule: '* * * * *',
  data: undefined,
  contentType: undefined,
  extensions: {},
};

// An installed kleym may have lost an event; what was lost is found by the next sweep.
const usualPatienceMs = Number(process.env['KLEYM_TEST_PATIENCE_SECONDS'] ?? '15') * 1000;

/** Looks again and again until the look throws nothing. How long that takes is not asserted. */
export async function eventually<T>(look: () => Promise<T> | T, patienceMs = usualPatienceMs): Promise<T> {
  const deadline = performance.now() + patienceMs;
  for (let pause = 20; ; pause = Math.min(pause * 1.5, 150)) {
    try {
      return await look();
    } catch (error) {
      if (performance.now() > deadline) throw error;
      await sleep(pause);
    }
  }
}

/** What the conditions say when all is well. */
export const well = {
  Ready: 'True Reconciled',
  Conflict: 'False Resolved',
  InvalidRef: 'False Resolved',
  UnsafeSelector: 'False Resolved',
  RenderFailure: 'False Resolved',
};

/** What of an object is not status. Where SPIRE runs it writes that, and with it come other versions and managers. */
export function toWritten({ metadata, spec }: Stored): object {
  return { ...metadata, resourceVersion: undefined, managedFields: undefined, spec };
}

/** In this order bindings are evaluated; what the API server says about the output comes last. */
const evaluation = ['InvalidRef', 'UnsafeSelector', 'RenderFailure', 'Conflict'] as const;
const lastOfAll = ['OutputNameTaken', 'OutputRefused', 'OutputForbidden', 'ClusterSPIFFEIDCRDMissing'];

/** What the conditions say when one of them is the reason. */
export function refusedBy(condition: FailureCondition, reason: string): Record<string, string> {
  const at = lastOfAll.includes(reason) ? evaluation.length : evaluation.indexOf(condition);
  const others = evaluation.map((type, index) => [
    type,
    index < at ? 'False Resolved' : 'Unknown NotEvaluated',
  ]);
  return { ...Object.fromEntries(others), [condition]: `True ${reason}`, Ready: `False ${reason}` };
}

function createTestNamespace(kube: KubeClient, name: string): TestNamespace {
  const here = (object: Manifest): Manifest => ({
    ...object,
    metadata: { ...object.metadata, namespace: name },
  });
  const at = (object: Manifest): Manifest => (object.kind === 'ClusterSPIFFEID' ? object : here(object));

  async function get(object: Manifest): Promise<Stored> {
    const found = await kube.get(at(object));
    if (!found) throw new Error(`${object.kind} ${object.metadata.name} is not there`);
    return found;
  }

  async function status(bindingName: string): Promise<BindingStatus> {
    const found = await get(binding(bindingName));
    return found['status'] ?? {};
  }

  async function said(bindingName: string): Promise<Record<string, string>> {
    const { metadata, status: written } = (await get(binding(bindingName))) as Stored & {
      status?: BindingStatus;
    };
    const conditions = written?.conditions ?? [];
    const types = conditions.map(({ type }) => type);
    expect(types).toEqual(['Ready', 'Conflict', 'InvalidRef', 'UnsafeSelector', 'RenderFailure']);
    const generations = conditions.map(({ observedGeneration }) => observedGeneration);
    expect(generations).toEqual(types.map(() => metadata.generation));
    expect(written?.observedGeneration).toBe(metadata.generation);
    return Object.fromEntries(conditions.map(({ type, status: is, reason }) => [type, `${is} ${reason}`]));
  }

  async function outputs(bindingName?: string): Promise<Stored[]> {
    const all = await kube.list({
      ...outputType,
      labelSelector: `kleym.sonda.red/binding-namespace=${name}`,
    });
    if (bindingName === undefined) return all;
    return all.filter((one) => (one['spec'] as { hint?: string }).hint === `${name}/${bindingName}`);
  }

  return {
    name,
    get,
    said,
    status,
    outputs,
    create: async (...objects) => {
      const created: Stored[] = [];
      for (const object of objects) created.push(await kube.create(at(object)));
      return created;
    },
    edit: (object, patch) => kube.edit(at(object), patch),
    delete: async (...objects) => {
      for (const object of objects) await kube.delete(at(object));
    },
    isGone: async (object) => (await kube.get(at(object))) === undefined,
    ready: (bindingName) =>
      eventually(async () => {
        expect(await said(bindingName)).toEqual(well);
        const found = await outputs(bindingName);
        expect(found).toHaveLength(1);
        return found[0] as Stored;
      }),
    refused: (bindingName, condition, reason) =>
      eventually(async () => {
        expect(await said(bindingName)).toEqual(refusedBy(condition, reason));
        expect(await outputs(bindingName)).toEqual([]);
        const { conditions = [], claim, computedSpiffeIDs, renderedSelectors } = await status(bindingName);
        expect({ claim, computedSpiffeIDs, renderedSelectors }).toEqual({});
        return conditions[0]?.message ?? '';
      }),
    gone: (bindingName) =>
      eventually(async () => {
        expect(await kube.get(here(binding(bindingName)))).toBeUndefined();
        expect(await outputs(bindingName)).toEqual([]);
      }),
    events: async (bindingName) => {
      const all = await kube.list({ apiVersion: 'events.k8s.io/v1', kind: 'Event', namespace: name });
      return all
        .filter((event) => (event['regarding'] as { name?: string }).name === bindingName)
        .toSorted((a, b) => Number(a.metadata.resourceVersion) - Number(b.metadata.resourceVersion))
        .map((event) => ({
          said: `${event['type'] as string} ${event['reason'] as string}`,
          note: String(event['note']),
        }));
    },
  };
}

const { apiVersion, kind } = output('any');
const outputType = { apiVersion, kind };
