import { randomUUID } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startCluster } from '@kleym/kube-api';
import { afterAll, describe, expect, onTestFinished, test } from 'vitest';
import { mapPool } from '../functions/map-pool/map-pool.ts';
import { reconcile } from '../functions/reconcile/reconcile.ts';
import { countOn } from '../functions/sweep/count-on.ts';
import { sweep } from '../functions/sweep/sweep.ts';
import { readDefinitions } from '../local/crds/definitions.ts';
import { startBroker } from '../local/eventing/broker.ts';
import { readWiring } from '../local/eventing/wiring.ts';
import { nodeEventLoop } from '../shared/concurrency/node-event-loop.ts';
import { type Handler, functionApp } from '../shared/events/function-app.ts';
import { compareText } from '../shared/identity/canonical.ts';
import { connect, loadKubeConfig } from '../shared/kube/kube-cluster.ts';
import { listen } from '../shared/runtime/serve.ts';
import { startTelemetry } from '../shared/telemetry/telemetry.ts';
import { startListening } from './support/function-process.ts';
import { shippedFunctions } from './support/functions-specification.ts';
import { type Manifest, createKubeClient } from './support/kube-client.ts';
import { binding, objective, output, pool } from './support/manifests.ts';
import type { ReceivedSpan } from './support/otlp.ts';
import { type Behaviour, startOtlpReceiver } from './support/otlp-receiver.ts';
import { recordLog } from './support/recorded-log.ts';
import { eventually, testSettings } from './support/test-cluster.ts';
import { throwError } from './support/throw-error.ts';

const root = join(import.meta.dirname, '..');
const folder = await mkdtemp(join(tmpdir(), 'kleym-trace-'));
const cluster = await startCluster({ crds: await readDefinitions() });
const kubeconfig = join(folder, 'kubeconfig');
await writeFile(kubeconfig, cluster.kubeconfig());
afterAll(async () => {
  await cluster.close();
  await rm(folder, { recursive: true });
});
const kube = createKubeClient(cluster.url);
const traceId = '4bf92f3577b34da6a3ce929d0e0e4736';
const sourceSpan = '00f067aa0ba902b7';
const traceparent = `00-${traceId}-${sourceSpan}-01`;
const [server, client] = [2, 3];

function inDefault(manifest: Manifest): Manifest {
  return { ...manifest, metadata: { ...manifest.metadata, namespace: 'default' } };
}

async function createTrio(name: string): Promise<void> {
  await kube.create(inDefault(pool(name, { app: name })));
  await kube.create(inDefault(objective(name, { name })));
  await kube.create(inDefault(binding(name, { poolRef: { name }, objectiveRef: { name } })));
}

function post(
  url: string,
  attributes: Readonly<Record<string, string>>,
  data?: object,
  headers: Readonly<Record<string, string>> = {},
): Promise<Response> {
  const own = Object.entries({ specversion: '1.0', source: '/test', ...attributes });
  return fetch(url, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      ...Object.fromEntries(own.map(([name, value]) => [`ce-${name}`, value])),
      ...headers,
    },
    body: data === undefined ? null : JSON.stringify(data),
  });
}

function toPoolEvent(id: string, name: string) {
  return {
    type: 'dev.knative.apiserver.resource.update',
    id,
    apiversion: 'inference.networking.k8s.io/v1',
    kind: 'InferencePool',
    namespace: 'default',
    name,
  };
}

type Line = Readonly<Record<string, unknown>>;

/** Three functions behind a Broker that the manifests wire, and a receiver of OTLP to which they send. */
async function startTraced() {
  const receiver = await startOtlpReceiver();
  const { log, lines } = recordLog();
  const port = connect({ kubeConfig: loadKubeConfig({ file: kubeconfig }) });
  const urls = Object.fromEntries(shippedFunctions.map((name) => [name, receiver.url]));
  const ends: (() => Promise<unknown>)[] = [];
  const serve = async (name: string, toHandler: (telemetry: Telemetry) => Handler) => {
    const telemetry = await startTelemetry({
      function: name,
      revision: `${name}-00001`,
      endpoint: receiver.url,
      sampler: 'parentbased_always_on',
      ratio: 1,
      log,
    });
    const app = functionApp(name, toHandler(telemetry), { log, startSpan: telemetry.startSpan });
    const listening = await listen(app, { port: 0, host: '127.0.0.1' }, throwError);
    urls[name] = `http://127.0.0.1:${listening.port}/`;
    ends.push(async () => {
      await listening.close(1000);
      await telemetry.close();
    });
  };
  await serve('map-pool', () => mapPool(port));
  const tools = { cluster: port, settings: testSettings, log, nonce: randomUUID, ...nodeEventLoop };
  await serve('reconcile', () => reconcile(tools));
  await serve('sweep', ({ count }) => sweep(port, testSettings, nodeEventLoop, countOn(count)));
  const broker = await startBroker({
    wiring: await readWiring([join(root, 'knative', 'base')]),
    subscribers: urls,
  });
  onTestFinished(async () => {
    await broker.close();
    await receiver.close();
  });
  return {
    receiver,
    lines: () => lines.map((line) => JSON.parse(line) as Line),
    /** Sends an event, and waits until nothing that follows from it is under way. */
    send: async (...event: Parameters<typeof post> extends [string, ...infer Event] ? Event : never) => {
      expect((await post(broker.url, ...event)).status).toBe(202);
      await broker.idle();
    },
    /** Ends the functions, which sends what they have recorded. */
    end: async () => void (await Promise.all(ends.map((one) => one()))),
  };
}
type Telemetry = Awaited<ReturnType<typeof startTelemetry>>;

const affected = { type: 'red.sonda.kleym.bindings.affected', id: 'first' };
const bindingsPath = '/apis/kleym.sonda.red/v1alpha1/namespaces/{namespace}/inferenceidentitybindings';

/** Of one kind, by who recorded them: each sends on its own. */
function ofKind(spans: readonly ReceivedSpan[], wanted: number): ReceivedSpan[] {
  return spans.filter(({ kind }) => kind === wanted).toSorted((a, b) => compareText(a.service, b.service));
}

test('one trace leads from the event of a source through the Broker to the last write', async () => {
  const { receiver, send, end, lines } = await startTraced();
  await createTrio('chat');
  await send(affected, { bindings: [{ namespace: 'default', names: ['chat'] }] });
  await kube.edit(inDefault(pool('chat')), { spec: { selector: { matchLabels: { app: 'next' } } } });
  const edited = await kube.get(inDefault(pool('chat')));
  await send(toPoolEvent('edited', 'chat'), edited, { traceparent, tracestate: 'vendor=1' });
  await end();

  const spans = receiver.spans.filter((span) => span.traceId === traceId);
  const servers = ofKind(spans, server);
  // The Broker hands the source's place in the trace on, as Knative does where it records nothing itself.
  expect(servers.map(({ service, name, parentSpanId }) => [service, name, parentSpanId])).toEqual([
    ['map-pool', 'process dev.knative.apiserver.resource.update', sourceSpan],
    ['reconcile', 'process red.sonda.kleym.bindings.affected', sourceSpan],
  ]);
  const [mapped, reconciled] = servers;
  expect(mapped?.attributes).toMatchObject({
    'cloudevents.event_id': 'edited',
    'cloudevents.event_type': 'dev.knative.apiserver.resource.update',
    'kleym.object.kind': 'InferencePool',
    'kleym.object.name': 'chat',
    'http.request.method': 'POST',
    'http.response.status_code': 200,
    'kleym.outcome': 'reply',
    'kleym.bindings': 1,
  });
  expect(reconciled?.attributes).toMatchObject({
    'http.response.status_code': 204,
    'kleym.outcome': 'nothing',
    'kleym.bindings': 1,
    'kleym.collects': 3,
    'kleym.writes': 2,
  });
  const calls = ofKind(spans, client);
  expect(new Set(calls.map(({ parentSpanId }) => parentSpanId))).toEqual(
    new Set([mapped?.spanId, reconciled?.spanId]),
  );
  expect(calls.filter(({ service }) => service === 'map-pool').map(({ name }) => name)).toEqual([
    `GET ${bindingsPath}`,
  ]);
  const writes = calls.filter(({ name }) => !name.startsWith('GET '));
  expect(writes.map(({ name, attributes }) => [name, attributes['http.response.status_code']])).toEqual([
    [`PUT ${bindingsPath}/{name}/status`, 200],
    ['PUT /apis/spire.spiffe.io/v1alpha1/clusterspiffeids/{name}', 200],
    [`PUT ${bindingsPath}/{name}/status`, 200],
    ['POST /apis/events.k8s.io/v1/namespaces/{namespace}/events', 201],
  ]);
  const logged = lines().filter((line) => line['trace_id'] === traceId);
  expect(logged).toMatchObject([
    { msg: 'handled', function: 'map-pool', span_id: mapped?.spanId },
    { msg: 'handled', function: 'reconcile', span_id: reconciled?.spanId },
  ]);
});

test('where nobody began a trace, the first function does, and its reply carries it on', async () => {
  const { receiver, send, end } = await startTraced();
  await createTrio('draft');
  // Some channels write the attributes without a value.
  const event = { ...toPoolEvent('untraced', 'draft'), traceparent: '', tracestate: '' };
  await send(event, await kube.get(inDefault(pool('draft'))));
  await end();
  const [mapped, reconciled, ...others] = ofKind(receiver.spans, server);
  expect(mapped).toMatchObject({ service: 'map-pool', parentSpanId: '' });
  expect(reconciled).toMatchObject({
    service: 'reconcile',
    traceId: mapped?.traceId,
    parentSpanId: mapped?.spanId,
  });
  expect(others).toEqual([]);
});

test('a trace that its source did not sample is handed on, and not recorded', async () => {
  const { receiver, send, end, lines } = await startTraced();
  await createTrio('quiet');
  const quiet = await kube.get(inDefault(pool('quiet')));
  await send(toPoolEvent('quiet', 'quiet'), quiet, { traceparent: `00-${traceId}-${sourceSpan}-00` });
  await end();
  expect(receiver.spans).toEqual([]);
  expect(lines().map((line) => [line['function'], line['trace_id']])).toEqual([
    ['map-pool', traceId],
    ['reconcile', traceId],
  ]);
});

test('the sweep counts what it finds, by kind', async () => {
  const { receiver, send, end } = await startTraced();
  const labels = {
    'kleym.sonda.red/managed-by': 'kleym',
    'kleym.sonda.red/binding-name': 'gone',
    'kleym.sonda.red/binding-namespace': 'default',
  };
  await kube.create(output('kleym-default-gone-pool-00000000', { hint: 'default/gone' }, { labels }));
  await send({ type: 'dev.knative.sources.ping', id: 'tick' });
  await end();
  expect(receiver.counts).toContainEqual({
    service: 'sweep',
    name: 'kleym.sweep.repairs',
    value: 1,
    attributes: { 'kleym.repair': 'orphan' },
    temporality: 1,
  });
});

/** A function as a process, which has answered an event and sent the span of it. */
async function startSending(behaviour: Behaviour) {
  const receiver = await startOtlpReceiver(behaviour);
  onTestFinished(() => receiver.close());
  const started = await startListening(join(root, 'functions', 'map-binding', 'main.ts'), {
    OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url,
  });
  const { status } = await post(`http://127.0.0.1:${started.port}/`, { id: 'a', type: 'any' }, {});
  expect(status).toBe(400);
  await eventually(async () => expect(receiver.requests).toEqual(['POST /v1/traces']));
  return started;
}

describe('a receiver that', () => {
  test('never answers keeps no function from ending well', async () => {
    const { child, ended } = await startSending('silent');
    child.kill('SIGTERM');
    expect(await ended).toMatchObject({ code: 0 });
  });

  test('refuses is a line of the log, and nothing else', async () => {
    const { child, ended, said } = await startSending(400);
    expect(await said('spans not sent')).toMatchObject({ level: 'warn', spans: 1 });
    child.kill('SIGTERM');
    expect(await ended).toMatchObject({ code: 0 });
  });
});
