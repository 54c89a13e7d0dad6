import { afterAll, beforeAll, describe } from 'vitest';
import { createFlowClient } from './flow-client.ts';
import type { FlowClient, OpenBrokers, RunningBrokers } from './flow-client.ts';
import { describeAccepting } from './accepting.ts';
import { describeAsynchrony } from './asynchrony.ts';
import { describeDeadLetters } from './dead-letters.ts';
import { describeFilters } from './filters.ts';
import type { Flow } from './flow.ts';
import { describePassing } from './passing.ts';
import { describeReplies } from './replies.ts';
import { describeRetries } from './retries.ts';

/** Declares a flow while tests are being registered; the client works once they run. */
export type OpenFlow = (flow: Flow) => () => FlowClient;

/**
 * What we rely on when Brokers and Triggers deliver events. It is put to our own Broker and to Knative's without a word
 * of difference, so what holds on one may be believed of the other. All Brokers and Triggers are made at once: on a
 * cluster each takes seconds.
 */
export function testDelivery(openBrokers: OpenBrokers): void {
  const flows: Flow[] = [];
  let brokers: RunningBrokers | undefined;
  beforeAll(async () => {
    brokers = await openBrokers(flows);
  });
  afterAll(async () => {
    await brokers?.close();
  });
  const openFlow: OpenFlow = (flow) => {
    flows.push(flow);
    return () => {
      if (brokers === undefined) throw new Error('the Brokers have not been made');
      return createFlowClient(flow, brokers);
    };
  };
  describe.concurrent.each(Object.entries(parts))('%s', (_title, tell) => {
    tell(openFlow);
  });
}

const parts = {
  'what a Broker takes': describeAccepting,
  'what a subscriber gets': describePassing,
  filters: describeFilters,
  replies: describeReplies,
  retries: describeRetries,
  'dead letters': describeDeadLetters,
  'nobody waits for another': describeAsynchrony,
};
