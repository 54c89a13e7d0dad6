import { afterAll, beforeAll, describe } from 'vitest';
import { createBench } from './bench.ts';
import type { Bench, OpenPlace, Place } from './bench.ts';
import { describeAccepting } from './accepting.ts';
import { describeAsynchrony } from './asynchrony.ts';
import { describeDeadLetters } from './dead-letters.ts';
import { describeFilters } from './filters.ts';
import type { Flow } from './flow.ts';
import { describePassing } from './passing.ts';
import { describeReplies } from './replies.ts';
import { describeRetries } from './retries.ts';

/** Declares a flow while tests are being registered; the bench works once they run. */
export type OpenFlow = (flow: Flow) => () => Bench;

/**
 * What we rely on when Brokers and Triggers deliver events. It is put to our own Broker and to Knative's without a word
 * of difference, so what holds on one may be believed of the other. All Brokers and Triggers are made at once: on a
 * cluster each takes seconds.
 */
export function testDelivery(openPlace: OpenPlace): void {
  const flows: Flow[] = [];
  let place: Place | undefined;
  beforeAll(async () => {
    place = await openPlace(flows);
  });
  afterAll(async () => {
    await place?.close();
  });
  const openFlow: OpenFlow = (flow) => {
    flows.push(flow);
    return () => {
      if (place === undefined) throw new Error('the Brokers have not been made');
      return createBench(flow, place);
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
