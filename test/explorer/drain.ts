import { findUnsettled } from '../../functions/sweep/find-unsettled.ts';
import type { Settings } from '../../shared/identity/settings.ts';
import { collectCluster } from '../../shared/kube/collect-cluster.ts';
import { type ClusterState, serve } from './model-cluster.ts';
import { findBreaches, findDifference } from './oracle.ts';
import { openPort, runAlone } from './run-alone.ts';
import type { Tampering } from './tampering.ts';
import { toNamed } from './users.ts';

/** Where everything leads when nobody edits and nothing fails any more. */
export interface Rest {
  readonly state: ClusterState;
  /** What is still wrong when all events are delivered and all 503s repeated, before any sweep. */
  readonly afterEvents: string | undefined;
  /** What is wrong in the end. */
  readonly wrong: string | undefined;
  readonly sweeps: number;
}

// Longer than the quarantine; a broker's patience and the sweep's period are.
const patience = 130;
const maxRetries = 3;
const maxSweeps = 5;

/** Delivers what is due until nothing is, sweeps until a sweep finds nothing, and compares with what must be. */
export async function drain(
  from: ClusterState,
  due: readonly string[],
  settings: Settings,
  tampering?: Tampering,
): Promise<Rest> {
  const options = { settings, tampering };
  const delivered = await deliver(from, due, options);
  const afterEvents = delivered.trouble ?? findDifference(delivered.state);
  let { state, trouble } = delivered;
  let sweeps = 0;
  for (; sweeps < maxSweeps && trouble === undefined; sweeps++) {
    state = { ...state, clock: state.clock + patience };
    const names = await sweep(state, settings);
    if (names.length === 0) break;
    const next = await deliver(state, names, options);
    const isQuiet = next.state.writes === state.writes;
    ({ state, trouble } = next);
    if (isQuiet) break;
  }
  const wrong = trouble ?? (sweeps === maxSweeps ? 'never rests' : await findUnrest(state, options));
  return { state, afterEvents, wrong, sweeps };
}

interface Options {
  readonly settings: Settings;
  readonly tampering: Tampering | undefined;
}

async function deliver(from: ClusterState, due: readonly string[], options: Options) {
  const queue = new Set(due);
  const retries = new Map<string, number>();
  let state = from;
  let trouble: string | undefined;
  for (let turn = 0; queue.size > 0; turn++) {
    if (turn > 200) return { state, trouble: 'events without end' };
    const [name = ''] = queue;
    queue.delete(name);
    const solo = await runAlone(state, [name], { id: `d${turn}`, ...options });
    ({ state } = solo);
    for (const named of toNamed(state, solo.news)) queue.add(named);
    for (const again of solo.again) {
      const count = (retries.get(again) ?? 0) + 1;
      retries.set(again, count);
      if (count > maxRetries) continue;
      state = { ...state, clock: state.clock + patience };
      queue.add(again);
    }
    trouble ??= findBreaches(state).find((breach) => !breach.startsWith('('));
  }
  return { state, trouble };
}

/** The names that the shipped sweep would reply with. */
async function sweep(state: ClusterState, settings: Settings): Promise<string[]> {
  const { cluster } = openPort(async (call) => serve(state, call).answer);
  const snapshots = await collectCluster(cluster);
  return snapshots.flatMap((snapshot) => findUnsettled(snapshot, settings));
}

async function findUnrest(state: ClusterState, options: Options): Promise<string | undefined> {
  const difference = findDifference(state);
  if (difference !== undefined) return difference;
  const names = Object.keys(state.bindings);
  const { state: after } = await runAlone(state, names, { id: 'last', ...options });
  return after.writes === state.writes ? undefined : 'one more look writes';
}
