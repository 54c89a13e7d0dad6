import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { binding, objective, pool } from '../support/manifests.ts';
import { type ReceivedSpan, parseJsonSpans, parseProtobufSpans } from '../support/otlp.ts';
import { type TestNamespace, eventually, useCluster } from '../support/test-cluster.ts';
import { namespace, openTarget, report, until } from './installed.ts';
import { kubectl } from './kubectl.ts';
import type { Kept } from './otlp-recorder.ts';
import { renderRecorder } from './render-recorder.ts';

// A receiver of OTLP runs as a pod. The functions, Eventing and Serving send to it as docs/trace.md says.

const target = await openTarget();
process.env['KLEYM_TEST_INSTALLED'] = 'true';
const cluster = await useCluster();
const recorder = 'otlp-recorder';
const port = 4318;
const recording = {
  name: recorder,
  namespace,
  file: join(import.meta.dirname, 'otlp-recorder.ts'),
  port,
  servicePort: port,
};
const endpoint = `http://${recorder}.${namespace}.svc.cluster.local:${port}`;
const systems = {
  'knative-eventing': ['mt-broker-ingress', 'mt-broker-filter', 'imc-dispatcher'],
  'knative-serving': ['activator'],
};
let here: TestNamespace;

beforeAll(async () => {
  here = await cluster.namespace();
  for (const object of await renderRecorder(recording)) await target.kube.apply(object);
  await kubectl(['-n', namespace, 'rollout', 'status', 'deployment', recorder, '--timeout=120s']);
  await switchKnative({
    'tracing-protocol': 'http/protobuf',
    'tracing-endpoint': `${endpoint}/v1/traces`,
    'tracing-sampling-rate': '1',
  });
  await target.install({ settings: { OTEL_EXPORTER_OTLP_ENDPOINT: endpoint } });
  await untilSettled();
});
afterAll(async () => {
  await switchKnative({
    'tracing-protocol': null,
    'tracing-endpoint': null,
    'tracing-sampling-rate': null,
  });
  await target.install();
  for (const object of await renderRecorder(recording)) await target.kube.delete(object);
  await untilSettled();
});

/** What runs reads the setting when it starts; only the adapters of sources are restarted by their controller. */
async function switchKnative(data: Readonly<Record<string, string | null>>): Promise<void> {
  const patch = JSON.stringify({ data });
  for (const [system, deployments] of Object.entries(systems)) {
    const at = ['-n', system];
    await kubectl([...at, 'patch', 'configmap', 'config-observability', '--type=merge', '-p', patch]);
    for (const name of deployments) await kubectl([...at, 'rollout', 'restart', 'deployment', name]);
    for (const name of deployments)
      await kubectl([...at, 'rollout', 'status', 'deployment', name, '--timeout=300s']);
  }
}

async function untilSettled(): Promise<void> {
  await until(async () => (await target.unready()).length === 0, 'everything is Ready');
  const adapters = ['-l', 'eventing.knative.dev/source=apiserver-source-controller'];
  await kubectl(['-n', namespace, 'rollout', 'status', 'deployment', ...adapters, '--timeout=300s']);
}

async function readSpans(): Promise<ReceivedSpan[]> {
  const path = `/api/v1/namespaces/${namespace}/services/${recorder}:http/proxy/kept`;
  const kept = JSON.parse(await kubectl(['get', '--raw', path])) as readonly Kept[];
  return kept
    .filter((one) => one.path.endsWith('/v1/traces'))
    .flatMap(({ contentType, base64 }) => {
      const bytes = Buffer.from(base64, 'base64');
      return contentType === 'application/json'
        ? parseJsonSpans(bytes.toString())
        : parseProtobufSpans(bytes);
    });
}

/** The spans of the trace to which one belongs that is found. They come in batches, so it waits for all that is wanted. */
async function readTrace(
  isWanted: (trace: readonly ReceivedSpan[]) => boolean,
): Promise<readonly ReceivedSpan[]> {
  let found: readonly ReceivedSpan[] = [];
  await eventually(async () => {
    const traces = Map.groupBy(await readSpans(), ({ traceId }) => traceId);
    found = [...traces.values()].find(isWanted) ?? [];
    expect(found).not.toEqual([]);
  }, 120_000);
  return found;
}

/** Whether every step is there: each part sends what it records on its own, after up to 5 s. */
function isWhole(spans: readonly ReceivedSpan[], sender = ''): boolean {
  const ids = new Set([sender, ...spans.map(({ spanId }) => spanId)]);
  return spans.every(({ parentSpanId }) => ids.has(parentSpanId));
}

/** A trace as an indented text: who, what, how it ended. */
function toTree(spans: readonly ReceivedSpan[]): string {
  const ids = new Set(spans.map(({ spanId }) => spanId));
  const below = Map.groupBy(spans, ({ parentSpanId }) => (ids.has(parentSpanId) ? parentSpanId : ''));
  const lines = (parent: string, depth: number): string[] =>
    (below.get(parent) ?? []).flatMap(({ service, name, spanId, parentSpanId, attributes }) => [
      `${'  '.repeat(depth)}${service}: ${name} ${attributes['http.response.status_code'] ?? ''}${parent === '' && parentSpanId !== '' ? ` (parent ${parentSpanId} is not there)` : ''}`,
      ...lines(spanId, depth + 1),
    ]);
  return lines('', 0).join('\n');
}

const [server, client] = [2, 3];

/** The span of a function for an event. */
function findWork(spans: readonly ReceivedSpan[], service: string): ReceivedSpan | undefined {
  return spans.find(
    (span) => span.service === service && span.kind === server && span.name.startsWith('process'),
  );
}

/** Waits until no function has sent a span of its work for longer than it keeps one. */
async function untilSilent(): Promise<void> {
  let before = -1;
  let now = 0;
  while (now > before) {
    before = now;
    await sleep(10_000);
    now = (await readSpans()).filter(({ name }) => name.startsWith('process')).length;
  }
}

/** From a span up to where its trace begins. */
function ancestorsOf(spans: readonly ReceivedSpan[], span: ReceivedSpan | undefined): ReceivedSpan[] {
  if (!span) return [];
  const parent = spans.find(({ spanId }) => spanId === span.parentSpanId);
  return parent ? [parent, ...ancestorsOf(spans, parent)] : [];
}

test('one trace leads from the event of a source through the Broker to the last write', async () => {
  await here.create(pool(), objective(), binding());
  await here.ready('binding-a');
  // A run that is still under way for these would take the edit with it, into the trace of another event.
  await untilSilent();
  await here.edit(pool(), { spec: { selector: { matchLabels: { app: 'traced' } } } });
  const trace = await readTrace((spans) => {
    const mapped = findWork(spans, 'map-pool');
    const isOurs =
      mapped?.attributes['kleym.object.namespace'] === here.name &&
      mapped.attributes['cloudevents.event_type'] === 'dev.knative.apiserver.resource.update';
    const calls = spans.filter(({ service, kind }) => service === 'reconcile' && kind === client);
    return isOurs && calls.filter(({ name }) => name.startsWith('PUT ')).length === 3 && isWhole(spans);
  });
  report(toTree(trace));

  const [mapped, reconciled] = ['map-pool', 'reconcile'].map((name) => findWork(trace, name));
  // Each step has the one before it among its ancestors, through every part of Knative.
  const [first] = ancestorsOf(trace, mapped).toReversed();
  expect(first).toMatchObject({ service: 'apiserversource', parentSpanId: '' });
  expect(ancestorsOf(trace, reconciled)).toContain(first);
  const write = trace.findLast(({ name }) => name.startsWith('PUT ') && name.endsWith('/status'));
  expect(ancestorsOf(trace, write)).toContain(reconciled);
  expect(write?.attributes['http.response.status_code']).toBe(200);
  const logs = await logsOf('reconcile');
  expect(logs).toContain(`"trace_id":"${trace[0]?.traceId}"`);
});

test('a dead letter stays in its trace, through the second Broker to the sweep', async () => {
  const [traceId, spanId] = [randomBytes(16).toString('hex'), randomBytes(8).toString('hex')];
  const headers = {
    'ce-specversion': '1.0',
    'ce-id': `letter-${spanId}`,
    'ce-source': '/test',
    'ce-type': 'red.sonda.kleym.bindings.affected',
    'content-type': 'application/json',
    traceparent: `00-${traceId}-${spanId}-01`,
  };
  await sendFromPod(headers, '{"bindings":"none"}');
  const trace = await readTrace(
    (spans) =>
      spans[0]?.traceId === traceId && findWork(spans, 'sweep') !== undefined && isWhole(spans, spanId),
  );
  report(toTree(trace));
  expect(findWork(trace, 'reconcile')?.attributes).toMatchObject({ 'kleym.outcome': 'refused-event' });
});

/** From the recorder's pod, because nothing outside of the cluster hands the headers on as they are. */
async function sendFromPod(headers: Readonly<Record<string, string>>, body: string): Promise<void> {
  const url = `http://broker-ingress.knative-eventing.svc.cluster.local/${namespace}/kleym`;
  const script = `fetch(${JSON.stringify(url)}, ${JSON.stringify({ method: 'POST', headers, body })}).then(({ status }) => console.log(status))`;
  const said = await kubectl(['-n', namespace, 'exec', `deployment/${recorder}`, '--', 'node', '-e', script]);
  expect(said.trim()).toBe('202');
}

async function logsOf(name: string): Promise<string> {
  const lines = ['-l', `serving.knative.dev/service=${name}`, '-c', 'user-container', '--tail=-1'];
  return await kubectl(['-n', namespace, 'logs', ...lines]);
}
