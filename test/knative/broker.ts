import { parse, stringify } from 'yaml';
import { type BrokerStyle } from '../delivery/flow.ts';
import { type Traits, inMemoryTraits, jetStreamTraits } from '../delivery/traits.ts';
import type { Manifest } from '../support/kube-client.ts';
import { findManifest, readManifests } from '../support/kustomization.ts';

/** A kind of Broker that these tests can be run on. */
export interface KnownBroker {
  /** What an overlay has for it. */
  readonly components: readonly string[];
  /** Finds the pods in knative-eventing that deliver. */
  readonly dispatcherSelector: string;
  /** The pods that store events. */
  readonly store?: { readonly namespace: string; readonly selector: string };
  /** What Brokers of this kind are like in a namespace of a test. */
  inNamespace(namespace: string): {
    readonly traits: Traits;
    readonly style: BrokerStyle;
    readonly objects: readonly Manifest[];
  };
}

const known: Readonly<Record<string, KnownBroker>> = {
  'in-memory': {
    components: [],
    dispatcherSelector:
      'messaging.knative.dev/channel=in-memory-channel,messaging.knative.dev/role=dispatcher',
    inNamespace: () => ({ traits: inMemoryTraits, style: {}, objects: [] }),
  },
  nats: {
    components: ['nats-broker'],
    dispatcherSelector:
      'messaging.knative.dev/channel=nats-jetstream-channel,messaging.knative.dev/role=dispatcher',
    store: { namespace: 'nats-io', selector: 'app=nats' },
    inNamespace: (namespace) => {
      const channel = readChannel(namespace);
      const { name } = channel.metadata;
      return {
        traits: jetStreamTraits,
        style: {
          annotations: { 'eventing.knative.dev/broker.class': 'MTChannelBasedBroker' },
          config: { apiVersion: 'v1', kind: 'ConfigMap', name, namespace },
          // Without a back-off the dispatcher ends at the first 5xx.
          delivery: { backoffPolicy: 'exponential', backoffDelay: 'PT0.05S' },
          // Its channel does not report the Broker's sink, and without that report such a Trigger is never Ready.
          repeatsDeadLetterSink: true,
        },
        objects: [channel],
      };
    },
  },
};

/** The kind that the tests run on. */
export const broker = find(process.env['KLEYM_TEST_BROKER'] ?? 'in-memory');

function find(name: string): KnownBroker {
  const found = known[name];
  if (found === undefined) throw new Error(`broker ${name}: expected ${Object.keys(known).join(' or ')}`);
  return found;
}

/** The channel of the component. Its streams are smaller, because each of a dozen Brokers has one. */
function readChannel(namespace: string): Manifest {
  const shipped = findManifest(
    readManifests('base', 'components/nats-broker'),
    'ConfigMap',
    'kleym-nats-channel',
  );
  const key = 'channel-template-spec';
  const template = parse((shipped['data'] as Record<string, string>)[key] ?? '') as ChannelTemplate;
  template.spec.stream.config.maxBytes = 16 * 1024 * 1024;
  return {
    ...shipped,
    metadata: { name: shipped.metadata.name, namespace },
    data: { [key]: stringify(template) },
  };
}

interface ChannelTemplate {
  readonly spec: { readonly stream: { readonly config: { maxBytes: number } } };
}
