import { type Check, type DoctorFacts, type Read, isRead } from './doctor-facts.ts';
import type { Broker, Deployment } from './installation.ts';

/** Where Knative is, unless somebody put it elsewhere. */
export const servingNamespace = 'knative-serving';
export const eventingNamespace = 'knative-eventing';

/** Through which an event goes on its way to a function, and which starts it. */
const servingParts = ['activator', 'autoscaler', 'controller', 'webhook'];
const eventingParts = ['eventing-controller', 'eventing-webhook', 'pingsource-mt-adapter'];
const brokerParts = ['mt-broker-ingress', 'mt-broker-filter'];

/** Who delivers what is in a channel of this kind. */
const dispatchers: Readonly<Record<string, string>> = {
  InMemoryChannel: 'imc-dispatcher',
  NatsJetStreamChannel: 'jetstream-ch-dispatcher',
};

/** Whether the parts of Knative run that events need: Brokers and Triggers stay Ready without some of them. */
export function checkKnative({ serving, eventing, brokers }: DoctorFacts): Check[] {
  return [
    ...checkParts(serving, servingNamespace, servingParts),
    ...checkParts(eventing, eventingNamespace, [...eventingParts, ...partsOf(brokers)]),
  ];
}

/** Brokers that are not made of channels have parts of their own, of which we know nothing. */
function partsOf(brokers: Read<Broker>): string[] {
  const kinds = (isRead(brokers) ? brokers : []).flatMap(
    ({ status }) => status?.annotations?.['knative.dev/channelKind'] ?? [],
  );
  if (kinds.length === 0) return [];
  return [...brokerParts, ...new Set(kinds.flatMap((kind) => dispatchers[kind] ?? []))];
}

function checkParts(found: Read<Deployment>, namespace: string, names: readonly string[]): Check[] {
  const area = 'knative';
  if (!isRead(found)) return [];
  const parts = names.map((name) => ({ name, deployment: found.find((one) => one.metadata.name === name) }));
  if (parts.every(({ deployment }) => deployment === undefined))
    return [{ area, status: 'unknown', message: `nothing of Knative was found in namespace ${namespace}` }];
  const problems = parts.flatMap(({ name, deployment }) => checkPart(name, namespace, deployment) ?? []);
  if (problems.length > 0) return problems;
  return [{ area, status: 'ok', message: `${names.length} parts of Knative run in ${namespace}` }];
}

function checkPart(name: string, namespace: string, deployment: Deployment | undefined): Check | undefined {
  const area = 'knative';
  const title = `${name} of ${namespace}`;
  if (!deployment)
    return {
      area,
      status: 'warning',
      message: `${title} is not there`,
      advice: 'install all of Knative, or see that yours does without it',
    };
  if ((deployment.status?.availableReplicas ?? 0) > 0) return undefined;
  const advice =
    deployment.spec?.replicas === 0
      ? `kubectl -n ${namespace} scale deployment ${name} --replicas=1`
      : `kubectl -n ${namespace} describe deployment ${name}`;
  return { area, status: 'error', message: `${title} does not run: events do not arrive`, advice };
}
