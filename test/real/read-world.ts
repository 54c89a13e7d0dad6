import { expect } from 'vitest';
import type { Binding } from '../../shared/api/binding.ts';
import type { Output } from '../../shared/api/cluster-spiffe-id.ts';
import type { Objective } from '../../shared/api/objective.ts';
import type { Pool } from '../../shared/api/pool.ts';
import type { KubeClient, Manifest } from '../support/kube-client.ts';
import { binding, objective, output, pool } from '../support/manifests.ts';
import { type World, findBreaches, findDifference, findUnrecordedOverlap } from '../support/specification.ts';
import { eventually, testSettings } from '../support/test-cluster.ts';

const nobody: ReadonlySet<string> = new Set();

/** Reads a namespace as the specification judges it. `foreign` are the names of outputs that are somebody else's. */
export async function readWorld(
  kube: KubeClient,
  namespace: string,
  foreign = nobody,
  overlapPolicy: World['overlapPolicy'] = 'report',
): Promise<World> {
  const list = async <T>({ apiVersion, kind }: Manifest) =>
    (await kube.list({ apiVersion, kind, namespace })) as unknown as T[];
  const { apiVersion, kind } = output('any');
  const [bindings, pools, objectives, outputs] = await Promise.all([
    list<Binding>(binding()),
    list<Pool>(pool()),
    list<Objective>(objective()),
    kube.list({ apiVersion, kind }) as unknown as Promise<Output[]>,
  ]);
  return {
    ...testSettings,
    overlapPolicy,
    namespace,
    bindings,
    pools,
    objectives,
    outputs: outputs.filter((one) => !foreign.has(one.metadata.name) && isOf(namespace, one)),
    takenNames: foreign,
    raced: nobody,
  };
}

/** By label, by hint or by name: an output that somebody has damaged must not escape the judgement. */
function isOf(namespace: string, { metadata, spec }: Output): boolean {
  if (metadata.name.startsWith(`kleym-${namespace}-`)) return true;
  if (metadata.labels?.['kleym.sonda.red/binding-namespace'] === namespace) return true;
  return spec.hint?.startsWith(`${namespace}/`) === true;
}

interface Patience {
  readonly foreign?: ReadonlySet<string>;
  readonly patienceMs?: number;
  readonly overlapPolicy?: World['overlapPolicy'];
}

/** Waits until a namespace is as the specification says that it ends. */
export async function untilStable(
  kube: KubeClient,
  namespace: string,
  { foreign = nobody, patienceMs = 60_000, overlapPolicy = 'report' }: Patience = {},
): Promise<void> {
  await eventually(async () => {
    const world = await readWorld(kube, namespace, foreign, overlapPolicy);
    expect(findDifference(world) ?? findUnrecordedOverlap(world)).toBeUndefined();
    expect(findBreaches(world)).toEqual([]);
  }, patienceMs);
}
