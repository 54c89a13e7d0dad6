import { CloudEvent } from 'cloudevents';
import { pino } from 'pino';
import { expect, test } from 'vitest';
import type { RepairCounts } from '../../shared/api/sweep-report.ts';
import { nodeEventLoop } from '../../shared/concurrency/node-event-loop.ts';
import type { Settings } from '../../shared/identity/settings.ts';
import { binding, objective, output, pool, poolBinding } from '../../test/support/manifests.ts';
import { type Settling, createSettling, outputOf, refuseOutputOf } from '../../test/support/settling.ts';
import { testSettings } from '../../test/support/test-cluster.ts';
import { sweep } from './sweep.ts';

/** What the sweep finds once this has happened to a cluster at rest, without anybody noticing. */
async function findAfter(
  happening: (here: Settling) => Promise<unknown>,
  settings: Settings = testSettings,
): Promise<Record<string, unknown>> {
  const here = await createSettling();
  await here.kube.create({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'kleym-system' } });
  await here.create(pool(), objective(), binding(), poolBinding('binding-b'));
  await here.settle(['binding-a', 'binding-b']);
  await happening(here);
  const answer = await sweep(
    here.cluster,
    settings,
    nodeEventLoop,
  )(new CloudEvent({ type: 'dev.knative.sources.ping', source: '/ping', id: 'tick' }), {
    log: pino({ level: 'silent' }),
  });
  if (answer.kind !== 'reply' && answer.kind !== 'nothing') throw new Error(`answered ${answer.kind}`);
  const { bindings: _bindings, namespaces: _namespaces, otherSettings: _others, ...found } = answer.facts;
  return found;
}

function orphan(sentAt?: string) {
  const labels = {
    'kleym.sonda.red/managed-by': 'kleym',
    'kleym.sonda.red/binding-name': 'gone',
    'kleym.sonda.red/binding-namespace': 'team-a',
  };
  const annotations = sentAt === undefined ? {} : { 'kleym.sonda.red/sent-at': sentAt };
  return output('kleym-team-a-gone-pool-00000000', { hint: 'team-a/gone' }, { labels, annotations });
}

test.each<[string, (here: Settling) => Promise<unknown>, RepairCounts]>([
  ['nothing', async () => undefined, {}],
  ['a new binding', (here) => here.create(poolBinding('new')), { 'lost-event': 1 }],
  [
    'an edited binding',
    (here) => here.edit(poolBinding('binding-b'), { spec: { serviceAccountName: 'other-sa' } }),
    { 'lost-event': 1 },
  ],
  [
    'an edited pool',
    (here) => here.edit(pool(), { spec: { selector: { matchLabels: { app: 'next' } } } }),
    { 'lost-event': 2 },
  ],
  ['a deleted objective', (here) => here.remove(objective()), { 'lost-event': 1 }],
  [
    'a collision: the new one was not seen, and neither was the conflict of the old one',
    (here) => here.create(binding('rival')),
    { 'lost-event': 2 },
  ],
  ['a deletion a moment ago', (here) => here.remove(binding()), { 'under-way': 1 }],
  [
    'an edited output',
    async (here) => here.kube.edit(await outputOf(here, 'binding-a'), { spec: { hint: 'team-a/other' } }),
    { 'hand-edit': 1 },
  ],
  [
    'a deleted output',
    async (here) => here.kube.delete(await outputOf(here, 'binding-a')),
    { 'hand-edit': 1 },
  ],
  [
    'a finalizer that was taken off',
    (here) => here.edit(binding(), { metadata: { finalizers: null } }),
    { 'hand-edit': 1 },
  ],
  [
    'an edited status',
    (here) => here.edit(binding(), { status: { trustDomain: null } }, 'status'),
    { 'hand-edit': 1 },
  ],
  ['an output without a binding', (here) => here.create(orphan()), { orphan: 1 }],
  [
    'an output that appeared at once, and whose binding is gone',
    (here) => here.create(orphan(`${new Date().toISOString().slice(0, 19)}Z`)),
    { orphan: 1 },
  ],
  [
    'an output that appeared long after it was sent, and whose binding is gone',
    (here) => here.create(orphan('2026-11-21T11:00:00Z')),
    { 'late-write': 1 },
  ],
  [
    'an announcement of a run that died',
    async (here) => {
      await here.kube.delete(await outputOf(here, 'binding-b'));
      const claim = { kind: 'creating', nonce: 'of-the-dead', at: '2026-11-21T11:00:00Z', uid: null };
      await here.edit(poolBinding('binding-b'), { status: { claim } }, 'status');
    },
    { 'late-write': 1 },
  ],
  [
    'an output that the API server refused',
    (here) => refuseOutputOf(here, poolBinding('binding-b')),
    { refused: 1 },
  ],
])('the sweep tells what it finds: %s', async (_, happening, found) => {
  expect(await findAfter(happening)).toEqual(found);
});

test('the sweep tells what was written with other settings', async () => {
  const other = { ...testSettings, trustDomain: 'other.org' };
  expect(await findAfter(async () => undefined, other)).toEqual({ 'new-settings': 2 });
});

async function hideOverlap(here: Settling): Promise<void> {
  await here.create(
    pool('wider', { team: 'chat' }),
    objective('wider', { name: 'wider' }),
    binding('wide', { poolRef: { name: 'wider' }, objectiveRef: { name: 'wider' } }),
  );
  await here.settle(['wide', 'binding-a']);
  for (const name of ['wide', 'binding-a'])
    await here.edit(binding(name), { status: { conflicts: null } }, 'status');
}

test('the sweep tells a possible overlap that nobody recorded', async () => {
  expect(await findAfter(hideOverlap)).toEqual({ overlap: 2 });
});
