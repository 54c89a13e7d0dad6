import { setImmediate } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { settle } from '../functions/reconcile/settle.ts';
import { findUnsettled } from '../functions/sweep/find-unsettled.ts';
import type { Cluster, Listed } from '../shared/kube/cluster.ts';
import { collectCluster } from '../shared/kube/collect-cluster.ts';
import { connect } from '../shared/kube/kube-cluster.ts';
import { UncertainError } from '../shared/api/uncertain-error.ts';
import { binding, objective, output, pool, poolBinding } from './support/drafts.ts';
import { createClusterInReach } from './support/cluster-in-reach.ts';
import { type Draft, KubeError } from './support/kube-client.ts';
import { type Everything, describeAll, expectAll, findViolations } from './support/oracle.ts';
import { readDefinitions, testSettings } from './support/test-cluster.ts';
import { type Call, createRandom, takeTurns } from './support/turns.ts';

const { kube, connection } = createClusterInReach(await readDefinitions());

/** A run of `settle`, between two of its calls. */
interface Run {
  readonly names: readonly string[];
  readonly waiting: Call[];
  over: boolean;
}

/** One story: users, two processes that run one after another whatever they are asked to, and what may go wrong. */
interface Story {
  readonly namespace: string;
  readonly random: () => number;
  /** Two bindings that hardly do anything but move from container to container; else whatever users may do. */
  readonly isNarrow: boolean;
  readonly clusters: readonly Cluster[];
  readonly runs: (Run | undefined)[];
  readonly asked: Set<string>[];
  readonly late: Call[];
  readonly told: string[];
  readonly failures: string[];
  elapsed: number;
  clockMs: number;
  nonces: number;
}

const readings = ['listBindings', 'listOutputs'] as const;

/** A connection of its own, whose clock may be told another time. */
function connectAt(story: Pick<Story, 'clockMs'>): Cluster {
  const cluster = connect(connection);
  const later = <T>(listed: Listed<T> | 'unserved'): Listed<T> | 'unserved' =>
    listed === 'unserved'
      ? listed
      : { ...listed, at: new Date(Date.parse(listed.at) + story.clockMs).toISOString() };
  return new Proxy(cluster, {
    get: (target, name: keyof Cluster) => {
      const call = target[name] as (...args: unknown[]) => Promise<Listed<unknown> | 'unserved'>;
      if (!readings.some((reading) => reading === name)) return call;
      return async (...args: unknown[]) => later(await call(...args));
    },
  });
}

function pick<T>({ random }: Story, items: readonly T[]): T {
  return items[Math.floor(random() * items.length)] as T;
}

const names = ['a', 'b', 'c'];
const containers = ['main', 'other', 'third'];
const poolNames = ['p', 'q'];

function namesIn({ isNarrow }: Pick<Story, 'isNarrow'>): readonly string[] {
  return isNarrow ? names.slice(0, 2) : names;
}

const labels = [{ app: 'x' }, { app: 'x' }, { app: 'x' }, { app: 'y' }, { app: 'y' }, { app: '' }];

function randomSpec(story: Story): object {
  const name = story.isNarrow ? 'p' : pick(story, poolNames);
  return {
    poolRef: { name },
    objectiveRef: { name: `for-${name}` },
    serviceAccountName: story.isNarrow || story.random() < 0.9 ? 'sa' : 'other-sa',
    containerName: pick(story, containers),
  };
}

/** What users do. What the API server refuses them (it exists, it is gone) is no story. */
async function edit(story: Story): Promise<void> {
  const { namespace } = story;
  const at = (draft: Draft): Draft => ({ ...draft, metadata: { ...draft.metadata, namespace } });
  const name = pick(story, namesIn(story));
  const poolName = pick(story, poolNames);
  const referring = async () => {
    const all = await kube.list({ apiVersion: binding().apiVersion, kind: binding().kind, namespace });
    return all
      .filter((one) => (one['spec'] as { poolRef: { name: string } }).poolRef.name === poolName)
      .map((one) => one.metadata.name);
  };
  const acts: [string, () => Promise<unknown>, (() => Promise<string[]>)?][] = [
    [`create ${name}`, () => kube.create(at(binding(name, randomSpec(story))))],
    [`create ${name} for a pool`, () => kube.create(at(poolBinding(name, { poolRef: { name: poolName } })))],
    [
      `edit ${name}`,
      () => kube.edit(at(binding(name)), { spec: { mode: 'PerObjective', ...randomSpec(story) } }),
    ],
    [
      `make ${name} PoolOnly`,
      () =>
        kube.edit(at(binding(name)), { spec: { mode: 'PoolOnly', objectiveRef: null, containerName: null } }),
    ],
    [`delete ${name}`, () => kube.delete(at(binding(name))), async () => [...names]],
    [
      `edit pool ${poolName}`,
      () => kube.edit(at(pool(poolName)), { spec: { selector: { matchLabels: pick(story, labels) } } }),
      referring,
    ],
    [`delete pool ${poolName}`, () => kube.delete(at(pool(poolName))), referring],
    [`create pool ${poolName}`, () => kube.create(at(pool(poolName, pick(story, labels)))), referring],
    [
      `move the objective of ${poolName}`,
      () =>
        kube.edit(at(objective(`for-${poolName}`)), { spec: { poolRef: { name: pick(story, poolNames) } } }),
      referring,
    ],
    [`delete an output`, () => removeOutput(story), async () => [...names]],
    [`SPIRE writes a status`, () => writeStatus(story)],
  ];
  // Mostly the edits that take workloads from one binding to another, because there two may meet.
  const flip: (typeof acts)[number] = [
    `flip the container of ${name}`,
    () =>
      kube.edit(at(binding(name)), {
        spec: { mode: 'PerObjective', containerName: pick(story, containers) },
      }),
  ];
  const [what, act, concerned] = story.random() < (story.isNarrow ? 0.95 : 0.5) ? flip : pick(story, acts);
  try {
    await act();
  } catch (error) {
    if (error instanceof KubeError && [404, 409, 422].includes(error.status)) return;
    throw error;
  }
  story.told.push(`user: ${what}`);
  // One event in ten is lost: what it would have led to is for the sweep.
  if (story.random() < 0.9) ask(story, (await concerned?.()) ?? [name]);
}

async function removeOutput(story: Story): Promise<void> {
  const { outputs } = await readAll(story.namespace);
  if (outputs.length > 0) await kube.delete(output(pick(story, outputs).metadata.name));
}

async function writeStatus(story: Story): Promise<void> {
  const { outputs } = await readAll(story.namespace);
  if (outputs.length === 0) return;
  const podsSelected = Math.floor(story.random() * 100);
  await kube.edit(
    output(pick(story, outputs).metadata.name),
    { status: { stats: { podsSelected } } },
    'status',
  );
}

function ask(story: Story, affected: readonly string[]): void {
  if (affected.length > 0) story.asked.push(new Set(affected));
}

async function readAll(namespace: string): Promise<Everything> {
  const [held, pools, objectives] = await Promise.all([
    readHeld(namespace),
    kube.list({ apiVersion: pool().apiVersion, kind: 'InferencePool', namespace }),
    kube.list({ apiVersion: objective().apiVersion, kind: 'InferenceObjective', namespace }),
  ]);
  return { ...held, pools, objectives };
}

async function readHeld(namespace: string): Promise<Pick<Everything, 'namespace' | 'bindings' | 'outputs'>> {
  const labelSelector = `kleym.sonda.red/binding-namespace=${namespace}`;
  const [bindings, outputs] = await Promise.all([
    kube.list({ apiVersion: binding().apiVersion, kind: binding().kind, namespace }),
    kube.list({ apiVersion: output('x').apiVersion, kind: 'ClusterSPIFFEID', labelSelector }),
  ]);
  return { namespace, bindings, outputs };
}

async function check(story: Story): Promise<void> {
  const violations = findViolations(await readHeld(story.namespace));
  if (violations.length > 0) throw new Error([...violations, ...story.told].join('\n'));
}

/** Begins a run in a process that has none. */
async function begin(story: Story, slot: number): Promise<void> {
  story.runs[slot] = undefined;
  const cluster = story.clusters[slot];
  const affected = story.asked.shift();
  if (!cluster || !affected) return;
  const turns = takeTurns(cluster);
  const run: Run = { names: [...affected], waiting: turns.waiting, over: false };
  story.runs[slot] = run;
  story.told.push(`run ${slot}: ${run.names.join(', ')}`);
  const tools = {
    cluster: turns.cluster,
    announcer: { tell: () => undefined, told: async () => undefined },
    nonce: () => `nonce-${story.nonces++}`,
    elapsed: () => story.elapsed,
  };
  void follow(story, slot, run, settle(story.namespace, run.names, testSettings, tools));
  await setImmediate();
}

/** The broker asks again after a 503, and passes a reply on. */
async function follow(
  story: Story,
  slot: number,
  run: Run,
  settling: ReturnType<typeof settle>,
): Promise<void> {
  try {
    const endings = [...(await settling).endings];
    const again = endings.filter(([, { kind }]) => kind === 'waiting' || kind === 'unfinished');
    const failed = endings.flatMap(([, ending]) => (ending.kind === 'failed' ? [String(ending.error)] : []));
    story.failures.push(...failed);
    end(
      story,
      slot,
      run,
      again.map(([name]) => name),
    );
  } catch (error) {
    if (!(error instanceof UncertainError)) story.failures.push(String(error));
    end(story, slot, run, run.names);
  }
}

function end(story: Story, slot: number, run: Run, again: readonly string[]): void {
  run.over = true;
  // Of a process that died nobody hears.
  if (story.runs[slot] === run) ask(story, again);
}

async function advance(story: Story, slot: number, run: Run): Promise<void> {
  const call = run.waiting.splice(Math.floor(story.random() * run.waiting.length), 1)[0];
  if (!call) return setImmediate();
  if (call.isWrite) story.told.push(`run ${slot}: ${call.name}`);
  await call.make();
  if (call.isWrite) await check(story);
}

/** The process dies; a write that it was about to make may be on its way all the same. */
function crash(story: Story, slot: number, run: Run): void {
  story.told.push(`run ${slot} dies`);
  story.runs[slot] = undefined;
  if (run.over) return;
  for (const call of run.waiting) if (call.isWrite && story.random() < 0.8) story.late.push(call);
  ask(story, run.names);
}

async function landLate(story: Story): Promise<void> {
  const call = story.late.splice(Math.floor(story.random() * story.late.length), 1)[0];
  if (!call) return;
  story.told.push(`late: ${call.name}`);
  await call.land();
  await check(story);
}

async function takeStep(story: Story): Promise<void> {
  const slot = Math.floor(story.random() * story.runs.length);
  const run = story.runs[slot];
  if (story.late.length > 0 && story.random() < 0.025) return landLate(story);
  // So long a pause that what was announced before may not be sent any more.
  if (story.random() < 0.005) story.elapsed += 21_000;
  if (!run || run.over) return begin(story, slot);
  const isWriting = run.waiting.some(({ isWrite }) => isWrite);
  // Between the decision and the write is where it hurts.
  if (isWriting && story.random() < 0.3) await edit(story);
  return story.random() < (isWriting ? 0.15 : 0.005) ? crash(story, slot, run) : advance(story, slot, run);
}

/** Nobody edits and nobody dies any more; what is late has landed or never will. */
async function comeToRest(story: Story): Promise<void> {
  while (story.late.length > 0 && story.random() < 0.7) await landLate(story);
  story.late.length = 0;
  for (let step = 0; step < 4000 && story.runs.some(isUnderWay); step++) {
    const slot = step % story.runs.length;
    const run = story.runs[slot];
    if (run && isUnderWay(run)) await advance(story, slot, run);
  }
  story.clockMs += 200_000;
  for (let sweep = 1; sweep <= 2; sweep++) {
    ask(story, await findNamed(story));
    for (let step = 0; step < 2000 && isBusy(story); step++) {
      const slot = step % story.runs.length;
      const run = story.runs[slot];
      if (run && !run.over) await advance(story, slot, run);
      else await begin(story, slot);
    }
  }
}

function isBusy({ runs, asked }: Story): boolean {
  return asked.length > 0 || runs.some(isUnderWay);
}

function isUnderWay(run: Run | undefined): boolean {
  return run !== undefined && !run.over;
}

async function findNamed(story: Story): Promise<string[]> {
  const snapshots = await collectCluster(connectAt(story));
  const own = snapshots.find(({ namespace }) => namespace === story.namespace);
  return own ? findUnsettled(own, testSettings) : [];
}

/** What one story leaves behind, the sweeps of all later ones would look at. */
async function clear({ bindings, outputs, pools, objectives }: Everything): Promise<void> {
  for (const held of bindings) await kube.edit(held, { metadata: { finalizers: null } });
  for (const left of [...bindings, ...outputs, ...pools, ...objectives]) await kube.delete(left);
}

/** Tells the story of a seed to its end: how all is, and how it should be. */
async function tell(seed: number): Promise<{ is: object; should: object }> {
  const clock = { clockMs: 0 };
  const story: Story = Object.assign(clock, {
    namespace: `race-${seed}`,
    random: createRandom(seed),
    isNarrow: seed % 2 === 0,
    clusters: [connectAt(clock), connectAt(clock)],
    runs: [undefined, undefined],
    asked: [],
    late: [],
    told: [`seed ${seed}`],
    failures: [],
    elapsed: 0,
    nonces: 0,
  });
  const { namespace } = story;
  await kube.create({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } });
  for (const draft of poolNames.flatMap((name) => [
    pool(name, story.isNarrow ? { app: 'x' } : pick(story, labels)),
    objective(`for-${name}`, { name }),
  ]))
    await kube.create({ ...draft, metadata: { ...draft.metadata, namespace } });
  for (const name of namesIn(story))
    await kube.create({ ...binding(name, randomSpec(story)), metadata: { name, namespace } });
  ask(story, namesIn(story));

  for (let step = 0; step < 150; step++) {
    if (story.random() < 0.05) await edit(story);
    await takeStep(story);
  }
  await comeToRest(story);

  const all = await readAll(namespace);
  const unsettled = await findNamed(story);
  await clear(all);
  const ends = { story: story.told, failures: story.failures };
  return {
    is: { ...ends, state: describeAll(all), unsettled },
    should: {
      story: story.told,
      failures: [],
      state: expectAll(all, testSettings.trustDomain),
      unsettled: [],
    },
  };
}

const groups = Array.from({ length: 10 }, (_, group) =>
  Array.from({ length: 20 }, (_, index) => group * 20 + index + 1),
);

describe('two processes that settle the same namespace at once, whatever users do and whoever dies', () => {
  test.each(groups.map((seeds) => [seeds[0], seeds.at(-1), seeds] as const))(
    'never give one workload two identities, and reach what the specification says (seeds %i to %i)',
    async (_first, _last, seeds) => {
      for (const seed of seeds) {
        const { is, should } = await tell(seed);
        expect(is).toEqual(should);
      }
    },
  );
});
