import { CloudEvent } from 'cloudevents';
import { pino } from 'pino';
import { describe, expect, test } from 'vitest';
import type { Answer } from '../../shared/events/answers.ts';
import type { Cluster } from '../../shared/kube/cluster.ts';
import { UncertainError } from '../../shared/api/uncertain-error.ts';
import { binding, objective, output, pool, poolBinding } from '../../test/support/manifests.ts';
import { postEvent, silentApp } from '../../test/support/post-event.ts';
import { type Settling, createSettling, refuseOutputOf } from '../../test/support/settling.ts';
import { testSettings } from '../../test/support/test-cluster.ts';
import { nodeEventLoop } from '../../shared/concurrency/node-event-loop.ts';
import { sweep } from './sweep.ts';

function look(cluster: Cluster, id = 'tick', type = 'dev.knative.sources.ping') {
  return postEvent(silentApp(sweep(cluster, testSettings, nodeEventLoop), 'sweep'), {
    attributes: { type, id },
  });
}

async function atRest(): Promise<Settling> {
  const here = await createSettling();
  await here.create(
    pool(),
    objective(),
    binding(),
    poolBinding('binding-b'),
    poolBinding('lost', { poolRef: { name: 'nowhere' } }),
  );
  await here.settle(['binding-a', 'binding-b', 'lost']);
  return here;
}

/** Where a binding that asks for an image may have the container of another one. */
async function withOverlap(): Promise<Settling> {
  const here = await atRest();
  const containerImage = `registry.example/llama@sha256:${'0'.repeat(64)}`;
  await here.create(binding('wide', { containerName: undefined, containerImage }));
  await here.settle(['wide', 'binding-a']);
  return here;
}

/** The answer of a sweep that has another trust domain than reconcile. */
async function lookFromElsewhere({ cluster }: Settling): Promise<Answer> {
  const handle = sweep(cluster, { ...testSettings, trustDomain: 'other.org' }, nodeEventLoop);
  const tick = new CloudEvent({ type: 'dev.knative.sources.ping', source: '/ping', id: 'tick' });
  return await handle(tick, { log: pino({ level: 'silent' }) });
}

const labelsOf = (name: string) => ({
  'kleym.sonda.red/managed-by': 'kleym',
  'kleym.sonda.red/binding-name': name,
  'kleym.sonda.red/binding-namespace': 'team-a',
});

/** Hands events to one and the same sweep, without a server in between: what is asked at once, meets. */
function asker(cluster: Cluster): (id: string) => Promise<Answer> {
  const handle = sweep(cluster, testSettings, nodeEventLoop);
  const log = pino({ level: 'silent' });
  return (id) => handle(new CloudEvent({ type: 'org.example.letter', source: '/letters', id }), { log });
}

/** A cluster with one binding that nobody has looked at; the first look at it lasts until it is told to go on. */
async function createHeldLook() {
  const begun = Promise.withResolvers<void>();
  const held = Promise.withResolvers<void>();
  const here = await createSettling((real) => ({
    listBindings: async (where) => {
      begun.resolve();
      await held.promise;
      return real.listBindings(where);
    },
  }));
  await here.create(pool(), objective(), binding());
  return { here, begun: begun.promise, goOn: held.resolve };
}

describe('the sweep', () => {
  test('has nothing to say about a cluster at rest, and writes nothing', async () => {
    const here = await atRest();
    here.writes.length = 0;
    expect(await look(here.cluster)).toEqual({ status: 204 });
    expect(here.writes).toEqual([]);
  });

  test('has nothing to say about an empty cluster', async () => {
    const here = await createSettling();
    expect(await look(here.cluster)).toEqual({ status: 204 });
  });

  test('names what nobody has looked at, and only that', async () => {
    const here = await atRest();
    await here.create(binding('binding-c', { containerName: 'other' }));
    await here.edit(poolBinding('binding-b'), { spec: { serviceAccountName: 'other-sa' } });
    expect(await look(here.cluster)).toEqual({
      status: 200,
      bindings: [{ namespace: 'team-a', names: ['binding-b', 'binding-c'], hasOwnReason: true }],
    });
  });

  test('names all bindings that were written with other settings, and says with which', async () => {
    const here = await atRest();
    expect(await lookFromElsewhere(here)).toMatchObject({
      kind: 'reply',
      facts: { bindings: 3, otherSettings: `trust domain ${testSettings.trustDomain} and no class` },
      // If reconcile has still those settings, it must look all the same.
      event: { data: { bindings: [{ namespace: 'team-a', names: ['binding-a', 'binding-b', 'lost'] }] } },
    });
  });

  test('names those of them for a look at the whole namespace whose overlaps are not recorded', async () => {
    const here = await withOverlap();
    await here.edit(binding('wide'), { status: { conflicts: null } }, 'status');
    const bindings = [
      { namespace: 'team-a', names: ['binding-a', 'binding-b', 'lost'] },
      { namespace: 'team-a', names: ['wide'], isWhole: true },
    ];
    expect(await lookFromElsewhere(here)).toMatchObject({
      event: { data: { bindings } },
    });
  });

  test('names both sides of a collision that nobody has seen, the old one for a look at the whole namespace', async () => {
    const here = await atRest();
    await here.create(binding('binding-c'));
    expect(await look(here.cluster)).toEqual({
      status: 200,
      bindings: [
        { namespace: 'team-a', names: ['binding-c'], hasOwnReason: true },
        { namespace: 'team-a', names: ['binding-a'], isWhole: true },
      ],
    });
  });

  test('names the bindings of a pool that changed unseen', async () => {
    const here = await atRest();
    await here.edit(pool(), { spec: { selector: { matchLabels: { app: 'next' } } } });
    expect(await look(here.cluster)).toEqual({
      status: 200,
      bindings: [{ namespace: 'team-a', names: ['binding-a', 'binding-b'], hasOwnReason: true }],
    });
  });

  test('names a refused binding for its own reason, and for a look at the whole namespace if an overlap is not recorded', async () => {
    const here = await withOverlap();
    await refuseOutputOf(here, binding('wide'));
    const own = { namespace: 'team-a', names: ['wide'], hasOwnReason: true };
    expect(await look(here.cluster)).toEqual({ status: 200, bindings: [own] });
    await here.edit(binding('wide'), { status: { conflicts: null } }, 'status');
    const whole = { namespace: 'team-a', names: ['wide'], isWhole: true };
    expect(await look(here.cluster)).toEqual({ status: 200, bindings: [whole] });
  });

  test('names a binding that is gone and has left an output', async () => {
    const here = await atRest();
    await here.create(
      output('kleym-team-a-gone-pool-00000000', { hint: 'team-a/gone' }, { labels: labelsOf('gone') }),
    );
    expect(await look(here.cluster)).toEqual({
      status: 200,
      bindings: [{ namespace: 'team-a', names: ['gone'], isWhole: true }],
    });
    await here.settle(['gone']);
    expect(await look(here.cluster)).toEqual({ status: 204 });
  });

  test('leaves alone what carries our labels and is not ours', async () => {
    const here = await atRest();
    await here.create(output('somebody-else', { hint: 'team-a/gone' }, { labels: labelsOf('gone') }));
    expect(await look(here.cluster)).toEqual({ status: 204 });
  });

  test.each([
    'red.sonda.kleym.bindings.affected',
    'dev.knative.apiserver.resource.add',
    'org.example.anything',
  ])('looks whatever event asks for it, for it takes dead letters: %s', async (type) => {
    const here = await atRest();
    await here.create(binding('binding-c', { containerName: 'other' }));
    expect(await look(here.cluster, 'letter', type)).toMatchObject({ status: 200 });
  });

  test('answers 503 where the API server leaves a question open', async () => {
    const here = await createSettling(() => ({
      listOutputs: () => Promise.reject(new UncertainError('no answer')),
    }));
    expect(await look(here.cluster)).toEqual({
      status: 503,
      error: { error: 'not now', reason: 'no answer' },
    });
  });

  test('takes a crowd of dead letters with two looks, and the last of each carries the reply', async () => {
    const { here, begun, goOn } = await createHeldLook();
    const ask = asker(here.cluster);
    const first = ask('first');
    await begun;
    const others = ['b', 'c', 'last'].map(ask);
    goOn();
    expect(await Promise.all([first, ...others])).toMatchObject([
      { kind: 'reply', event: { data: { bindings: [{ names: ['binding-a'] }] } } },
      { kind: 'nothing', facts: { sharedWith: 'last' } },
      { kind: 'nothing', facts: { sharedWith: 'last' } },
      { kind: 'reply', event: { data: { bindings: [{ names: ['binding-a'] }] } } },
    ]);
    expect(here.calls.filter((call) => call === 'listBindings')).toHaveLength(2);
  });

  test('rests after a look for three times as long as it took, and at most for 20 s', async () => {
    let now = 0;
    let looksTake = 2_000;
    const here = await createSettling(() => ({
      listOutputs: () => {
        now += looksTake;
        return undefined;
      },
    }));
    const rests: number[] = [];
    const held = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    const clock = {
      ...nodeEventLoop,
      elapsed: () => now,
      sleep: async (ms: number) => held[rests.push(ms) - 1]?.promise,
    };
    const handle = sweep(here.cluster, testSettings, clock);
    const log = pino({ level: 'silent' });
    const ask = (id: string) =>
      handle(new CloudEvent({ type: 'org.example.letter', source: '/letters', id }), { log });
    const countLooks = () => here.calls.filter((call) => call === 'listOutputs').length;

    await ask('a');
    const [b, c] = [ask('b'), ask('c')];
    await nodeEventLoop.yieldToOthers();
    expect(countLooks()).toBe(1);
    looksTake = 60_000;
    held[0]?.resolve();
    expect(await b).toMatchObject({ kind: 'nothing', facts: { sharedWith: 'c' } });
    await c;
    expect(countLooks()).toBe(2);
    expect(rests).toEqual([6_000, 20_000]);
  });

  test('fails for all who share a look that fails, so that each comes again', async () => {
    const here = await createSettling(() => ({
      listBindings: () => Promise.reject(new UncertainError('no answer')),
    }));
    const answers = await Promise.allSettled(['a', 'b', 'c'].map(asker(here.cluster)));
    expect(answers.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected']);
  });
});
