import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { bindLoopback } from '../../local/eventing/bind-loopback.ts';
import { startBroker } from '../../local/eventing/broker.ts';
import { readWiring } from '../../local/eventing/wiring.ts';
import type { Wiring } from '../../local/eventing/wiring.ts';
import type { RunningBrokers } from './flow-client.ts';
import { testDelivery } from './delivery-specification.ts';
import { nameIn, renderFlow } from './flow.ts';
import type { Manifest } from '../support/kube-client.ts';
import type { Flow, SubscriberReference } from './flow.ts';
import { createRecordingSubscriber } from './recording-subscriber.ts';
import { inMemoryTraits } from './traits.ts';

testDelivery(openLocalBrokers);

const namespace = 'delivery';

/** Our own Broker, and a recorder, in this process. */
async function openLocalBrokers(flows: readonly Flow[]): Promise<RunningBrokers> {
  const recorder = createRecordingSubscriber();
  const recorderUrl = `http://127.0.0.1:${await bindLoopback(recorder, 0)}`;
  const subscriberUrl = (subscriber: string): string => `${recorderUrl}/${subscriber}`;
  const wiring = await toWiring(flows.flatMap((flow) => renderFlow(flow, namespace, subscriberAt)));
  const broker = await startBroker({
    wiring,
    subscribers: Object.fromEntries(subscribersOf(flows).map((name) => [name, subscriberUrl(name)])),
  });
  const { origin } = new URL(broker.url);

  return {
    traits: inMemoryTraits,
    brokerUrl: (name) => `${origin}/${namespace}/${name}`,
    subscriberUrl,
    askRecorder: async (path, question) => {
      const response = await fetch(`${recorderUrl}${path}`, { method: 'POST', body: question });
      return await response.text();
    },
    settled: async () => await broker.idle(),
    close: async () => {
      await broker.close();
      recorder.closeAllConnections();
      await new Promise<void>((resolve) => void recorder.close(() => resolve()));
    },
  };
}

const subscriberAt: SubscriberReference = (subscriber) => ({
  ref: { apiVersion: 'serving.knative.dev/v1', kind: 'Service', name: subscriber },
});

/** What `npm start` would make of the same manifests. */
async function toWiring(manifests: readonly Manifest[]): Promise<Wiring> {
  const folder = await mkdtemp(join(tmpdir(), 'delivery-'));
  try {
    await writeFile(join(folder, 'kustomization.yaml'), JSON.stringify({ resources: ['flows.yaml'] }));
    const documents = [...manifests, feedOf(manifests)].map((manifest) => JSON.stringify(manifest));
    await writeFile(join(folder, 'flows.yaml'), documents.join('\n---\n'));
    return await readWiring([folder]);
  } finally {
    await rm(folder, { recursive: true });
  }
}

// A wiring has one Broker that sources feed. Nothing ticks here.
function feedOf(manifests: readonly Manifest[]): Manifest {
  const broker = manifests.find(({ kind }) => kind === 'Broker')?.metadata.name;
  return {
    apiVersion: 'sources.knative.dev/v1',
    kind: 'PingSource',
    metadata: { name: 'feed', namespace },
    spec: {
      schedule: '* * * * *',
      sink: { ref: { apiVersion: 'eventing.knative.dev/v1', kind: 'Broker', name: broker } },
    },
  };
}

function subscribersOf(flows: readonly Flow[]): string[] {
  return flows.flatMap((flow) => {
    const deliveries = [...Object.values(flow.brokers), ...Object.values(flow.triggers)];
    const sinks = deliveries.flatMap(({ delivery }) => {
      const sink = delivery?.deadLetterSink;
      return sink && 'subscriber' in sink ? [sink.subscriber] : [];
    });
    return [...Object.keys(flow.triggers), ...sinks].map((name) => nameIn(flow, name));
  });
}
