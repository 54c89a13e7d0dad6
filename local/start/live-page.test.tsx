import { html } from 'hono/html';
import { expect, test } from 'vitest';
import { testSettings } from '../../test/support/test-cluster.ts';
import type { RecentEvents, Step } from '../eventing/event-tracker.ts';
import { LivePage } from './live-page.tsx';

const step: Step = {
  since: 1000,
  id: 'e1',
  type: 'changed',
  source: '/me',
  subject: 'chat',
  broker: 'kleym',
  trigger: 'map-pool',
  to: 'map-pool',
  state: 'replied',
  attempt: 1,
  status: 200,
  tookMs: 2,
  reason: undefined,
  nextTryAt: undefined,
};

const nothing: RecentEvents = {
  totals: { events: 0, underWay: 0, answered: 0, failedTries: 0, deadLettered: 0, lost: 0 },
  sources: [],
  waiting: [],
  givenUp: [],
  chains: [],
};

/** What the page says, without its tags. */
async function say(recent: Partial<RecentEvents>): Promise<string> {
  const page = <LivePage frame={{ settings: testSettings, places: [] }} recent={{ ...nothing, ...recent }} />;
  const text = await html`${page}`;
  return text.replaceAll(/<[^>]*>/g, ' ').replaceAll(/\s+/g, ' ');
}

test('what follows from an event stands under it, by how much later it came', async () => {
  const { id, type, source, subject, since } = step;
  const next = {
    ...step,
    id: 'e2',
    type: 'red.sonda.kleym.bindings.affected',
    source: '/kleym/map-pool',
    subject: 'a',
  };
  const reconciled = { trigger: 'reconcile', to: 'reconcile', state: 'delivered', status: 204 } as const;
  const steps = [step, { ...next, ...reconciled, since: 1003 }];
  expect(await say({ chains: [{ id, type, source, subject, since, steps, more: 2 }] })).toMatch(
    /changed chat map-pool 200, an event 2\.0 ms \+3 ms map-pool names bindings in a reconcile 204 2\.0 ms 2 more followed from it/,
  );
});

test('of what waits the first fifty are shown, of what is under way only what does not wait is counted', async () => {
  const waiting = Array.from({ length: 60 }, () => ({ ...step, state: 'will retry', attempt: 3 }) as const);
  const said = await say({ waiting, totals: { ...nothing.totals, underWay: 61 } });
  expect(said.match(/changed chat/g)).toHaveLength(50);
  expect(said).toContain('10 more wait, all of them longer.');
  expect(said).toMatch(/under way 1 wait for the next try 60/);
});

test('an event that no Trigger lets pass says so', async () => {
  const { id, type, source, subject, since } = step;
  expect(await say({ chains: [{ id, type, source, subject, since, steps: [], more: 0 }] })).toContain(
    'changed chat no Trigger lets it pass',
  );
});
