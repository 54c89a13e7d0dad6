import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { hasKubectl } from '@kleym/kube-api/contract/has-kubectl';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Broker, type Delivery, startBroker } from '../../local/eventing/broker.ts';
import { type Wiring, readWiring } from '../../local/eventing/wiring.ts';
import { binding, objective, oldObjective, oldPool, pool, poolBinding } from '../support/manifests.ts';
import { type Manifest, type Stored, toPath } from '../support/kube-client.ts';
import { findManifest, manifestsFolder, readManifests } from '../support/kustomization.ts';
import { type TestNamespace, type TestCluster, eventually, useCluster } from '../support/test-cluster.ts';
import { type BundledFunctions, startBundledFunctions } from './bundled-functions.ts';
import type { AuditEvent } from './control-plane.ts';
import { type InstalledKleym, installKleym } from './installed-kleym.ts';
import { type KeptProcess, type KeptProcesses, openKeptProcesses } from './kept-processes.ts';
import { startOtlpReceiver } from '../support/otlp-receiver.ts';
import { type KnativePrograms, provideKnativePrograms } from './knative-programs.ts';
import { createPingSource, startPingAdapter, startReceiveAdapter } from './knative-sources.ts';

// Knative's own programs see what happens on a real API server and tell the bundles, each a process with the token of
// its own account. Ours in between is the Broker alone. Nothing is swept until the tests about the sweep, so whatever
// happens before happens because of an adapter's event.

const sources = [
  'bindings',
  'pools',
  'objectives',
  'outputs',
  'pools-x-k8s',
  'objectives-x-k8s',
  'objectives-k8s',
];
const components = sources.slice(4).map((name) => `components/${name}`);
const breakGlass = { user: 'alice', groups: ['system:masters', 'kleym:break-glass'] };

let programs: KnativePrograms;
beforeAll(async () => {
  programs = await provideKnativePrograms({
    env: process.env,
    say: (line) =>
      void process.stdout.write(`${line}
`),
  });
}, 900_000);

const kleym: InstalledKleym = await installKleym();
afterAll(() => kleym.plane.stop());
const kept: KeptProcesses = await openKeptProcesses('kleym-adapters');
const cluster: TestCluster = await useCluster(kleym.plane.kubeconfigFile);
const { kube } = cluster;
const here: TestNamespace = await cluster.namespace();
const wiring: Wiring = await readWiring(['base', ...components].map((name) => join(manifestsFolder, name)));

// All of them record, and send here.
const receiver = await startOtlpReceiver();
afterAll(() => receiver.close());

const deliveries: Delivery[] = [];
const adapters = new Map<string, KeptProcess>();
let functions: BundledFunctions;
let broker: Broker | undefined;

beforeAll(async () => {
  const manifests = readManifests('base', ...components);
  for (const object of readManifests(...components)) {
    if (object.kind === 'ServiceAccount' || object.apiVersion.startsWith('rbac.')) await kleym.create(object);
  }
  const kubeconfigFor = async (name: string) => {
    const account = findManifest(manifests, 'ServiceAccount', name);
    return account['automountServiceAccountToken'] === false ? undefined : await kubeconfigOf(name);
  };
  const telemetry = { OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url };
  functions = await startBundledFunctions(kept, kubeconfigFor, telemetry);
  broker = await startBroker({
    wiring,
    subscribers: functions.urls,
    onDelivery: (delivery) => deliveries.push(delivery),
  });
  for (const { name } of wiring.sources) await startAdapter(name);
  await here.create(...canaries);
  for (const canary of canaries) await untilTold(canary);
  await untilTold(await here.ready('canary'));
});
afterAll(async () => {
  await broker?.close();
  await kept.end();
  // Nobody is left who would let them go, and the policies let nobody else.
  for (const { metadata } of await kube.list({ ...binding(), namespace: here.name })) {
    const content = { metadata: { finalizers: null } };
    const path = toPath({ ...binding(), metadata });
    await kleym.must({ method: 'PATCH', path, content, ...breakGlass });
  }
});

/** What is touched to find out whether somebody watches; the output of the binding is the fifth. */
const canaries = [
  pool('canary'),
  objective('canary', { name: 'canary' }),
  oldPool('canary-x'),
  oldObjective('canary-x', { name: 'canary-x' }),
  poolBinding('canary', { poolRef: { name: 'canary' }, serviceAccountName: 'canary' }),
];

async function kubeconfigOf(account: string): Promise<string> {
  const config = await kleym.kubeConfigFor(account);
  return await kept.writeKubeconfig(account, config.exportConfig());
}

async function startAdapter(name: string): Promise<void> {
  const source = wiring.sources.find((one) => one.name === name);
  if (!source) throw new Error(`there is no source ${name}`);
  const namespaces = await kube.list({ apiVersion: 'v1', kind: 'Namespace' });
  const kubeconfig = await kubeconfigOf(accountOf(name));
  const sink = broker?.url ?? '';
  const surroundings = { programs, processes: kept, kubeconfig, sink, otlp: receiver.url };
  adapters.set(
    name,
    await startReceiveAdapter(
      source,
      namespaces.map(({ metadata }) => metadata.name),
      surroundings,
    ),
  );
}

function accountOf(source: string): string {
  const { spec } = findManifest(readManifests('base', ...components), 'ApiServerSource', source);
  return (spec as { serviceAccountName: string }).serviceAccountName;
}

async function killAdapters(...names: readonly string[]): Promise<void> {
  await Promise.all(names.map(async (name) => await adapters.get(name)?.kill('SIGKILL')));
}

/** The events that the Broker has delivered about an object. */
function eventsAbout({ apiVersion, kind, metadata }: Manifest): Delivery[] {
  return deliveries.filter(({ event: { attributes: is }, attempt }) => {
    const isMeant = is['apiversion'] === apiVersion && is['kind'] === kind && is['name'] === metadata.name;
    return isMeant && attempt === 1;
  });
}

async function tailOf(name: string): Promise<string> {
  const state = adapters.get(name)?.isRunning() === true ? 'runs' : 'ended';
  return `${state}; ${(await kept.read(name)).trim().split('\n').slice(-3).join('\n')}`;
}

let touches = 0;

/** That an adapter is ready says nothing. That it watches is known when it tells of a change. */
async function untilTold(object: Manifest, patienceMs = 30_000): Promise<void> {
  const before = eventsAbout(object).length;
  await eventually(async () => {
    touches += 1;
    await here.edit(object, { metadata: { annotations: { 'example.org/touched': String(touches) } } });
    await sleep(200);
    if (eventsAbout(object).length > before) return;
    const said = await Promise.all(
      [...adapters.keys()].map(async (name) => `${name}: ${await tailOf(name)}`),
    );
    throw new Error(`nobody told of ${object.kind} ${object.metadata.name}; ${said.join('\n')}`);
  }, patienceMs);
}

/** As people do it; where there is no kubectl, with the request that it would send. */
const apply: (object: Manifest) => Promise<unknown> = hasKubectl()
  ? applyWithKubectl
  : (object) => kube.apply(at(object));

function at(object: Manifest): Manifest {
  return { ...object, metadata: { ...object.metadata, namespace: here.name } };
}

async function applyWithKubectl(object: Manifest): Promise<void> {
  const args = ['--kubeconfig', kleym.plane.kubeconfigFile, 'apply', '-f', '-'];
  const env = { ...process.env, HOME: kept.folder };
  await new Promise<void>((resolve, reject) => {
    const kubectl = execFile('kubectl', args, { env }, (error) => (error ? reject(error) : resolve()));
    kubectl.stdin?.end(JSON.stringify(at(object)));
  });
}

function spiffeIdOf({ spec }: Stored): string {
  return (spec as { spiffeIDTemplate: string }).spiffeIDTemplate;
}

/** Waits until the output of a binding selects pods by this value of the label `app`. */
async function untilSelecting(name: string, app: string, patienceMs?: number): Promise<Stored> {
  return await eventually(async () => {
    const found = await here.ready(name);
    const { podSelector } = found['spec'] as { podSelector: { matchLabels: Record<string, string> } };
    expect(podSelector.matchLabels).toEqual({ app });
    return found;
  }, patienceMs);
}

/** Until no span has come for longer than a function keeps them. */
async function untilSilent(): Promise<void> {
  let before: number;
  do {
    before = receiver.spans.length;
    await sleep(5_000);
  } while (receiver.spans.length > before);
}

describe("Knative's adapter leads to ClusterSPIFFEIDs", () => {
  afterAll(() => remove('binding-a', 'binding-b'));

  test("With only Knative's adapter, the API server and the built bundles as separate processes: a binding applied with kubectl is Ready, edited, conflicted, healed and deleted", async () => {
    expect([...functions.processes.keys()]).toHaveLength(6);
    await apply(pool());
    await apply(objective());
    await apply(objective('objective-b'));
    await apply(binding());
    expect(spiffeIdOf(await here.ready('binding-a'))).toBe(
      `spiffe://example.org/ns/${here.name}/objective/objective-a`,
    );

    await apply(binding('binding-a', { objectiveRef: { name: 'objective-b' } }));
    const moved = await eventually(async () => {
      const found = await here.ready('binding-a');
      expect(spiffeIdOf(found)).toBe(`spiffe://example.org/ns/${here.name}/objective/objective-b`);
      return found;
    });

    await apply(binding('binding-b'));
    await here.refused('binding-a', 'Conflict', 'IdentityCollision');
    await here.refused('binding-b', 'Conflict', 'IdentityCollision');
    await here.delete(binding('binding-b'));
    await here.gone('binding-b');
    const back = await here.ready('binding-a');
    expect({ ...(back['spec'] as object) }).toEqual(moved['spec']);

    await kleym.must({ method: 'DELETE', path: toPath(back), ...breakGlass });
    await eventually(async () => {
      const again = await here.ready('binding-a');
      expect(again.metadata.uid).not.toBe(back.metadata.uid);
      expect(again['spec']).toEqual(back['spec']);
    });

    await here.delete(binding());
    await here.gone('binding-a');
    expect([...functions.processes.values(), ...adapters.values()].every((one) => one.isRunning())).toBe(
      true,
    );
  });

  test('a pool that is edited, deleted and created again changes, withdraws and restores the identity', async () => {
    await here.create(binding());
    await here.ready('binding-a');
    await here.edit(pool(), { spec: { selector: { matchLabels: { app: 'other-server' } } } });
    await untilSelecting('binding-a', 'other-server');
    await here.delete(pool());
    await here.refused('binding-a', 'InvalidRef', 'TargetPoolNotFound');
    await here.create(pool());
    await untilSelecting('binding-a', 'model-server');
  });

  test('one trace leads from the event of the adapter to the last write', async () => {
    await here.create(pool('traced'), objective('traced', { name: 'traced' }));
    await here.create(
      binding('traced', {
        poolRef: { name: 'traced' },
        objectiveRef: { name: 'traced' },
        serviceAccountName: 'traced',
      }),
    );
    await here.ready('traced');
    // A request that comes while a run is under way joins it, and the writes are in the trace of the run.
    await untilSilent();
    await here.edit(pool('traced'), { spec: { selector: { matchLabels: { app: 'traced-too' } } } });
    const [server, client] = [2, 3];
    await eventually(async () => {
      const mapped = receiver.spans.find(
        ({ service, kind, attributes }) =>
          service === 'map-pool' &&
          kind === server &&
          attributes['kleym.object.name'] === 'traced' &&
          attributes['cloudevents.event_type'] === 'dev.knative.apiserver.resource.update',
      );
      const trace = receiver.spans.filter(({ traceId }) => traceId === mapped?.traceId);
      const [sent, ...others] = trace.filter(({ parentSpanId }) => parentSpanId === '');
      expect({ name: sent?.service, others }).toEqual({ name: 'apiserversource', others: [] });
      const reconciled = trace.find(({ service, kind }) => service === 'reconcile' && kind === server);
      const writes = trace.filter(
        ({ parentSpanId, kind, name }) =>
          parentSpanId === reconciled?.spanId && kind === client && name.startsWith('PUT '),
      );
      expect(writes.map(({ attributes }) => attributes['http.response.status_code'])).toEqual([
        200, 200, 200,
      ]);
    });
  });

  test('an objective that is deleted, created and edited withdraws, restores and withdraws the identity', async () => {
    await here.delete(objective());
    await here.refused('binding-a', 'InvalidRef', 'TargetObjectiveNotFound');
    await here.create(objective());
    await here.ready('binding-a');
    await here.edit(objective(), { spec: { poolRef: { name: 'canary' } } });
    await here.refused('binding-a', 'InvalidRef', 'InvalidObjectiveRef');
    await here.edit(objective(), { spec: { poolRef: { name: 'pool-a' } } });
    await here.ready('binding-a');
  });

  test('an output that somebody edits is restored', async () => {
    const right = await here.ready('binding-a');
    const evil = { spec: { spiffeIDTemplate: 'spiffe://example.org/evil' } };
    await kleym.must({ method: 'PATCH', path: toPath(right), content: evil, ...breakGlass });
    await eventually(async () => {
      const [found] = await here.outputs('binding-a');
      expect(found?.metadata.resourceVersion).not.toBe(right.metadata.resourceVersion);
      expect(found?.['spec']).toEqual(right['spec']);
    });
  });

  test('the components for the older group deliver events of its pools and objectives', async () => {
    await here.create(
      oldPool('old', { app: 'old' }),
      oldObjective('old', { name: 'old', group: 'inference.networking.x-k8s.io' }),
    );
    const spec = { poolRef: { name: 'old' }, objectiveRef: { name: 'old' }, serviceAccountName: 'old-sa' };
    await here.create(binding('binding-b', spec));
    await untilSelecting('binding-b', 'old');
    await here.edit(oldPool('old'), { spec: { selector: { app: 'older' } } });
    await untilSelecting('binding-b', 'older');
    await here.delete(oldObjective('old'));
    await here.refused('binding-b', 'InvalidRef', 'TargetObjectiveNotFound');
  });
});

async function remove(...names: readonly string[]): Promise<void> {
  for (const name of names) {
    if (!(await here.isGone(binding(name)))) await here.delete(binding(name));
    await here.gone(name);
  }
}

describe('sources', () => {
  test('a source whose kind is not served is silent and disturbs no other', async () => {
    expect(adapters.get('objectives-k8s')?.isRunning()).toBe(true);
    expect(await kept.read('objectives-k8s')).toContain('inferenceobjectives');
    expect(
      deliveries.filter(({ event }) => event.attributes['apiversion'] === 'inference.networking.k8s.io/v1'),
    ).not.toEqual([]);
  });

  test('while nothing happens for a minute, the audit log has nothing of ours but watches', async () => {
    await untilQuiet();
    const before = await kleym.plane.audit();
    expect(counted(before, 'reconcile')).toBeGreaterThan(20);
    const known = deliveries.length;

    await sleep(60_000);
    const during = (await kleym.plane.audit()).slice(before.length);
    expect(
      during.map(describeRequest).filter((text) => !/^source-[-a-z0-9]+ watch \S+ 200$/.test(text)),
    ).toEqual([]);
    expect(deliveries.slice(known)).toEqual([]);
  }, 180_000);

  test('an adapter that was killed sends no events of what happened meanwhile, but of what happens later', async () => {
    await killAdapters('pools');
    await here.create(pool('unseen'));
    await startAdapter('pools');
    await untilTold(pool('canary'));
    expect(eventsAbout(pool('unseen'))).toEqual([]);
    await here.delete(pool('unseen'));
    await eventually(() => expect(eventsAbout(pool('unseen'))).toHaveLength(1));
  });
});

/** Waits until ours have sent no request for two seconds. */
async function untilQuiet(): Promise<void> {
  await broker?.idle();
  await eventually(async () => {
    const before = (await kleym.plane.audit()).length;
    await sleep(2000);
    expect(await kleym.plane.audit()).toHaveLength(before);
  }, 30_000);
}

function counted(events: readonly AuditEvent[], account: string): number {
  return events.filter(({ user }) => user.username === `system:serviceaccount:kleym-system:${account}`)
    .length;
}

function describeRequest({ user, verb, objectRef, responseStatus }: AuditEvent): string {
  const account = user.username.split(':').at(-1);
  return `${account} ${verb} ${objectRef?.resource} ${responseStatus?.code}`;
}

describe('the sweep finds what no adapter sent', () => {
  let ticking: Manifest;
  beforeAll(async () => {
    await here.create(binding('edited', { serviceAccountName: 'edited-sa' }));
    await here.create(binding('deleted', { serviceAccountName: 'deleted-sa' }));
    await here.ready('edited');
    await here.ready('deleted');
    await untilQuiet();
    await killAdapters(...sources);
  });

  test('without adapters only the sweep notices a change', async () => {
    const known = deliveries.length;
    await here.create(binding('created', { serviceAccountName: 'created-sa' }));
    await here.edit(binding('edited'), { spec: { containerName: 'other' } });
    await here.delete(binding('deleted'));
    await sleep(2000);
    expect(deliveries.slice(known)).toEqual([]);
    expect((await here.get(binding('created')))['status']).toBeUndefined();
    expect(await here.isGone(binding('deleted'))).toBe(false);
  });

  test('when a PingSource ticks, everything created, edited and deleted is reconciled', async () => {
    const sink = broker?.url ?? '';
    await startPingAdapter(kube, { programs, processes: kept, kubeconfig: kleym.plane.kubeconfigFile, sink });
    const [ping] = wiring.pings;
    if (!ping) throw new Error('there is no PingSource');
    // The first of six fields is seconds.
    ticking = await createPingSource(kube, ping, { schedule: '*/3 * * * * *', sink });
    await here.ready('created');
    await here.gone('deleted');
    await eventually(async () => {
      const { workloadSelectorTemplates } = (await here.ready('edited'))['spec'] as {
        workloadSelectorTemplates: string[];
      };
      expect(workloadSelectorTemplates).toContain('k8s:container-name:other');
    });
    const swept = deliveries.filter(({ trigger }) => trigger === 'sweep');
    expect(swept.map(({ event }) => event.attributes['source'])).toContain(
      `/apis/v1/namespaces/${ping.namespace}/pingsources/${ping.name}`,
    );
    expect(swept.filter(({ outcome }) => outcome !== 'replied' && outcome !== 'delivered')).toEqual([]);
  });

  test('after a restart of the API server everything that the adapters missed is reconciled, and they watch again', async () => {
    for (const name of ['bindings', 'pools', 'outputs']) await startAdapter(name);
    await untilTold(binding('canary'));
    await untilTold(pool('canary'));
    await kleym.plane.restart();
    await eventually(() => here.create(binding('after-restart', { serviceAccountName: 'after-sa' })));
    await eventually(() => here.ready('after-restart'), 60_000);
    await kube.delete(ticking);
    await untilTold(binding('canary'), 90_000);
    await untilTold(pool('canary'), 90_000);
    expect(['bindings', 'pools', 'outputs'].map((name) => adapters.get(name)?.isRunning())).toEqual([
      true,
      true,
      true,
    ]);
  }, 240_000);
});
