import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { KubeConfig } from '@kubernetes/client-node';
import type { RunningBrokers } from '../delivery/flow-client.ts';
import { testDelivery } from '../delivery/delivery-specification.ts';
import { renderFlow } from '../delivery/flow.ts';
import type { Flow } from '../delivery/flow.ts';
import { startFaultProxy } from '../support/fault-proxy.ts';
import { createKubeClient } from '../support/kube-client.ts';
import type { KubeClient, Manifest, Stored } from '../support/kube-client.ts';
import { eventually } from '../support/test-cluster.ts';
import { broker } from './broker.ts';
import { conditionOf, required } from './installed.ts';
import { renderRecorder } from './render-recorder.ts';

testDelivery(openKnativeBrokers);

const recorderName = 'recorder';
const patienceMs = 180_000;

/** Knative's Broker in a namespace of its own, with a recorder that runs there as a pod. */
async function openKnativeBrokers(flows: readonly Flow[]): Promise<RunningBrokers> {
  const kubeConfig = new KubeConfig();
  kubeConfig.loadFromFile(required('KUBECONFIG'));
  const proxy = await startFaultProxy(kubeConfig);
  const kube = createKubeClient(proxy.url);
  const namespace = `kleym-delivery-${randomBytes(4).toString('hex')}`;
  const namespaceObject: Manifest = {
    apiVersion: 'v1',
    kind: 'Namespace',
    metadata: { name: namespace, labels: { 'pod-security.kubernetes.io/enforce': 'restricted' } },
  };
  const close = async (): Promise<void> => {
    await kube.delete(namespaceObject);
    await proxy.close();
  };

  await kube.create(namespaceObject);
  try {
    const recorder = await renderRecorder({
      name: recorderName,
      namespace,
      file: join(import.meta.dirname, '..', 'delivery', 'recording-subscriber.ts'),
      port: 8080,
      servicePort: 80,
    });
    const { traits, style, objects } = broker.inNamespace(namespace);
    const routes = flows.flatMap((flow) => renderFlow(flow, namespace, subscriberAt, style));
    const all = [...recorder, ...objects, ...routes];
    for (const object of all) await kube.create(object);
    await Promise.all(all.map((object) => untilReady(kube, object)));
    const [anyBroker] = await kube.list({ ...knownAs('Broker'), namespace });
    const recorderPath = `/api/v1/namespaces/${namespace}/services/${recorderName}:http/proxy`;
    const askRecorder: RunningBrokers['askRecorder'] = async (path, question) => {
      const ask = async (): Promise<string> => {
        const response = await fetch(`${proxy.url}${recorderPath}${path}`, {
          method: 'POST',
          body: question,
        });
        const answer = await response.text();
        if (!response.ok) throw new Error(`the recorder was asked ${path}: ${response.status} ${answer}`);
        return answer;
      };
      // The API server's proxy breaks a long answer off now and then. To look again is harmless, to send again is not.
      return path === '/control/received' ? await ask().catch(ask) : await ask();
    };
    return {
      traits,
      // All addresses differ in their last segment alone; so a Broker that does not exist has one too.
      brokerUrl: (broker) => (addressOf(anyBroker) ?? '').replace(/[^/]+$/, broker),
      subscriberUrl: (subscriber) =>
        `http://${recorderName}.${namespace}.${domainOf(anyBroker)}/${subscriber}`,
      askRecorder,
      settled: async (id) => await untilQuiet(askRecorder, id),
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

const knownAs = (kind: string) => ({ apiVersion: 'eventing.knative.dev/v1', kind });

function subscriberAt(subscriber: string): object {
  return { ref: { apiVersion: 'v1', kind: 'Service', name: recorderName }, uri: `/${subscriber}` };
}

async function untilReady(kube: KubeClient, object: Manifest): Promise<void> {
  const { kind, metadata } = object;
  const type = kind === 'Deployment' ? 'Available' : 'Ready';
  if (kind === 'ConfigMap' || kind === 'Service') return;
  await eventually(async () => {
    const found = await kube.get(object);
    if (found && conditionOf(found, type)?.status === 'True') return;
    throw new Error(`${kind} ${metadata.name} is not ${type}: ${JSON.stringify(found?.['status'])}`);
  }, patienceMs);
}

function addressOf(broker: Stored | undefined): string | undefined {
  return (broker?.['status'] as { address?: { url?: string } } | undefined)?.address?.url;
}

/** `svc.cluster.local`, or what the cluster calls itself. */
function domainOf(broker: Stored | undefined): string {
  const { hostname } = new URL(addressOf(broker) ?? '');
  return hostname.slice(hostname.indexOf('.svc') + 1);
}

// Nobody tells when Knative has nothing more to deliver. The longest pause that these flows make between two tries is
// shorter than this; a broker that is slower than that makes no test fail, it only may hide that something came twice.
const quietMs = 750;

async function untilQuiet(ask: RunningBrokers['askRecorder'], id: string): Promise<void> {
  const count = async (): Promise<number> =>
    (JSON.parse(await ask('/control/received', JSON.stringify({ id }))) as { received: unknown[] }).received
      .length;
  for (let before = -1, now = await count(); before !== now; now = await count()) {
    before = now;
    await sleep(quietMs);
  }
}
