import { describe, expect, test } from 'vitest';
import { NotSentError, UncertainError } from '../../shared/api/uncertain-error.ts';
import { binding, objective, pool, poolBinding } from '../../test/support/manifests.ts';
import { type Override, type Settling, createSettling } from '../../test/support/settling.ts';
import { testSettings } from '../../test/support/test-cluster.ts';
import { reconcileBindings } from './reconcile-bindings.ts';

const names = Array.from({ length: 30 }, (_, index) => `binding-${String(index).padStart(2, '0')}`);

async function withNames(
  manifests: typeof poolBinding | typeof binding,
  override?: () => Override,
): Promise<Settling> {
  const here = await createSettling(override);
  await here.create(
    pool(),
    objective(),
    ...names.map((name) => manifests(name, manifests === binding ? { containerName: name } : {})),
  );
  return here;
}

/** A clock that goes on with each decision: `yieldToOthers` is asked for between two of them. */
function slowDeciding(msEach: number) {
  let now = 0;
  return {
    elapsed: () => now,
    yieldToOthers: async () => {
      now += msEach;
    },
    spend: (ms: number) => {
      now += ms;
    },
  };
}

describe('a round', () => {
  test('ends after four seconds, and the next one goes on with those whom it did not reach', async () => {
    const clock = slowDeciding(0);
    const taken: string[][] = [];
    const here = await withNames(poolBinding, () => ({
      listOutputs: () => {
        taken.push([]);
        return undefined;
      },
      patchFinalizers: (_namespace, { name }) => {
        taken.at(-1)?.push(name);
        clock.spend(300);
        return undefined;
      },
      createOutput: ({ metadata }) => {
        taken.at(-1)?.push(`POST ${metadata.name}`);
        return undefined;
      },
    }));
    const { endings } = await here.settle(names, clock);
    const rounds = taken.filter((round) => round.length > 0);
    // What a round has announced is written by the next one before that goes on.
    for (const [index, round] of rounds.entries()) {
      const announcedBefore = (rounds[index - 1] ?? []).filter((step) => !step.startsWith('POST'));
      const posts = round.findLastIndex((step) => step.startsWith('POST')) + 1;
      expect(posts).toBe(announcedBefore.length);
    }
    const announced = rounds.flat().filter((step) => !step.startsWith('POST'));
    expect(announced.toSorted()).toEqual(names);
    expect(rounds.length).toBeGreaterThan(2);
    expect(new Set([...endings.values()].map(({ kind }) => kind))).toEqual(new Set(['converged']));
  });

  test('announces 512 bindings at most, and creates these before it goes on', async () => {
    const here = await createSettling();
    const many = Array.from({ length: 520 }, (_, index) => `binding-${index}`);
    await here.create(pool(), objective(), ...many.map((name) => binding(name, { containerName: name })));
    await here.settle(many, { elapsed: () => 0 });
    const steps = here.writes.filter((write) => write !== 'replaceStatus');
    expect(steps).toEqual(
      [512, 8].flatMap((count) => [
        ...Array.from({ length: count }, () => 'patchFinalizers'),
        ...Array.from({ length: count }, () => 'createOutput'),
      ]),
    );
  }, 60_000);

  test('begins with another of the names in each run: none comes first always', async () => {
    const firsts = new Set<string>();
    const here = await withNames(poolBinding, () => ({
      patchFinalizers: (_namespace, { name }) => {
        firsts.add(name);
        return Promise.reject(new UncertainError('no answer'));
      },
    }));
    const time = () => {
      let now = 0;
      // Time for one write.
      return () => (now += firsts.size > seen ? 60_000 : 0);
    };
    let seen = 0;
    for (let run = 0; run < 12; run++) {
      seen = firsts.size;
      await here.settle(names, { elapsed: time(), nonce: () => `run-${run}` });
    }
    expect(firsts.size).toBeGreaterThan(3);
  });

  test('that took long to decide dates its claims by a clock that was read again', async () => {
    const clock = slowDeciding(0);
    const dates: string[] = [];
    let reads = 0;
    const here = await withNames(binding, () => ({
      listBindings: (where) => {
        if (where.most !== 1) return undefined;
        reads++;
        return Promise.resolve({ items: [], at: '2030-01-01T00:00:00.000Z', isComplete: true });
      },
      listOutputs: () => {
        clock.spend(1_000);
        return undefined;
      },
      replaceStatus: (_namespace, _aim, { claim }) => {
        if (claim?.kind === 'creating') dates.push(claim.at);
        return undefined;
      },
    }));
    await here.settle(names, clock);
    expect(reads).toBeGreaterThan(0);
    expect(new Set(dates)).toEqual(new Set(['2030-01-01T00:00:00Z']));
  });

  test('that was fast does not read the clock again', async () => {
    const here = await withNames(binding);
    await here.settle(names);
    expect(here.calls.filter((call) => call === 'listBindings')).toHaveLength(2);
  });
});

/** Sixty new bindings in a namespace that takes long to read, where each write takes time as well. */
async function withSlowLooks(lookMs: number, writeMs = 0) {
  const clock = slowDeciding(0);
  const spend = (ms: number) => () => {
    clock.spend(ms);
    return undefined;
  };
  const here = await createSettling(() => ({
    listOutputs: spend(lookMs),
    patchFinalizers: spend(writeMs),
    createOutput: spend(writeMs),
  }));
  const many = Array.from({ length: 60 }, (_, index) => `binding-${index}`);
  await here.create(pool(), objective(), ...many.map((name) => binding(name, { containerName: name })));
  const { collects, endings } = await here.settle(many, clock);
  const countOf = (write: string) => here.writes.filter((one) => one === write).length;
  const kinds = Object.groupBy([...endings.values()], ({ kind }) => kind);
  return { here, collects, kinds, announced: countOf('patchFinalizers'), posts: countOf('createOutput') };
}

test('a new binding that was read by the way and announced, but not created in time, is left to another request', async () => {
  const clock = slowDeciding(0);
  const announced: string[] = [];
  const here = await withNames(binding, () => ({
    patchFinalizers: (_namespace, { name }) => {
      clock.spend(500);
      announced.push(name);
      return undefined;
    },
    createOutput: () => {
      if (announced.length > named.length) clock.spend(5_000);
      return undefined;
    },
  }));
  const named = names.slice(0, 25);
  const others = Array.from({ length: 30 }, (_, index) => `other-${index}`);
  await here.create(...others.map((name) => binding(name, { containerName: name })));
  const { endings } = await here.settle(named, clock);
  const passing = announced.filter((name) => !named.includes(name));
  expect(passing.length).toBeGreaterThan(0);
  // Those that the run did not announce are named by their own events.
  expect([...endings.keys()].toSorted()).toEqual([...named, ...passing].toSorted());
  expect(passing.map((name) => endings.get(name)?.kind)).toContain('unfinished');
});

describe('where a look takes long', () => {
  test('all that was announced is created from the next one, however long that takes', async () => {
    const { collects, announced, posts } = await withSlowLooks(1_000, 250);
    // In each round 18 writes of 250 ms begin within 4.5 s, and 6 are under way by then.
    expect([collects, announced, posts]).toEqual([3, 48, 48]);
  });

  test('no more is announced than can be created in time', async () => {
    const { here, kinds, announced, posts } = await withSlowLooks(11_000, 100);
    expect(announced).toBe(2 * 12);
    expect(posts).toBe(announced);
    expect(await here.outputs()).toHaveLength(posts);
    expect(kinds.converged).toHaveLength(posts);
    expect(kinds.unfinished).toHaveLength(60 - posts);
  });

  test('the first one does not count, and none begins that would end too late', async () => {
    // At 11 s and some 24 s the run takes more bindings, and has 20 s beside the first look for that.
    const { collects } = await withSlowLooks(11_000, 100);
    expect(collects).toBe(3);
  });

  test('longer than a POST may wait, nothing is announced again, and the reason is said', async () => {
    const { collects, announced, posts, kinds } = await withSlowLooks(21_000);
    // The first look may have taken longer than the next one will.
    expect([collects, announced, posts]).toEqual([2, 60, 0]);
    expect(kinds.unfinished).toHaveLength(60);
    expect(kinds.unfinished?.[59]).toEqual({
      kind: 'unfinished',
      message:
        'to read the 60 bindings and ClusterSPIFFEIDs of the neighbourhood took 21 s, and a ClusterSPIFFEID must be created within 20 s of its announcement',
    });
  });

  test('much longer than that, nothing is announced at all', async () => {
    const { announced, kinds } = await withSlowLooks(30_000);
    expect(announced).toBe(0);
    expect(kinds.unfinished).toHaveLength(60);
  });

  test('a run ends in its time, although the round might go on', async () => {
    const clock = slowDeciding(0);
    const spend = (ms: number) => () => {
      clock.spend(ms);
      return undefined;
    };
    const here = await createSettling(() => ({
      listOutputs: spend(30_000),
      replaceStatus: spend(500),
    }));
    const many = Array.from({ length: 60 }, (_, index) => `binding-${index}`);
    await here.create(...many.map((name) => poolBinding(name, { poolRef: { name: 'nowhere' } })));
    const { endings } = await here.settle(many, clock);
    // 20 s, and the same for the first look; 16 writes are under way by then.
    expect(clock.elapsed()).toBeLessThanOrEqual(40_000 + 16 * 500);
    expect([...endings.values()].filter(({ kind }) => kind === 'unfinished').length).toBeGreaterThan(20);
  });
});

test('a whole look reads the namespace for one name, and each time', async () => {
  const whole: boolean[] = [];
  const here = await withNames(binding, () => ({
    listBindings: ({ field }) => {
      whole.push(field === undefined);
      return undefined;
    },
  }));
  const tools = {
    cluster: here.cluster,
    events: { record: () => undefined, flush: async () => undefined },
    nonce: () => 'nonce',
    elapsed: () => 0,
    yieldToOthers: async () => undefined,
  };
  const run = await reconcileBindings(
    { namespace: 'team-a', names: ['binding-03'], isWhole: true },
    testSettings,
    tools,
  );
  expect(whole).toEqual([true, true]);
  expect(run.endings.get('binding-03')).toMatchObject({ kind: 'converged' });
});

/** A new binding, whose first POSTs do not leave in their time. */
async function unsent(times: number) {
  let left = times;
  const sent: string[] = [];
  const here = await createSettling(() => ({
    createOutput: ({ metadata }) => {
      sent.push(metadata.annotations?.['kleym.sonda.red/claim'] ?? '');
      return left-- > 0 ? Promise.reject(new NotSentError('not sent')) : undefined;
    },
  }));
  await here.create(pool(), objective(), binding());
  return { here, sent };
}

describe('a POST that did not leave in its time', () => {
  test('is announced again with another nonce, for nothing can land of it', async () => {
    const { here, sent } = await unsent(1);
    const run = await here.settle(['binding-a']);
    expect(here.writes).toEqual([
      'patchFinalizers',
      'replaceStatus',
      'createOutput',
      'replaceStatus',
      'createOutput',
      'replaceStatus',
    ]);
    expect(new Set(sent).size).toBe(2);
    expect(run.endings.get('binding-a')).toEqual({ kind: 'converged' });
    expect(await here.ready('binding-a')).toBe('True Reconciled');
  });

  test('is no write that was answered: announcements alone are no progress', async () => {
    const { here } = await unsent(99);
    const { writes, announcements, endings } = await here.settle(['binding-a']);
    expect(endings.get('binding-a')?.kind).toBe('waiting');
    expect([writes, announcements]).toEqual([7, 7]);
  });
});

test('an output says when its POST left, not when that was announced', async () => {
  let elapsed = 0;
  let announcedAt = '';
  const here = await createSettling(() => ({
    replaceStatus: (_namespace, _aim, { claim }) => {
      if (claim?.kind === 'creating') announcedAt = claim.at;
      return undefined;
    },
    listBindings: () => {
      if (announcedAt !== '') elapsed = 9_000;
      return undefined;
    },
  }));
  await here.create(pool(), objective(), binding());
  await here.settle(['binding-a'], { elapsed: () => elapsed });
  const [made] = await here.outputs();
  const sentAt = made?.metadata.annotations?.['kleym.sonda.red/sent-at'] ?? '';
  expect(Date.parse(sentAt) - Date.parse(announcedAt)).toBe(9_000);
});

test('a run of a process that is about to end creates what it has announced, and begins nothing else', async () => {
  let elapsed = 0;
  let isEnding = false;
  const here = await createSettling(() => ({
    patchFinalizers: () => {
      elapsed += 200;
      return undefined;
    },
    createOutput: () => {
      isEnding = true;
      return undefined;
    },
  }));
  const many = Array.from({ length: 60 }, (_, index) => `binding-${index}`);
  await here.create(pool(), objective(), ...many.map((name) => binding(name, { containerName: name })));
  const { endings } = await here.settle(many, { elapsed: () => elapsed, isEnding: () => isEnding });
  const kinds = Object.groupBy([...endings.values()], ({ kind }) => kind);
  expect([kinds.converged?.length, kinds.unfinished?.length]).toEqual([30, 30]);
  expect(await here.outputs()).toHaveLength(30);
  expect(here.writes.filter((write) => write === 'patchFinalizers')).toHaveLength(30);
});

test('an announcement that the API server refused is none', async () => {
  const here = await createSettling(() => ({
    patchFinalizers: async () => ({ kind: 'rejected', forbidden: false, message: 'denied' }),
  }));
  await here.create(pool(), objective(), binding());
  const { writes, announcements } = await here.settle(['binding-a']);
  // The only write says that it was refused.
  expect([writes, announcements]).toEqual([1, 0]);
});
