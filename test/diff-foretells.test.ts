import { stringify } from 'yaml';
import { expect, test } from 'vitest';
import { toDiffReport } from '../cli/diff/diff-report.ts';
import { connectTo } from '../cli/kube/connection.ts';
import { createLacks } from '../shared/explain/kube/permissions.ts';
import { createJudge } from '../cli/manifests/create-judge.ts';
import { readDefinitions } from '../cli/manifests/definitions.ts';
import { judgeManifests } from '../cli/manifests/judge-manifests.ts';
import { parseManifests } from '../cli/manifests/parse-manifests.ts';
import { readSnapshots } from '../cli/manifests/read-snapshots.ts';
import { binding, objective, pool, poolBinding } from './support/manifests.ts';
import type { Manifest } from './support/kube-client.ts';
import { createRandom } from './support/random.ts';
import { type Settling, createSettling } from './support/settling.ts';
import { testSettings } from './support/test-cluster.ts';

// What `kubectl kleym diff` says of manifests is what comes of them when they are applied: the same identities, the same
// selectors, and the same reasons where there are none.

const names = ['one', 'two', 'three', 'four'];
const rounds = 150;

interface Standing {
  readonly selectors?: readonly string[] | undefined;
  readonly reason?: string | undefined;
}

function pick<T>(random: Random, values: readonly T[]): T {
  return values[random(values.length)] as T;
}

type Random = ReturnType<typeof createRandom>;

/** One to three manifests, such as somebody may have edited. */
function draw(random: Random): Manifest[] {
  const drawPodLabels = () => {
    const podLabels = pick(random, [undefined, undefined, { tier: 'gpu' }, { tier: 'cpu' }, { app: 'a' }]);
    return podLabels && { podLabels };
  };
  const drawOne = (): Manifest => {
    const name = pick(random, names);
    const poolName = pick(random, ['pool-a', 'pool-b']);
    switch (random(4)) {
      case 0:
        return pool(
          poolName,
          pick(random, [{ app: 'a' }, { app: 'b' }, { app: 'a', tier: 'gpu' }, { app: '' }]),
        );
      case 1:
        return objective(pick(random, ['x', 'y']), { name: poolName });
      case 2:
        return poolBinding(name, {
          poolRef: { name: poolName },
          serviceAccountName: pick(random, ['s', 't']),
          ...drawPodLabels(),
        });
      default:
        return binding(name, {
          mode: 'PerObjective',
          poolRef: { name: pick(random, ['pool-a', 'pool-b', 'pool-c']) },
          objectiveRef: { name: pick(random, ['x', 'y', 'z']) },
          containerName: pick(random, ['main', 'proxy', 'Bad']),
          ...drawPodLabels(),
        });
    }
  };
  const drawn = Array.from({ length: 1 + random(3) }, drawOne);
  // One object twice is a mistake that has a finding of its own.
  return [...new Map(drawn.map((draft) => [`${draft.kind} ${draft.metadata.name}`, draft])).values()];
}

async function apply({ kube }: Settling, draft: Manifest): Promise<void> {
  const placed = { ...draft, metadata: { ...draft.metadata, namespace: 'team-a' } };
  const current = await kube.get(placed);
  const written = current ? kube.replace({ ...current, spec: draft['spec'] }) : kube.create(placed);
  // What the API server refuses stays as it was.
  await written.catch(() => undefined);
}

async function look({ kube }: Settling): Promise<ReadonlyMap<string, Standing>> {
  const { apiVersion, kind } = binding();
  const bindings = await kube.list({ apiVersion, kind, namespace: 'team-a' });
  return new Map(
    bindings.map(({ metadata, ...rest }): [string, Standing] => {
      const { conditions, renderedSelectors } = rest['status'] as {
        readonly conditions: readonly { readonly status: string; readonly reason: string }[];
        readonly renderedSelectors?: readonly { readonly selectors: readonly string[] }[];
      };
      const [ready] = conditions;
      if (ready?.status === 'True') return [metadata.name, { selectors: renderedSelectors?.[0]?.selectors }];
      return [metadata.name, { reason: ready?.reason }];
    }),
  );
}

test('diff foretells what happens', async () => {
  const random = createRandom(20_260);
  const settling = await createSettling();
  const connection = connectTo(settling.apiServer, 'team-a');
  const judge = createJudge(await readDefinitions());
  let before: ReadonlyMap<string, Standing> = new Map();
  let changed = 0;
  for (let round = 0; round < rounds; round++) {
    const drafts = draw(random);
    const yaml = drafts.map((draft) => stringify(draft)).join('---\n');
    const judged = judgeManifests(parseManifests([{ file: 'drawn.yaml', text: yaml }]), judge, 'team-a');
    const snapshots = await readSnapshots(connection, judged.plans, createLacks());
    const facts = { judged, settings: testSettings, snapshots, pods: new Map(), lacks: [] };
    const { changes } = toDiffReport(facts);
    const foretold = new Map(before);
    for (const { binding: name, reason, selectors } of changes)
      foretold.set(name, reason === undefined ? { selectors } : { reason });
    changed += changes.length;

    for (const draft of drafts) await apply(settling, draft);
    await settling.settle(names);
    const after = await look(settling);
    expect({ round, yaml, standings: after }).toEqual({ round, yaml, standings: foretold });
    before = after;
  }
  expect(changed).toBeGreaterThan(rounds / 3);
});
