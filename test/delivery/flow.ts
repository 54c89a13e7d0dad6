import type { TriggerFilter } from '../../local/eventing/trigger-filter.ts';
import type { Manifest } from '../support/kube-client.ts';

/** Where a Trigger or a dead letter goes. */
type Sink = { readonly subscriber: string } | { readonly broker: string };

interface Delivery {
  readonly retry?: number;
  readonly backoffPolicy?: 'exponential' | 'linear';
  readonly backoffDelay?: string;
  readonly timeout?: string;
  readonly deadLetterSink?: Sink;
}

/** Brokers and Triggers that belong together. Each Trigger delivers to the subscriber of its own name. */
export interface Flow {
  /** Begins the name of everything in the cluster. */
  readonly name: string;
  /** The first takes what is sent. */
  readonly brokers: Readonly<Record<string, { readonly delivery?: Delivery }>>;
  readonly triggers: Readonly<Record<string, FlowTrigger>>;
}

export interface FlowTrigger {
  /** The first Broker where it is not said. */
  readonly broker?: string;
  readonly filters?: readonly TriggerFilter[];
  readonly delivery?: Delivery;
}

/** How the Brokers of a test name a subscriber in `spec.subscriber` and `deadLetterSink`. */
export type SubscriberReference = (subscriber: string) => object;

/** What a kind of Broker needs beside what a flow says. */
export interface BrokerStyle {
  readonly annotations?: Readonly<Record<string, string>>;
  /** The `spec.config` of each Broker. */
  readonly config?: object;
  /** What a delivery has where it says nothing else. */
  readonly delivery?: Delivery;
  /** A Trigger that has a delivery must name the dead letter sink of its Broker again. */
  readonly repeatsDeadLetterSink?: boolean;
}

/** The name that something of a flow has outside of it. */
export function nameIn({ name: flow }: Pick<Flow, 'name'>, name: string): string {
  return `${flow}-${name}`;
}

/** The Brokers and Triggers of a flow as Kubernetes objects. */
export function renderFlow(
  flow: Flow,
  namespace: string,
  subscriberAt: SubscriberReference,
  style: BrokerStyle = {},
): Manifest[] {
  const toDestination = (sink: Sink): object =>
    'subscriber' in sink
      ? subscriberAt(nameIn(flow, sink.subscriber))
      : {
          ref: {
            apiVersion: 'eventing.knative.dev/v1',
            kind: 'Broker',
            name: nameIn(flow, sink.broker),
          },
        };
  const render = (kind: string, name: string, spec: object): Manifest => ({
    apiVersion: 'eventing.knative.dev/v1',
    kind,
    metadata: { name: nameIn(flow, name), namespace, annotations: { ...annotations, ...style.annotations } },
    spec,
  });
  const delivery = (given: Delivery | undefined, inherited?: Sink): object => {
    if (given === undefined) return {};
    const sink = given.deadLetterSink ?? (style.repeatsDeadLetterSink ? inherited : undefined);
    const deadLetterSink = sink && { deadLetterSink: toDestination(sink) };
    return { delivery: { ...style.delivery, ...given, ...deadLetterSink } };
  };
  const brokers = Object.entries(flow.brokers).map(([name, spec]) =>
    render('Broker', name, { ...(style.config && { config: style.config }), ...delivery(spec.delivery) }),
  );
  const triggers = Object.entries(flow.triggers).map(([name, spec]) => {
    const broker = spec.broker ?? entryOf(flow);
    return render('Trigger', name, {
      broker: nameIn(flow, broker),
      subscriber: subscriberAt(nameIn(flow, name)),
      ...(spec.filters && { filters: spec.filters }),
      ...delivery(spec.delivery, flow.brokers[broker]?.delivery?.deadLetterSink),
    });
  });
  return [...brokers, ...triggers];
}

// As on ours; without it the real broker answers a sender only after every subscriber.
const annotations = { 'messaging.knative.dev/async-handler': 'true' };

/** The Broker that takes what is sent. */
export function entryOf({ name, brokers }: Flow): string {
  const [entry] = Object.keys(brokers);
  if (entry === undefined) throw new Error(`flow ${name} has no Broker`);
  return entry;
}
