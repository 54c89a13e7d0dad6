import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import type { Manifest } from './support/kube-client.ts';
import { findManifest, manifestsFolder, readManifests } from './support/kustomization.ts';

const components = readdirSync(join(manifestsFolder, 'components')).toSorted();
const everything = readManifests('base', ...components.map((name) => `components/${name}`));

const Sink = z.object({ ref: z.object({ kind: z.string(), name: z.string() }) });
const Delivery = z.object({ deadLetterSink: Sink.optional() });
const Metadata = z.object({ name: z.string(), namespace: z.literal('kleym-system') });
const Source = z.object({ metadata: Metadata, spec: z.object({ sink: Sink }) });
const Broker = z.object({ metadata: Metadata, spec: z.object({ delivery: Delivery.optional() }) });
const Trigger = z.object({
  metadata: Metadata,
  spec: z.object({ broker: z.string(), delivery: Delivery.optional() }),
});
const EventPolicy = z.object({
  metadata: Metadata,
  spec: z.strictObject({
    to: z.tuple([
      z.strictObject({
        ref: z.strictObject({
          apiVersion: z.literal('eventing.knative.dev/v1'),
          kind: z.literal('Broker'),
          name: z.string(),
        }),
      }),
    ]),
    from: z.array(z.strictObject({ sub: z.string() })),
  }),
});

const brokers = ofKind('Broker').map((one) => Broker.parse(one));
const triggers = ofKind('Trigger').map((one) => Trigger.parse(one));
const policies = ofKind('EventPolicy').map((one) => EventPolicy.parse(one));

function ofKind(kind: string): Manifest[] {
  return everything.filter((one) => one.kind === kind);
}

/** The ServiceAccount that Eventing makes for a sender. It shortens names of more than 63 characters; ours are shorter. */
function identityOf(sender: Manifest): string {
  const [group] = sender.apiVersion.split('/');
  const account = `${sender.metadata.name}-oidc-${group}-${sender.kind}`.toLowerCase();
  expect(account.length).toBeLessThanOrEqual(63);
  return `system:serviceaccount:${sender.metadata.namespace}:${account}`;
}

function identityOfTrigger({ metadata }: z.infer<typeof Trigger>): string {
  return identityOf(findManifest(everything, 'Trigger', metadata.name));
}

function deadLetterBrokerOf({ spec }: z.infer<typeof Trigger>): string | undefined {
  const broker = brokers.find(({ metadata }) => metadata.name === spec.broker);
  return (spec.delivery?.deadLetterSink ?? broker?.spec.delivery?.deadLetterSink)?.ref.name;
}

/** Whoever has reason to send to a Broker: what sinks into it, who takes from it and replies, and whose dead letters it gets. */
function sendersTo(broker: string): string[] {
  const sources = [...ofKind('ApiServerSource'), ...ofKind('PingSource')].filter(
    (one) => Source.parse(one).spec.sink.ref.name === broker,
  );
  const own = triggers.filter(({ spec }) => spec.broker === broker);
  const dead = triggers.filter((one) => deadLetterBrokerOf(one) === broker);
  return [...sources.map(identityOf), ...[...own, ...dead].map(identityOfTrigger)].toSorted();
}

describe('the EventPolicies', () => {
  test('exist for each Broker', () => {
    const names = brokers.map(({ metadata }) => metadata.name).toSorted();
    expect(policies.map(({ spec }) => spec.to[0].ref.name).toSorted()).toEqual(names);
  });

  test.each(policies)('$metadata.name lets in all who have reason to send, and nobody else', ({ spec }) => {
    const senders = sendersTo(spec.to[0].ref.name);
    expect(senders.length).toBeGreaterThan(2);
    expect(spec.from.map(({ sub }) => sub).toSorted()).toEqual(senders);
  });
});
