import { pino } from 'pino';
import { describe, expect, test } from 'vitest';
import { UncertainError } from '../../shared/api/uncertain-error.ts';
import type { Cluster } from '../../shared/kube/cluster.ts';
import { binding, objective, pool, poolBinding } from '../../test/support/manifests.ts';
import { postEvent, silentApp } from '../../test/support/post-event.ts';
import { type Override, createSettling } from '../../test/support/settling.ts';
import { testSettings } from '../../test/support/test-cluster.ts';
import { reconcile } from './reconcile.ts';

const type = 'red.sonda.kleym.bindings.affected';

function appOn(
  cluster: Cluster,
  elapsed: () => number = () => 0,
  sleep: (ms: number) => Promise<void> = async () => undefined,
) {
  let nonces = 0;
  const options = {
    cluster,
    settings: testSettings,
    log: pino({ level: 'silent' }),
    nonce: () => `nonce-${nonces++}`,
    elapsed,
    yieldToOthers: async () => undefined,
    sleep,
  };
  return silentApp(reconcile(options), 'reconcile');
}

const affected = (bindings: readonly object[]) => ({ attributes: { type }, data: { bindings } });
const inTeam = (...names: string[]) => affected([{ namespace: 'team-a', names }]);

test('a request for a whole look makes one, and those who share its batch have it too', async () => {
  const fields: (string | undefined)[] = [];
  const gate = Promise.withResolvers<void>();
  const here = await createSettling((real) => ({
    readBinding: async (...args) => {
      await gate.promise;
      return real.readBinding(...args);
    },
    listBindings: (where) => void fields.push([where.field ?? []].flat()[0]?.path),
  }));
  await here.create(pool(), objective(), binding(), poolBinding('binding-b'));
  const app = appOn(here.cluster);
  const first = postEvent(app, inTeam('binding-a'));
  await expect.poll(() => here.calls).toEqual(['readBinding']);
  const others = [
    postEvent(app, inTeam('binding-b')),
    postEvent(app, affected([{ namespace: 'team-a', names: ['binding-a'], isWhole: true }])),
  ];
  await new Promise((resolve) => void setImmediate(resolve));
  gate.resolve();
  await first;
  fields.length = 0;
  expect(await Promise.all(others)).toEqual([{ status: 204 }, { status: 204 }]);
  expect(new Set(fields)).toEqual(new Set([undefined]));
});

test('what is left of a whole look is asked for by a whole look', async () => {
  let elapsed = 0;
  const here = await createSettling(() => ({
    createOutput: () => {
      elapsed += 20_000;
      return undefined;
    },
  }));
  await here.create(pool(), poolBinding('binding-a'), poolBinding('binding-b'));
  const names = ['binding-a', 'binding-b'];
  const event = affected([{ namespace: 'team-a', names, isWhole: true }]);
  const answered = await silentAnswer(here.cluster, () => elapsed, event);
  expect(answered).toMatchObject({ bindings: [{ namespace: 'team-a', isWhole: true }] });
});

test('an event that asks for a look at the whole namespace for some of its bindings leads to one batch', async () => {
  const here = await createSettling();
  await here.create(pool(), objective(), binding(), poolBinding('binding-b'));
  const event = affected([
    { namespace: 'team-a', names: ['binding-a'] },
    { namespace: 'team-a', names: ['binding-b'], isWhole: true },
  ]);
  expect(await postEvent(appOn(here.cluster), event)).toEqual({ status: 204 });
  expect(here.calls.filter((call) => call === 'listBindings')).toHaveLength(2);
  expect(here.writes).toHaveLength(8);
});

/** The API server says that there are many more bindings. */
function asLarge(real: Cluster): Override {
  return {
    listBindings: async (where) => {
      const listed = await real.listBindings(where);
      const isMeant = where.field === undefined && where.most !== undefined;
      return isMeant && listed !== 'unserved' ? { ...listed, remaining: 50_000 } : listed;
    },
  };
}

interface Group {
  readonly names: readonly string[];
  readonly isWhole?: true;
  readonly hasOwnReason?: true;
}

/** A large namespace in which the first run waits until it is told to go on, and each list of outputs takes so long. */
async function openBusy(listMs = 0) {
  let elapsed = 0;
  const gate = Promise.withResolvers<void>();
  const read: string[] = [];
  const here = await createSettling((real) => ({
    readBinding: async (...args) => {
      await gate.promise;
      read.push(args[1]);
      return real.readBinding(...args);
    },
    ...asLarge(real),
    listOutputs: () => {
      elapsed += listMs;
      return undefined;
    },
  }));
  const app = appOn(here.cluster, () => elapsed);
  async function askTogether(...requests: readonly (readonly string[] | Group)[]) {
    const first = postEvent(app, inTeam('binding-a'));
    await expect.poll(() => here.calls).toEqual(['readBinding']);
    const waiting = requests.map((one) =>
      postEvent(app, 'names' in one ? affected([{ namespace: 'team-a', ...one }]) : inTeam(...one)),
    );
    await new Promise((resolve) => void setTimeout(resolve, 50));
    gate.resolve();
    await first;
    return await Promise.all(waiting);
  }
  return { read, askTogether };
}
const many = (from: number) => Array.from({ length: 260 }, (_, index) => `many-${from + index}`);

describe('requests for one namespace that wait together', () => {
  test('are served by their size: few names do not wait for many', async () => {
    const { read, askTogether } = await openBusy();
    expect(await askTogether(many(0), ['few'])).toEqual([{ status: 204 }, { status: 204 }]);
    expect(read).toContain('many-7');
    // The first one is that of the run which the others waited for.
    expect(read.slice(1, 1 + 24)).toContain('few');
  });

  test('and name many bindings that are not reached: the last one alone asks for those that it named, too', async () => {
    const { askTogether } = await openBusy(60_000);
    const [first, last] = await askTogether(many(0), many(5));
    expect(first).toMatchObject({ status: 503, error: { reason: 'team-a/many-0: not reached in time' } });
    expect(last).toMatchObject({ status: 503 });
    const [same, lastOfSame] = await (await openBusy(60_000)).askTogether(many(0), many(0));
    expect(same).toEqual({ status: 204 });
    expect(lastOfSame).toMatchObject({ status: 503 });
  });

  test.each<[string, Group, Group]>([
    ['the whole namespace', { names: many(0), isWhole: true }, { names: many(0) }],
    ['a look', { names: many(0) }, { names: many(0), hasOwnReason: true }],
  ])('and ask for less of the same bindings, leave it to who needs %s', async (_more, first, last) => {
    const { askTogether } = await openBusy(60_000);
    expect(await askTogether(first, last)).toMatchObject([{ status: 503 }, { status: 503 }]);
  });
});

describe('bindings of a large namespace that are named for what they showed', () => {
  const names = Array.from({ length: 60 }, (_, index) => `binding-${String(index).padStart(2, '0')}`);
  test('are looked at if another request of the batch, or another group of theirs, names them for anything else', async () => {
    const read: string[] = [];
    const gate = Promise.withResolvers<void>();
    const here = await createSettling((real) => ({
      ...asLarge(real),
      readBinding: async (...args) => {
        await gate.promise;
        read.push(args[1]);
        return real.readBinding(...args);
      },
    }));
    await here.create(pool());
    for (const name of names) await here.create(poolBinding(name));
    await here.settle(names);
    here.calls.length = 0;
    const app = appOn(here.cluster);
    const first = postEvent(app, inTeam('binding-00'));
    await expect.poll(() => here.calls).toEqual(['readBinding']);
    const others = [
      postEvent(app, affected([{ namespace: 'team-a', names, hasOwnReason: true }])),
      postEvent(app, inTeam('binding-07')),
      postEvent(
        app,
        affected([
          { namespace: 'team-a', names, hasOwnReason: true },
          { namespace: 'team-a', names: ['binding-08'] },
        ]),
      ),
    ];
    await new Promise((resolve) => void setImmediate(resolve));
    gate.resolve();
    await first;
    expect(await Promise.all(others)).toEqual(others.map(() => ({ status: 204 })));
    expect(read).toEqual(['binding-00', 'binding-07', 'binding-08']);
  });

  test('are named so again if no run has looked at them in time, and for a look if one has', async () => {
    let [elapsed, isSettled] = [0, false];
    const late = Promise.withResolvers<void>();
    const here = await createSettling((real) => ({
      ...asLarge(real),
      readBinding: () => {
        if (!isSettled) return undefined;
        elapsed = 40_001;
        late.resolve();
        return undefined;
      },
      getBinding: async (namespace, name) => {
        if (name === 'binding-24') await late.promise;
        return real.getBinding(namespace, name);
      },
    }));
    await here.create(pool(), poolBinding('binding-00'), poolBinding('binding-01'));
    await here.settle(['binding-00']);
    isSettled = true;
    const event = affected([{ namespace: 'team-a', names, hasOwnReason: true }]);
    expect(await silentAnswer(here.cluster, () => elapsed, event)).toEqual({
      bindings: [
        { namespace: 'team-a', names: names.slice(1, 24) },
        { namespace: 'team-a', names: names.slice(24), hasOwnReason: true },
      ],
    });
  });
});

const settleDown = () => new Promise((resolve) => void setTimeout(resolve, 50));

test('the next run waits for what the Broker sends when several requests are answered, and for nothing after one', async () => {
  const gates = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const rests: number[] = [];
  const rested = Promise.withResolvers<void>();
  const read: string[] = [];
  const here = await createSettling((real) => ({
    readBinding: async (...args) => {
      read.push(args[1]);
      await gates[read.length - 1]?.promise;
      return real.readBinding(...args);
    },
  }));
  const app = appOn(
    here.cluster,
    () => 0,
    (ms) => {
      rests.push(ms);
      return rested.promise;
    },
  );
  const ask = (name: string) => postEvent(app, inTeam(name));
  const first = ask('binding-a');
  await expect.poll(() => read).toEqual(['binding-a']);
  const together = [ask('binding-b'), ask('binding-c')];
  await settleDown();
  gates[0]?.resolve();
  await first;
  await expect.poll(() => read).toEqual(['binding-a', 'binding-b', 'binding-c']);
  expect(rests).toEqual([]);
  gates[1]?.resolve();
  await Promise.all(together);
  const late = [ask('binding-d'), ask('binding-e')];
  await settleDown();
  expect(read).toHaveLength(3);
  expect(rests).toEqual([50]);
  rested.resolve();
  await Promise.all(late);
  expect(read.slice(3)).toEqual(['binding-d', 'binding-e']);
});

/** The data of the event that is answered. */
async function silentAnswer(cluster: Cluster, elapsed: () => number, event: object): Promise<unknown> {
  const { attributes, data } = event as ReturnType<typeof affected>;
  const response = await appOn(cluster, elapsed).request('/', {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      'ce-specversion': '1.0',
      'ce-id': 'event-1',
      'ce-source': '/test',
      'ce-type': attributes.type,
    },
    body: JSON.stringify(data),
  });
  return await response.json();
}

test('each event begins with another of its namespaces: those that are slow do not keep out the others always', async () => {
  const namespaces = Array.from({ length: 12 }, (_, index) => `ns-${String(index).padStart(2, '0')}`);
  const firsts = new Set<string>();
  const here = await createSettling();
  for (let event = 0; event < 12; event++) {
    let elapsed = 0;
    const asked: string[] = [];
    const cluster: Cluster = {
      ...here.cluster,
      listBindings: async ({ namespace = '' }) => {
        asked.push(namespace);
        elapsed += 60_000;
        throw new UncertainError('slow');
      },
    };
    const answered = await postEvent(
      appOn(cluster, () => elapsed),
      {
        attributes: { type, id: `event-${event}` },
        data: { bindings: namespaces.map((namespace) => ({ namespace, names: ['b'] })) },
      },
    );
    expect(answered.status).toBe(503);
    expect(new Set(asked).size).toBeLessThanOrEqual(4);
    firsts.add(asked[0] ?? '');
  }
  expect(firsts.size).toBeGreaterThan(3);
});

describe('a binding that failed', () => {
  test('does not make its neighbours forgotten: they are named with it, and the failure comes when nobody is left', async () => {
    let isOut = false;
    const here = await createSettling(() => ({
      createOutput: () => (isOut ? Promise.reject(new TypeError('a bug')) : undefined),
    }));
    await here.create(pool(), objective(), binding(), binding('binding-b'));
    await here.settle(['binding-a', 'binding-b']);
    await here.edit(binding(), { spec: { containerName: 'other' } });
    isOut = true;
    const app = appOn(here.cluster);
    expect(await postEvent(app, inTeam('binding-a'))).toEqual({
      status: 200,
      bindings: [{ namespace: 'team-a', names: ['binding-a', 'binding-b'] }],
    });
    // Both were announced, and nobody knows what became of that.
    expect(await postEvent(app, inTeam('binding-a', 'binding-b'))).toMatchObject({ status: 503 });
  });
});

test('503 where all that came of a request are announcements: only patience helps', async () => {
  let elapsed = 0;
  const here = await createSettling(() => ({
    listOutputs: () => {
      elapsed += 25_000;
      return undefined;
    },
  }));
  await here.create(pool(), objective(), binding());
  expect(
    await postEvent(
      appOn(here.cluster, () => elapsed),
      inTeam('binding-a'),
    ),
  ).toMatchObject({
    status: 503,
    error: { reason: 'team-a/binding-a: not reached in time' },
  });
  expect(await here.ready('binding-a')).toBe('Unknown Initializing');
});

describe('of many namespaces', () => {
  const namespaces = Array.from({ length: 65 }, (_, index) => `team-${index}`);

  /** A cluster that lists nothing before it is told to; and a request for each of the namespaces, for the last one so large. */
  async function askForAll(elapsed: () => number, size = 1) {
    const listed = new Set<string>();
    const gate = Promise.withResolvers<void>();
    const here = await createSettling((real) => ({
      listBindings: async (where) => {
        listed.add(where.namespace ?? '');
        await gate.promise;
        return real.listBindings(where);
      },
    }));
    const app = appOn(here.cluster, elapsed);
    const names = Array.from({ length: size }, (_, index) => `binding-${index}`);
    const answers = namespaces.map((namespace, index) =>
      postEvent(app, affected([{ namespace, names: index === 64 ? names : ['binding-a'] }])),
    );
    await expect.poll(() => listed.size).toBe(64);
    return { listed, answers, open: gate.resolve };
  }

  test('64 are looked after at once, and the others afterwards', async () => {
    const { listed, answers, open } = await askForAll(() => 0);
    open();
    expect(await Promise.all(answers)).toEqual(namespaces.map(() => ({ status: 204 })));
    expect(listed.size).toBe(65);
  });

  test.each([1, 300])('who had to wait too long is asked for again later: %i bindings', async (size) => {
    let now = 0;
    const { listed, answers, open } = await askForAll(() => now, size);
    now = 20_001;
    open();
    expect(await answers.at(-1)).toMatchObject({ status: 503 });
    expect(listed).not.toContain('team-64');
  });
});
