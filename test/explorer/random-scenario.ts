import type { ClusterState, Look } from './model-cluster.ts';
import { type Wish, addBinding, addOperatorOutput, emptyCluster, settled } from './objects.ts';
import { createRandom } from '../support/random.ts';
import { type Scenario, nameOfA } from './scenarios.ts';
import type { Edit } from './users.ts';

const names = ['a', 'b', 'c'] as const;
const nameLabel = 'kleym.sonda.red/binding-name';
const keyLabel = 'kleym.sonda.red/key';

async function startEmpty(look: Look): Promise<ClusterState> {
  return emptyCluster(look);
}

async function startSettled(look: Look): Promise<ClusterState> {
  return settled(emptyCluster(look), { a: {}, b: { container: 'c2' } });
}

async function startOperated(look: Look): Promise<ClusterState> {
  return addBinding(addOperatorOutput(emptyCluster(look), 'a', {}, { container: 'c2' }), 'a', {});
}

/** Six edits to two or three bindings that get in each other's way; the same ones for the same seed. */
export function toRandomScenario(seed: number): Scenario {
  const random = createRandom(seed);
  const pick = <T>(...from: readonly [T, ...T[]]): T => from[random(from.length)] ?? from[0];
  const toName = () => pick('a', 'a', 'b', 'b', ...names);
  const toContainer = () =>
    pick<Wish>(
      { container: 'c1' },
      { container: 'c1' },
      { container: 'c2' },
      { container: 'c1', image: 'g1' },
      { container: '', image: 'g1' },
    );
  const toWish = (): Wish => ({
    mode: pick(
      'PerObjective' as const,
      'PerObjective' as const,
      'PerObjective' as const,
      'PoolOnly' as const,
    ),
    pool: pick('p', 'p', 'q'),
    objective: pick('i', 'i', 'j'),
    account: pick('s', 's', 't'),
    tier: pick('', '', '1', '2'),
    ...toContainer(),
  });
  const toEdit = (): Edit => {
    const name = toName();
    return pick<() => Edit>(
      () => ({ does: 'create', name, wish: toWish() }),
      () => ({ does: 'create', name, wish: toContainer() }),
      () => ({ does: 'edit', name, wish: toContainer() }),
      () => ({ does: 'edit', name, wish: { account: pick('s', 't') } }),
      () => ({ does: 'edit', name, wish: { objective: pick('i', 'j') } }),
      () => ({ does: 'edit', name, wish: { tier: pick('', '1', '2') } }),
      () => ({ does: 'delete', name }),
      () => ({ does: 'select', pool: pick('p', 'q'), app: pick('x', 'x', 'x/1', 'y', 'z', 'bad') }),
      () => ({ does: pick('remove output', 'touch output', 'hold output', 'let go of output') }),
      () =>
        pick<Edit>(
          { does: 'strip output' },
          { does: 'strip output', label: pick(nameLabel, keyLabel) },
          { does: 'forge output', label: keyLabel, value: pick('forged', 'none') },
        ),
      () => ({ does: pick('hold', 'let go of', 'read for DELETE', 'remove without looking'), name }),
      () => ({ does: pick('take name', 'free name'), name: nameOfA }),
      () => ({ does: 'deny', app: pick('x', undefined) }),
      () => ({ does: pick('refuse deletions', 'allow deletions') }),
      () => ({ does: 'correct the clock' }),
      () => ({ does: pick('remove objective', 'restore objective'), name: 'i-p' }),
    )();
  };
  const creations = names
    .slice(0, 1 + random(2))
    .map((name): Edit => ({ does: 'create', name, wish: { container: 'c1' } }));
  const last: Edit[] = [
    { does: 'allow deletions' },
    { does: 'let go of output' },
    ...names.map((name): Edit => ({ does: 'let go of', name })),
  ];
  const ahead = pick(0, 0, 1_000_000);
  const start = pick(startEmpty, startSettled, startOperated);
  return {
    start: async (look) => ({ ...(await start(look)), ahead }),
    due: start === startOperated ? ['a'] : [],
    edits: [...creations, ...Array.from({ length: 6 }, toEdit), ...last],
    isForSweep: true,
    ...(pick(true, false) && { isMixed: true }),
  };
}
