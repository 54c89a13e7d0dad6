import { writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, expect, onTestFailed, test } from 'vitest';
import { checkHistory } from '../support/check-history.ts';
import { binding, objective, output, pool, poolBinding } from '../support/manifests.ts';
import { startFaultProxy } from '../support/fault-proxy.ts';
import { type Manifest, KubeError } from '../support/kube-client.ts';
import { type History, startWriteRecorder } from '../support/write-recorder.ts';
import { useCluster } from '../support/test-cluster.ts';
import { createRandom } from '../support/random.ts';
import { startControlPlane } from './control-plane.ts';
import { readWorld, untilStable } from './read-world.ts';
import { openKeptProcesses } from './kept-processes.ts';
import { type StackProcess, createStackProcess } from './stack-process.ts';

const seconds = Number(process.env['KLEYM_STORM_SECONDS'] || 60);
const seed = Number(process.env['KLEYM_STORM_SEED'] || Date.now() % 1_000_000);
/** With `refuse`, forty bindings at rest make the service account one that is not read whole. */
const overlapPolicy = process.env['KLEYM_STORM_POLICY'] === 'refuse' ? 'refuse' : 'report';
const bystanders = Array.from(
  { length: overlapPolicy === 'refuse' ? 40 : 0 },
  (_none, index) => `calm-${index}`,
);
/** How long after the last edit the dead may still be heard; their requests had seconds. */
const lastWordsMs = 3000;

const controlPlane = await startControlPlane();
afterAll(() => controlPlane.stop());
const processes = await openKeptProcesses('kleym-storm');
afterAll(() => processes.end());
const cluster = await useCluster(controlPlane.kubeconfigFile);
// The stacks come through a proxy, so that afterwards nobody has to wait for the claims of the dead.
const proxy = await startFaultProxy(cluster.kubeConfig);
afterAll(() => proxy.close());
const { kube } = cluster;
const here = await cluster.namespace();
const random = createRandom(seed);

const hold = 'example.org/hold';
const keys = ['one', 'two', 'three'] as const;
const names = Array.from({ length: 12 }, (_none, index) => `binding-${index}`);

function chance(share: number): boolean {
  return random(1000) < share * 1000;
}

function pick<T>(items: readonly T[]): T {
  const item = items[random(Math.max(items.length, 1))];
  if (item === undefined) throw new Error('there is nothing to pick from');
  return item;
}

/** Whose workloads a binding asks for: those of a pool, and there of one container, or of all. */
interface Wish {
  readonly key: (typeof keys)[number];
  readonly container: string | undefined;
  readonly account?: string;
  /** Of the pods with this label alone; empty: of all. */
  readonly role?: string;
}

function toManifest(name: string, { key, container, account = 'inference-sa', role = '' }: Wish): Manifest {
  const spec = {
    poolRef: { name: `pool-${key}` },
    serviceAccountName: account,
    ...(role !== '' && { podLabels: { role } }),
  };
  if (container === undefined) return poolBinding(name, spec);
  return binding(name, { ...spec, objectiveRef: { name: `objective-${key}` }, containerName: container });
}

/** Half of the time in the way of others, else beside them. */
function manifestOf(name: string): Manifest {
  const container = chance(0.15) ? undefined : pick(['main', `own-${name}`]);
  return toManifest(name, {
    key: pick(keys),
    container,
    account: pick(['inference-sa', 'inference-sa', 'inference-sa', 'other-sa']),
    role: pick(['', '', 'prefill', 'decode']),
  });
}

/** A merge patch from whatever spec there was to another one. */
function patchOf(manifest: Manifest): object {
  const spec = {
    mode: 'PerObjective',
    objectiveRef: null,
    containerName: null,
    podLabels: null,
    ...(manifest['spec'] as object),
  };
  return { spec: JSON.parse(JSON.stringify(spec, (_key, value: unknown) => value ?? null)) as object };
}

/** An output says whose it is in three places. Without all three it is somebody else's, so a storm leaves one alone. */
const marks: readonly (readonly object[])[] = [
  [{ spec: { hint: 'nobody/nothing' } }],
  [{ metadata: { labels: null } }, { metadata: { labels: { 'kleym.sonda.red/binding-name': 'nobody' } } }],
  [{ metadata: { annotations: null } }],
];
const damages: readonly object[] = [
  { spec: { spiffeIDTemplate: 'spiffe://example.org/evil' } },
  { spec: { workloadSelectorTemplates: ['k8s:ns:nowhere'] } },
  { metadata: { annotations: { 'example.org/note': 'mine' } } },
  ...marks.filter((_mark, place) => place !== seed % marks.length).flat(),
];

async function put(manifest: Manifest): Promise<void> {
  await here.edit(manifest, patchOf(manifest)).catch(async (error: unknown) => {
    onlyKube(error);
    await here.create(manifest).catch(onlyKube);
  });
}

async function ownOutputs(foreign: ReadonlySet<string>): Promise<Manifest[]> {
  const { outputs } = await readWorld(kube, here.name, foreign);
  return outputs.map(({ metadata }) => output(metadata.name));
}

interface Deed {
  readonly weight: number;
  readonly act: (foreign: ReadonlySet<string>) => Promise<unknown>;
}

const deeds: readonly Deed[] = [
  { weight: 30, act: async () => put(manifestOf(pick(names))) },
  {
    // Two ask for the same: what one of them had must be gone before anybody says so.
    weight: 10,
    act: async () => {
      const wish = { key: pick(keys), container: 'main' };
      await put(toManifest(pick(names), { ...wish, container: `own-${pick(names)}` }));
      await sleep(random(150));
      await Promise.all([put(toManifest(pick(names), wish)), put(toManifest(pick(names), wish))]);
    },
  },
  {
    // One goes and another comes: the place is free only when the first has truly left it.
    weight: 12,
    act: async () => {
      const [first, second] = [pick(names), pick(names)];
      const wish = { key: pick(keys), container: `own-${first}` };
      await put(toManifest(first, wish));
      await sleep(100 + random(150));
      if (first !== second)
        await Promise.all([
          put(toManifest(first, { ...wish, container: 'left' })),
          put(toManifest(second, wish)),
        ]);
    },
  },
  {
    weight: 6,
    act: async () => {
      const apps = chance(0.5) ? ['two', 'three', 'one'] : ['three', 'one', 'two'];
      const turn = (key: string, index: number) =>
        here.edit(pool(`pool-${key}`), { spec: { selector: { matchLabels: { app: apps[index] } } } });
      await Promise.allSettled(keys.map(turn));
    },
  },
  { weight: 8, act: async () => here.delete(binding(pick(names))) },
  {
    weight: 6,
    act: async () => {
      const name = pick(names);
      await here.delete(binding(name)).catch(onlyKube);
      await here.create(manifestOf(name));
    },
  },
  {
    // Between the creation and the first look at it, or not: nobody can tell.
    weight: 3,
    act: async () => {
      const name = pick(names);
      await here.create(manifestOf(name));
      await sleep(random(25));
      await here.delete(binding(name));
    },
  },
  {
    weight: 14,
    act: async () => {
      const app = chance(0.12) ? '' : pick(keys);
      await here.edit(pool(`pool-${pick(keys)}`), { spec: { selector: { matchLabels: { app } } } });
    },
  },
  {
    weight: 3,
    act: async () => {
      const key = pick(keys);
      await here.delete(pool(`pool-${key}`)).catch(onlyKube);
      if (chance(0.8)) await here.create(pool(`pool-${key}`, { app: key }));
    },
  },
  { weight: 3, act: async () => here.create(pool(`pool-${pick(keys)}`, { app: pick(keys) })) },
  { weight: 6, act: async (foreign) => kube.edit(pick(await ownOutputs(foreign)), pick(damages)) },
  {
    weight: 2,
    act: async (foreign) => {
      const app = `evil-${random(1e9)}`;
      await kube.edit(pick(await ownOutputs(foreign)), { spec: { podSelector: { matchLabels: { app } } } });
    },
  },
  { weight: 6, act: async (foreign) => kube.delete(pick(await ownOutputs(foreign))) },
  {
    weight: 2,
    act: async (foreign) => kube.edit(pick(await ownOutputs(foreign)), { metadata: { finalizers: [hold] } }),
  },
  { weight: 3, act: letGo },
  {
    weight: 2,
    act: async (foreign) =>
      kube.edit(output(pick([...foreign])), { metadata: { annotations: { touched: String(random(1e9)) } } }),
  },
  { weight: 1, act: async () => here.delete(binding('taken')) },
  { weight: 2, act: async () => here.create(binding('taken', { containerName: 'taken' })) },
];

/** Everything that is held, however it looks by now: nothing else of it may be left to find it by. */
async function letGo(): Promise<void> {
  for (const one of await kube.list(output('any'))) {
    if (one.metadata.finalizers?.includes(hold)) await kube.edit(one, { metadata: { finalizers: null } });
  }
}

/** Somebody was faster, or there is nothing to do it to: such is the life of users. */
function onlyKube(error: unknown): void {
  if (error instanceof KubeError && error.status < 500) return;
  throw error;
}

async function edit(until: number, foreign: ReadonlySet<string>): Promise<number> {
  const all = deeds.flatMap((deed) => Array.from({ length: deed.weight }, () => deed));
  let done = 0;
  while (performance.now() < until) {
    await pick(all)
      .act(foreign)
      .then(() => (done += 1), ignoreNothingToPick);
    // In bursts: what follows at once meets what is under way.
    await sleep(chance(0.6) ? random(20) : random(250));
  }
  return done;
}

function ignoreNothingToPick(error: unknown): void {
  if (error instanceof Error && error.message === 'there is nothing to pick from') return;
  onlyKube(error);
}

async function killAndRestart(until: number, stacks: readonly StackProcess[]): Promise<number> {
  let killed = 0;
  while (performance.now() < until) {
    await sleep(2500 + random(4500));
    const stack = pick(stacks);
    await stack.kill();
    killed += 1;
    await sleep(random(500));
    await stack.start();
  }
  return killed;
}

/** What a failure is studied by. */
async function writeHistory(history: History): Promise<void> {
  const file = join(tmpdir(), `kleym-storm-${seed}.json`);
  await writeFile(file, JSON.stringify(history, undefined, 1));
  process.stderr.write(`storm: the history is in ${file}\n`);
}

/** A foreign object under the name of an output of ours, and one that only looks like ours. */
async function plantForeign(): Promise<ReadonlySet<string>> {
  const manifest = binding('taken', { containerName: 'taken' });
  await here.create(manifest);
  const { metadata } = await here.ready('taken');
  await here.delete(manifest);
  await here.gone('taken');
  const labels = {
    'kleym.sonda.red/managed-by': 'kleym',
    'kleym.sonda.red/binding-name': 'binding-0',
    'kleym.sonda.red/binding-namespace': here.name,
  };
  const manifests = [
    output(metadata.name),
    output(`somebody-${here.name}`, { hint: `${here.name}/binding-0` }, { labels }),
  ];
  const planted = [];
  for (const manifest of manifests) planted.push(await kube.create(manifest));
  return new Set(planted.map(({ metadata }) => metadata.name));
}

test(
  `no promise is broken at any point of a storm of ${seconds} s (KLEYM_STORM_SEED=${seed}), and everything comes to rest`,
  { timeout: (seconds + 120) * 1000 },
  async () => {
    const kubeconfig = await processes.writeKubeconfig('kubeconfig', proxy.kubeConfig.exportConfig());
    const stacks = ['stack-1', 'stack-2'].map((name) =>
      createStackProcess(processes, { name, kubeconfig, sweepSeconds: 4, overlapPolicy }),
    );
    onTestFailed(async () => {
      for (const stack of stacks) process.stderr.write(`${stack.name}:\n${await stack.tail()}\n`);
    });
    for (const key of keys) {
      await here.create(
        pool(`pool-${key}`, { app: key }),
        objective(`objective-${key}`, { name: `pool-${key}` }),
      );
    }
    await here.create(pool('pool-a', { app: 'a' }), objective(), poolBinding('bystander'));
    await here.create(...bystanders.map((name) => binding(name, { containerName: name })));
    for (const stack of stacks) await stack.start();
    const foreign = await plantForeign();
    const recorder = await startWriteRecorder(cluster.url);

    const until = performance.now() + seconds * 1000;
    const users = [edit(until, foreign), edit(until, foreign)];
    const [kills, ...edited] = await Promise.all([killAndRestart(until, stacks), ...users]);

    await here.create(binding('taken', { containerName: 'taken' })).catch(onlyKube);
    await letGo();
    await sleep(lastWordsMs);
    proxy.advanceClock(200_000);
    const since = performance.now();
    // A broken promise says more than the state that it has led to, so it is told first.
    const unrest: unknown = await untilStable(kube, here.name, { foreign, overlapPolicy }).then(
      () => undefined,
      (error: unknown) => error,
    );
    const rested = Math.round(performance.now() - since);

    const touch = { metadata: { annotations: { touched: 'last' } } };
    await recorder.upTo(
      await here.edit(poolBinding('bystander'), touch),
      await kube.edit(output(`somebody-${here.name}`), touch),
    );
    await recorder.stop();
    const history = recorder.history();
    const { violations, raced, seen } = checkHistory(history, foreign, overlapPolicy);
    const edits = edited.reduce((sum, one) => sum + one, 0);
    const facts = { seed, edits, kills, writes: history.events.length, raced, rested, ...seen };
    process.stderr.write(`storm: ${JSON.stringify(facts)}\n`);
    if (violations.length > 0 || unrest !== undefined) await writeHistory(history);
    expect(violations).toEqual([]);
    if (unrest !== undefined) throw unrest;
    // A storm in which nothing happened would prove nothing.
    expect(Object.entries(seen).filter(([, times]) => times === 0)).toEqual([]);
    expect(kills).toBeGreaterThan(1);
  },
);
