import { describe, expect, test } from 'vitest';
import { binding, objective, pool } from '../../test/support/manifests.ts';
import { postEvent, silentApp } from '../../test/support/post-event.ts';
import { type Settling, createSettling } from '../../test/support/settling.ts';
import { testSettings } from '../../test/support/test-cluster.ts';
import { UncertainError } from '../../shared/api/uncertain-error.ts';
import { mapBinding } from '../../shared/mappers/map-binding.ts';
import { reconcileBindings } from './reconcile-bindings.ts';

/** Who is named for the edit of a binding, as it is stored by now. */
async function namedForEdit(here: Settling, name: string): Promise<readonly string[]> {
  const manifest = binding(name);
  const object = await here.kube.get({
    ...manifest,
    metadata: { ...manifest.metadata, namespace: 'team-a' },
  });
  const attributes = {
    type: 'dev.knative.apiserver.resource.update',
    apiversion: manifest.apiVersion,
    kind: manifest.kind,
    name,
    namespace: 'team-a',
  };
  const { bindings } = await postEvent(silentApp(mapBinding()), { attributes, data: object });
  return bindings?.flatMap(({ names }) => names) ?? [];
}

type Policy = 'report' | 'refuse';

async function settleUnder(
  here: Settling,
  overlapPolicy: Policy,
  ...names: readonly string[]
): Promise<string[]> {
  let nonces = 0;
  const run = await reconcileBindings(
    { namespace: 'team-a', names },
    { ...testSettings, overlapPolicy },
    {
      cluster: here.cluster,
      events: { record: () => undefined, flush: async () => undefined },
      nonce: () => `${names.join('-')}-${nonces++}`,
      elapsed: () => 0,
      yieldToOthers: async () => undefined,
    },
  );
  return [...run.endings.values()].map(({ kind }) => kind);
}

/** More bindings under the service account than are read whole. */
async function crowd(here: Settling, serviceAccountName: string): Promise<void> {
  const names = Array.from({ length: 33 }, (_, index) => `crowd-${index}`);
  await here.create(...names.map((name) => binding(name, { serviceAccountName, containerName: name })));
}

const label = (app: string) => ({ spec: { selector: { matchLabels: { app } } } });

describe.each<[Policy, number]>([
  ['report', 0],
  ['report', 1],
  ['refuse', 0],
  ['refuse', 1],
])('where overlaps are under %s (crowds: %d)', (policy, crowds) => {
  async function prepare(): Promise<Settling> {
    const here = await createSettling();
    await here.create(pool(), pool('pool-b'), objective(), objective('objective-b', { name: 'pool-b' }));
    if (crowds > 0) await crowd(here, 'inference-sa');
    return here;
  }

  test.each<[string, (here: Settling) => Promise<void>]>([
    [
      'to another service account',
      (here) => here.edit(binding(), { spec: { serviceAccountName: 'other-sa' } }),
    ],
    ['to another container', (here) => here.edit(binding(), { spec: { containerName: 'other' } })],
    ['with its pool', (here) => here.edit(pool(), label('other'))],
    ['out of the world', (here) => here.remove(binding())],
    [
      'to an objective that is not there',
      (here) => here.edit(binding(), { spec: { objectiveRef: { name: 'nowhere' } } }),
    ],
  ])('a binding that collided and goes %s sets its peer free', async (_where, leave) => {
    const here = await prepare();
    await here.create(
      binding(),
      binding('binding-b', { poolRef: { name: 'pool-b' }, objectiveRef: { name: 'objective-b' } }),
    );
    await settleUnder(here, policy, 'binding-a', 'binding-b');
    expect(await here.ready('binding-b')).toBe('False IdentityCollision');
    await leave(here);
    await settleUnder(here, policy, 'binding-a');
    expect(await here.ready('binding-b')).toBe('True Reconciled');
  });
});

const departures: readonly (readonly [string, (here: Settling) => Promise<void>])[] = [
  [
    'to another service account',
    (here) => here.edit(binding(), { spec: { serviceAccountName: 'other-sa' } }),
  ],
  ['to another container', (here) => here.edit(binding(), { spec: { containerName: 'other' } })],
  ['to another shape', (here) => here.edit(binding(), { spec: { podLabels: { role: 'prefill' } } })],
  ['out of the world', (here) => here.remove(binding())],
];

test.each(
  departures.flatMap(([where, leave]) => [
    ['a small account', where, leave, false] as const,
    ['a crowded account', where, leave, true] as const,
  ]),
)(
  'a binding of %s that was refused for an overlap and goes %s sets its peer free',
  async (_of, _where, leave, isCrowded) => {
    const here = await createSettling();
    await here.create(pool(), pool('pool-b', { app: 'model-server', role: 'decode' }), objective());
    await here.create(objective('objective-b', { name: 'pool-b' }), binding());
    await here.create(
      binding('binding-b', { poolRef: { name: 'pool-b' }, objectiveRef: { name: 'objective-b' } }),
    );
    if (isCrowded) await crowd(here, 'inference-sa');
    await settleUnder(here, 'refuse', 'binding-a', 'binding-b');
    expect([await here.ready('binding-a'), await here.ready('binding-b')]).toEqual([
      'False PossibleOverlap',
      'False PossibleOverlap',
    ]);
    await leave(here);
    await settleUnder(here, 'refuse', 'binding-a');
    expect(await here.ready('binding-b')).toBe('True Reconciled');
  },
);

test('a run in a crowded account dies after a binding has left a collision: its event, which comes again, names the peer', async () => {
  let isAlive = true;
  const here = await createSettling(() => ({
    replaceStatus: (_namespace, { name }) =>
      isAlive || name !== 'binding-b' ? undefined : Promise.reject(new UncertainError('the run is dead')),
  }));
  await here.create(pool(), objective());
  await crowd(here, 'inference-sa');
  await here.create(binding(), binding('binding-b'));
  await settleUnder(here, 'report', 'binding-a', 'binding-b');
  await here.edit(binding(), { spec: { containerName: 'other' } });
  const named = await namedForEdit(here, 'binding-a');
  isAlive = false;
  await settleUnder(here, 'report', ...named);
  expect([await here.ready('binding-a'), await here.ready('binding-b')]).toEqual([
    'True Reconciled',
    'False IdentityCollision',
  ]);
  isAlive = true;
  await settleUnder(here, 'report', ...named);
  expect(await here.ready('binding-b')).toBe('True Reconciled');
});
