import { setImmediate } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { settle } from '../functions/reconcile/settle.ts';
import type { Cluster } from '../shared/kube/cluster.ts';
import { connect } from '../shared/kube/kube-cluster.ts';
import { createClusterInReach } from './support/cluster-in-reach.ts';
import { binding, objective, output, pool } from './support/drafts.ts';
import type { Draft, Stored } from './support/kube-client.ts';
import { findViolations } from './support/oracle.ts';
import { readDefinitions, testSettings } from './support/test-cluster.ts';
import { type Call, takeTurns } from './support/turns.ts';

// What goes wrong when one safeguard of the protocol is missing, told to the shipped loop call by call: it must end well.
// t1, t2 are runs of it; A and B are bindings; a key is the container that they ask for.

const { kube, connection } = createClusterInReach(await readDefinitions());

/** A run that makes its calls when it is told to. */
interface Teller {
  /** Makes calls until this one is the next. */
  readonly until: (name: keyof Cluster) => Promise<Call>;
  /** Makes all calls that are left, and says how it ended for its first binding. */
  readonly finish: () => Promise<string>;
  /** The names of the calls that were made. */
  readonly made: string[];
}

interface Scene {
  readonly namespace: string;
  /** Outputs that say by no uid whose they are. */
  readonly leftovers: Set<string>;
  readonly run: (name: string) => Promise<Teller>;
  readonly settle: (...names: string[]) => Promise<void>;
  readonly create: (draft: Draft) => Promise<Stored>;
  readonly edit: (name: string, spec: object) => Promise<void>;
  readonly editPool: (name: string, labels: object) => Promise<void>;
  readonly remove: (name: string) => Promise<void>;
  readonly outputs: () => Promise<Stored[]>;
  readonly output: (name: string) => Promise<Stored | undefined>;
  readonly ready: (name: string) => Promise<string>;
}

let scenes = 0;

/** A namespace with the pools p and q and an objective for each; after every write the invariants are checked. */
async function setUp(): Promise<Scene> {
  const namespace = `story-${++scenes}`;
  let nonces = 0;
  const leftovers = new Set<string>();
  const at = (draft: Draft): Draft => ({ ...draft, metadata: { ...draft.metadata, namespace } });
  const create = async (draft: Draft): Promise<Stored> => kube.create(at(draft));
  await kube.create({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } });
  for (const [name, app] of [
    ['p', 'x'],
    ['q', 'y'],
  ] as const) {
    await create(pool(name, { app }));
    await create(objective(`for-${name}`, { name }));
  }

  async function outputs(): Promise<Stored[]> {
    const labelSelector = `kleym.sonda.red/binding-namespace=${namespace}`;
    return kube.list({ apiVersion: output('x').apiVersion, kind: 'ClusterSPIFFEID', labelSelector });
  }

  async function check(): Promise<void> {
    const bindings = await kube.list({ apiVersion: binding().apiVersion, kind: binding().kind, namespace });
    const violations = findViolations({ namespace, bindings, outputs: await outputs() });
    // The Go operator's outputs name no uid, so the oracle cannot see whose they are.
    const ours = violations.filter(
      (line) => !(line.endsWith('has no binding') && leftovers.has(line.split(' ')[0] ?? '')),
    );
    expect(ours).toEqual([]);
  }

  async function run(name: string): Promise<Teller> {
    const { cluster, waiting } = takeTurns(connect(connection));
    const tools = {
      cluster,
      announcer: { tell: () => undefined, told: async () => undefined },
      nonce: () => `nonce-${scenes}-${nonces++}`,
      elapsed: () => 0,
    };
    const state: { ending?: string | undefined } = {};
    const over = (async () => {
      const { endings } = await settle(namespace, [name], testSettings, tools);
      state.ending = endings.get(name)?.kind;
    })();
    const made: string[] = [];
    async function next(): Promise<Call | undefined> {
      for (let wait = 0; wait < 50 && waiting.length === 0 && state.ending === undefined; wait++)
        await setImmediate();
      return waiting[0];
    }
    async function make(): Promise<void> {
      const call = waiting.shift();
      if (!call) throw new Error(`the run of ${name} waits for something that is no call`);
      made.push(call.name);
      await call.make();
      if (call.isWrite) await check();
    }
    return {
      made,
      until: async (wanted) => {
        for (let call = await next(); call?.name !== wanted; call = await next()) {
          if (!call) throw new Error(`the run of ${name} ended before ${wanted}: ${made.join(', ')}`);
          await make();
        }
        const call = waiting.shift();
        if (!call) throw new Error(`${wanted} is gone`);
        made.push(call.name);
        return call;
      },
      finish: async () => {
        while (await next()) await make();
        await over;
        return state.ending ?? 'never';
      },
    };
  }

  return {
    namespace,
    leftovers,
    run,
    settle: async (...names) => {
      for (const name of names) await (await run(name)).finish();
    },
    create,
    edit: async (name, spec) => void (await kube.edit(at(binding(name)), { spec })),
    editPool: async (name, labels) =>
      void (await kube.edit(at(pool(name)), { spec: { selector: { matchLabels: labels } } })),
    remove: async (name) => kube.delete(at(binding(name))),
    outputs,
    output: async (name) =>
      (await outputs()).find((one) => one.metadata.labels?.['kleym.sonda.red/binding-name'] === name),
    ready: async (name) => {
      const stored = await kube.get(at(binding(name)));
      const status = stored?.['status'] as { conditions?: { type: string; reason: string }[] } | undefined;
      return status?.conditions?.find(({ type }) => type === 'Ready')?.reason ?? '';
    },
  };
}

/** A binding for the objective of a pool. */
function ask(name: string, containerName: string, more: object = {}): Draft {
  const { pool: poolName = 'p', ...spec } = more as { pool?: string };
  return binding(name, {
    poolRef: { name: poolName },
    objectiveRef: { name: `for-${poolName}` },
    containerName,
    ...spec,
  });
}

function containerOf(stored: Stored | undefined): string | undefined {
  const { workloadSelectorTemplates = [] } = (stored?.['spec'] ?? {}) as {
    workloadSelectorTemplates?: string[];
  };
  return workloadSelectorTemplates.find((selector) => selector.startsWith('k8s:container-name:'))?.slice(19);
}

function podsOf(stored: Stored | undefined): object | undefined {
  return (stored?.['spec'] as { podSelector: { matchLabels: object } } | undefined)?.podSelector.matchLabels;
}

/** An output as the Go operator leaves it: no annotations of ours, no label for the service account. */
async function leaveOperatorOutput(scene: Scene, of: string, containerName: string): Promise<Stored> {
  await scene.create(ask(of, containerName));
  await scene.settle(of);
  const ours = await scene.output(of);
  if (!ours) throw new Error('nothing to take over');
  await scene.remove(of);
  await scene.settle(of);
  const { 'kleym.sonda.red/service-account': _account, ...labels } = ours.metadata.labels ?? {};
  scene.leftovers.add(ours.metadata.name);
  return kube.create(output(ours.metadata.name, ours['spec'] as object, { labels }));
}

describe('what each safeguard prevents', () => {
  test('a move that is given up is fenced: its PUT cannot land on a key that somebody else has by then', async () => {
    const scene = await setUp();
    await scene.create(ask('a', 'k1'));
    await scene.settle('a');
    await scene.edit('a', { containerName: 'k2' });
    const put = await (await scene.run('a')).until('replaceOutput');
    await scene.edit('a', { containerName: 'k1' });
    await scene.settle('a');
    await scene.create(ask('b', 'k2'));
    await scene.settle('b');
    await put.land();
    expect(containerOf(await scene.output('a'))).toBe('k1');
    expect(containerOf(await scene.output('b'))).toBe('k2');
  });

  test('a PUT goes onto the resourceVersion of its announcement, not onto one that was read later', async () => {
    const scene = await setUp();
    await scene.create(ask('a', 'k1'));
    await scene.settle('a');
    await scene.edit('a', { containerName: 'k2' });
    await (await scene.run('a')).until('replaceOutput');
    const t1 = await scene.run('a');
    const reading = await t1.until('listOutputs');
    await scene.edit('a', { containerName: 'k1' });
    await scene.settle('a');
    await scene.create(ask('b', 'k2'));
    await scene.settle('b');
    await reading.make();
    await t1.finish();
    expect([containerOf(await scene.output('a')), containerOf(await scene.output('b'))]).toEqual([
      'k1',
      'k2',
    ]);
  });

  test('an output takes no new key that was not announced', async () => {
    const scene = await setUp();
    await scene.create(ask('a', 'k1'));
    await scene.settle('a');
    await scene.edit('a', { containerName: 'k2' });
    const t1 = await scene.run('a');
    const announcing = await t1.until('replaceStatus');
    expect(t1.made).not.toContain('replaceOutput');
    await scene.edit('a', { containerName: 'k1' });
    await scene.create(ask('b', 'k2'));
    await scene.settle('b');
    await announcing.make();
    await t1.finish();
    expect([containerOf(await scene.output('a')), containerOf(await scene.output('b'))]).toEqual([
      'k1',
      'k2',
    ]);
  });

  test('the claim of a move holds its key until the PUT has landed or cannot land any more', async () => {
    const scene = await setUp();
    await scene.create(ask('a', 'k1'));
    await scene.settle('a');
    await scene.edit('a', { containerName: 'k2' });
    const t1 = await scene.run('a');
    const put = await t1.until('replaceOutput');
    await scene.edit('a', { containerName: 'k1' });
    await scene.create(ask('b', 'k2'));
    const t2 = await scene.run('b');
    expect(await t2.finish()).toBe('waiting');
    expect(t2.made).not.toContain('createOutput');
    await put.make();
    await t1.finish();
    await scene.settle('a', 'b');
    expect([containerOf(await scene.output('a')), containerOf(await scene.output('b'))]).toEqual([
      'k1',
      'k2',
    ]);
  });

  test("the Go operator's output is not corrected onto a key that somebody still has", async () => {
    const scene = await setUp();
    await leaveOperatorOutput(scene, 'a', 'k2');
    await scene.create(ask('a', 'k0'));
    await scene.create(ask('b', 'k1'));
    await scene.settle('b');
    await scene.edit('b', { containerName: 'k3' });
    await scene.edit('a', { containerName: 'k1' });
    const t1 = await scene.run('a');
    expect(await t1.finish()).toBe('waiting');
    await scene.settle('b', 'a');
    expect([containerOf(await scene.output('a')), containerOf(await scene.output('b'))]).toEqual([
      'k1',
      'k3',
    ]);
  });

  test('whoever announces looks at the claims of others before the POST', async () => {
    const scene = await setUp();
    await scene.create(ask('a', 'k1'));
    const post = await (await scene.run('a')).until('createOutput');
    await scene.edit('a', { containerName: 'k2' });
    await scene.create(ask('b', 'k1'));
    const t2 = await scene.run('b');
    expect(await t2.finish()).toBe('waiting');
    await post.land();
    await scene.settle('a', 'b');
    expect([containerOf(await scene.output('a')), containerOf(await scene.output('b'))]).toEqual([
      'k2',
      'k1',
    ]);
  });

  test('between announcement and POST everything is read again', async () => {
    const scene = await setUp();
    await scene.create(ask('a', 'k1'));
    const t1 = await scene.run('a');
    await (await t1.until('replaceStatus')).make();
    await scene.editPool('p', { app: 'z' });
    await scene.editPool('q', { app: 'x' });
    await scene.create(ask('b', 'k1', { pool: 'q' }));
    expect(await (await scene.run('b')).finish()).toBe('waiting');
    await t1.finish();
    await scene.settle('b');
    expect(podsOf(await scene.output('a'))).toEqual({ app: 'z' });
    expect(podsOf(await scene.output('b'))).toEqual({ app: 'x' });
  });

  test('a binding stays until a POST on its way has landed: it leaves no output behind', async () => {
    const scene = await setUp();
    await scene.create(ask('a', 'k1'));
    const post = await (await scene.run('a')).until('createOutput');
    await scene.remove('a');
    const t2 = await scene.run('a');
    expect(await t2.finish()).toBe('waiting');
    expect(await scene.ready('a')).toBe('Initializing');
    await post.land();
    await scene.settle('a');
    expect(await scene.outputs()).toEqual([]);
    expect(await scene.ready('a')).toBe('');
  });

  test('a nonce is posted by the run that announced it, and by no other', async () => {
    const scene = await setUp();
    await scene.create(ask('a', 'k1'));
    const post = await (await scene.run('a')).until('createOutput');
    const t2 = await scene.run('a');
    expect(await t2.finish()).toBe('waiting');
    expect(t2.made).not.toContain('createOutput');
    await post.land();
    await scene.settle('a');
    expect(await scene.ready('a')).toBe('Reconciled');
  });

  test('a DELETE meets the object that was read, not another one under its name', async () => {
    const scene = await setUp();
    await scene.create(ask('a', 'k1'));
    await scene.settle('a');
    const old = await scene.output('a');
    await scene.create(objective('another', { name: 'p' }));
    await scene.edit('a', { objectiveRef: { name: 'another' } });
    const t1 = await scene.run('a');
    const deleting = await t1.until('deleteOutput');
    await kube.delete(output(old?.metadata.name ?? ''));
    const foreign = await kube.create(output(old?.metadata.name ?? ''));
    await deleting.make();
    await t1.finish();
    expect((await kube.get(output(foreign.metadata.name)))?.metadata.uid).toBe(foreign.metadata.uid);
  });

  test('an orphan that was adopted since it was read is not deleted', async () => {
    const scene = await setUp();
    const left = await leaveOperatorOutput(scene, 'a', 'k1');
    const t1 = await scene.run('a');
    const deleting = await t1.until('deleteOutput');
    await scene.create(ask('a', 'k1'));
    await scene.settle('a');
    await deleting.make();
    await t1.finish();
    expect((await scene.output('a'))?.metadata.uid).toBe(left.metadata.uid);
    expect(await scene.ready('a')).toBe('Reconciled');
  });

  test('an output is withdrawn before the status says that it is', async () => {
    const scene = await setUp();
    await scene.create(ask('a', 'k1'));
    await scene.settle('a');
    await scene.editPool('p', { app: '' });
    const t1 = await scene.run('a');
    const reporting = await t1.until('replaceStatus');
    expect(t1.made).toContain('deleteOutput');
    expect(await scene.outputs()).toEqual([]);
    await reporting.make();
    expect(await t1.finish()).toBe('settled');
    expect(await scene.ready('a')).toBe('InvalidPoolSelector');
  });

  test('two that swap their keys do not wait for each other for ever', async () => {
    const scene = await setUp();
    await scene.create(ask('a', 'k1'));
    await scene.create(ask('b', 'k2'));
    await scene.settle('a', 'b');
    await scene.edit('a', { containerName: 'k2' });
    await scene.edit('b', { containerName: 'k1' });
    await scene.settle('a', 'b', 'a', 'b');
    expect([containerOf(await scene.output('a')), containerOf(await scene.output('b'))]).toEqual([
      'k2',
      'k1',
    ]);
  });

  test('bindings are read before outputs: an owner of nothing is not believed', async () => {
    const scene = await setUp();
    await scene.create(ask('a', 'k1'));
    const t2 = await scene.run('a');
    const listing = await t2.until('listOutputs');
    expect(t2.made.lastIndexOf('listBindings')).toBeLessThan(t2.made.indexOf('listOutputs'));
    await scene.settle('a');
    await scene.editPool('p', { app: '' });
    await listing.make();
    await t2.finish();
    expect(await scene.outputs()).toEqual([]);
    expect(await scene.ready('a')).toBe('InvalidPoolSelector');
  });

  test('an owner that no list showed is read by name before its output is called an orphan', async () => {
    const scene = await setUp();
    await scene.create(ask('a', 'k1'));
    const t1 = await scene.run('a');
    const listing = await t1.until('listOutputs');
    await scene.create(ask('b', 'k2'));
    await scene.settle('b');
    const created = await scene.output('b');
    await listing.make();
    await t1.finish();
    expect((await scene.output('b'))?.metadata.uid).toBe(created?.metadata.uid);
  });

  test('a claim is found under the service account of its key, whatever the binding asks for by now', async () => {
    const scene = await setUp();
    await scene.create(ask('a', 'k1', { serviceAccountName: 's' }));
    await scene.settle('a');
    await scene.edit('a', { serviceAccountName: 't' });
    const put = await (await scene.run('a')).until('replaceOutput');
    await scene.edit('a', { serviceAccountName: 's' });
    await scene.create(ask('b', 'k1', { serviceAccountName: 't' }));
    expect(await (await scene.run('b')).finish()).toBe('waiting');
    await put.land();
    await scene.settle('a', 'b');
    expect([await scene.ready('a'), await scene.ready('b')]).toEqual(['Reconciled', 'Reconciled']);
  });

  test("the Go operator's output holds its key although it is labelled with no service account", async () => {
    const scene = await setUp();
    await leaveOperatorOutput(scene, 'a', 'k2');
    await scene.create(ask('a', 'k1'));
    await scene.create(ask('b', 'k2'));
    const t2 = await scene.run('b');
    expect(await t2.finish()).toBe('waiting');
    expect(t2.made).not.toContain('createOutput');
    await scene.settle('a', 'b');
    expect([containerOf(await scene.output('a')), containerOf(await scene.output('b'))]).toEqual([
      'k1',
      'k2',
    ]);
  });
});
