import { findUnconverged } from '../../functions/sweep/find-unconverged.ts';
import { complete } from '../support/complete.ts';
import { collectCluster } from '../../shared/collect/collect-cluster.ts';
import { type ClusterState, serve, settingsOf } from './model-cluster.ts';
import { findBreaches, findDifference, findUnrecordedOverlap } from './judge.ts';
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
  tampering?: Tampering,
): Promise<Rest> {
  const delivered = await deliver(from, due, { tampering, whole: [] });
  const afterEvents = delivered.trouble ?? findDifference(delivered.state) ?? findUnnoticed(delivered.state);
  let { state, trouble } = delivered;
  let sweeps = 0;
  for (; sweeps < maxSweeps && trouble === undefined; sweeps++) {
    state = { ...state, clock: state.clock + patience };
    const { names, whole } = await sweep(state);
    if (names.length === 0) break;
    const next = await deliver(state, names, { tampering, whole });
    const isQuiet = next.state.writes === state.writes;
    ({ state, trouble } = next);
    if (isQuiet) break;
  }
  const wrong = trouble ?? (sweeps === maxSweeps ? 'never rests' : await findUnrest(state, tampering));
  return { state, afterEvents, wrong, sweeps };
}

/** Who overlaps with whom is seen only by those who look at everybody: in a crowded account, that is the sweep. */
function findUnnoticed(state: ClusterState): string | undefined {
  return state.look === 'narrow' ? undefined : findUnrecordedOverlap(state);
}

interface Options {
  readonly tampering: Tampering | undefined;
  /** Those of the names for whom the whole namespace is looked at, because a sweep says so. */
  readonly whole: readonly string[];
}

async function deliver(from: ClusterState, due: readonly string[], options: Options) {
  const queue = new Set(due);
  // An event that is repeated asks for the same look; one that follows from a change does not.
  const whole = new Set(options.whole);
  const retries = new Map<string, number>();
  let state = from;
  let trouble: string | undefined;
  for (let turn = 0; queue.size > 0; turn++) {
    if (turn > 200) return { state, trouble: 'events without end' };
    const [name = ''] = queue;
    queue.delete(name);
    const { tampering } = options;
    const solo = await runAlone(state, [name], { id: `d${turn}`, tampering, isWhole: whole.has(name) });
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
async function sweep(state: ClusterState): Promise<{ names: string[]; whole: string[] }> {
  const { cluster } = openPort(async (call) => serve(state, call).answer);
  const snapshots = await collectCluster(cluster);
  const found = snapshots.flatMap((snapshot) => complete(findUnconverged(snapshot, settingsOf(state))));
  return {
    names: found.map(({ name }) => name),
    whole: found.flatMap(({ name, isWhole }) => (isWhole ? [name] : [])),
  };
}

async function findUnrest(state: ClusterState, tampering?: Tampering): Promise<string | undefined> {
  const difference = findDifference(state) ?? findUnrecordedOverlap(state);
  if (difference !== undefined) return difference;
  const names = Object.keys(state.bindings);
  const { state: after } = await runAlone(state, names, { id: 'last', tampering });
  return after.writes === state.writes ? undefined : 'one more look writes';
}
