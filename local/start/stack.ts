import { join } from 'node:path';
import type { KubeConfig } from '@kubernetes/client-node';
import type { CloudEvent } from 'cloudevents';
import type { Logger } from 'pino';
import type { Settings } from '../../shared/identity/settings.ts';
import { connect } from '../../shared/kube/kube-cluster.ts';
import { type Broker, type Delivery, startBroker } from '../eventing/broker.ts';
import { type EventTracker, createEventTracker } from '../eventing/event-tracker.ts';
import { createLocalConsole } from './create-local-console.tsx';
import { type Functions, startFunctions } from './functions.ts';
import { toPingEvent } from '../eventing/ping-event.ts';
import { type SourceNews, type Sources, startSources } from '../eventing/sources.ts';
import { type Wiring, readWiring } from '../eventing/wiring.ts';
import { withoutUnread } from './without-unread.ts';

/** Sources, broker and functions in one process, on one API server. */
export interface Stack {
  readonly functions: Functions;
  readonly broker: Broker;
  readonly sources: Sources;
  /** Ends in the order of the way of the data, so that what is under way arrives. */
  stop(): Promise<void>;
}

export interface StackOptions {
  readonly kubeConfig: KubeConfig;
  readonly settings: Settings;
  readonly log: Logger;
  readonly functionsPort: number;
  readonly brokerPort: number;
  readonly sweepSeconds?: number | undefined;
  /** False: a source that lost sight of its objects is silent, as Knative's are, and only the next tick finds out. */
  readonly sweepOnGap?: boolean;
  /** The components of knative/ that are wired beside the base; default: all that bring a source. */
  readonly components?: readonly string[];
  readonly onEvent?: (event: CloudEvent<unknown>) => void;
  readonly onDelivery?: (delivery: Delivery) => void;
  readonly onNews?: (news: SourceNews) => void;
}

const knative = join(import.meta.dirname, '..', '..', 'knative');

/** Starts everything that Knative would run for us, wired by the same manifests. */
export async function startStack(options: StackOptions): Promise<Stack> {
  const wiring = await readWiring(toFolders(options.components ?? everyGroup));
  const tracker = createEventTracker(wiring.triggers, Date.now);
  const cluster = connect({ kubeConfig: options.kubeConfig });
  const consoleApp = createLocalConsole({ ...options, tracker });
  const functions = await startFunctions({ ...options, cluster, consoleApp, port: options.functionsPort });
  try {
    const broker = await startBroker({
      wiring,
      subscribers: functions.urls,
      send: functions.send,
      port: options.brokerPort,
      onAccepted: tracker.onAccepted,
      onDelivery: (delivery) => {
        tracker.onDelivery(delivery);
        options.onDelivery?.(delivery);
      },
    });
    const sources = feed(broker, wiring, tracker, options);
    return { functions, broker, sources, stop: () => stop(sources, broker, functions) };
  } catch (error) {
    await functions.close();
    throw error;
  }
}

/** Every group that a cluster may serve: what it does not serve is waited for. */
const everyGroup = ['pools-x-k8s', 'objectives-x-k8s', 'objectives-k8s'];

function toFolders(components: readonly string[]): string[] {
  return [join(knative, 'base'), ...components.map((name) => join(knative, 'components', name))];
}

function feed(broker: Broker, wiring: Wiring, tracker: EventTracker, options: StackOptions): Sources {
  const { kubeConfig, onEvent, onNews, sweepSeconds, sweepOnGap = true } = options;
  return startSources({
    kubeConfig,
    wiring,
    prune: withoutUnread,
    sink: (event) => {
      onEvent?.(event);
      broker.send(event);
    },
    // A source that lost sight of its objects cannot say what happened: the sweep looks at all of them.
    ...(sweepOnGap && { onGap: () => wiring.pings.forEach((ping) => broker.send(toPingEvent(ping))) }),
    onNews: (news) => {
      tracker.onNews(news);
      onNews?.(news);
    },
    ...(sweepSeconds !== undefined && { pingEverySeconds: sweepSeconds }),
  });
}

async function stop(sources: Sources, broker: Broker, functions: Functions): Promise<void> {
  await sources.stop();
  await broker.close();
  await functions.close();
}
