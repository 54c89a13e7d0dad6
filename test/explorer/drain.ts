import type { ClusterState } from './model-cluster.ts';
import { findBreaches, findDifference, findUnrecordedOverlap } from './judge.ts';
import { type Manner, runAlone } from './run-alone.ts';
import { type Swept, sweep } from './sweep.ts';
import type { Situation } from './situation.ts';
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
// Two are promised, so the third writes nothing.
const maxSweeps = 3;

/** Delivers what is due until nothing is, sweeps until a sweep finds nothing, and compares with what must be. */
export async function drain(
  { cluster, due, swept: named }: Pick<Situation, 'cluster' | 'due' | 'swept'>,
  tampering?: Tampering,
): Promise<Rest> {
  const delivered = await deliver(cluster, due, { tampering, swept: named });
  const afterEvents = delivered.trouble ?? findDifference(delivered.state) ?? findUnnoticed(delivered.state);
  let { state, trouble } = delivered;
  let sweeps = 0;
  for (; sweeps < maxSweeps && trouble === undefined; sweeps++) {
    state = { ...state, clock: state.clock + patience };
    const swept = await sweep(state);
    if (swept.length === 0) break;
    const next = await deliver(state, [], { tampering, swept });
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
  /** The names of a sweep, and others that were named for their own reason. */
  readonly swept?: readonly Swept[];
}

async function deliver(from: ClusterState, due: readonly string[], { tampering, swept = [] }: Options) {
  const queue = new Set([...due, ...swept.map(({ name }) => name)]);
  // An event that is repeated asks for the same look.
  const manners = new Map<string, Manner>(swept.map((one) => [one.name, one]));
  for (const name of due) manners.delete(name);
  /** For an event that follows from a change, no reason of its own is enough. */
  function enqueue(name: string): void {
    if (manners.get(name)?.hasOwnReason) manners.delete(name);
    queue.add(name);
  }
  const retries = new Map<string, number>();
  let state = from;
  let trouble: string | undefined;
  for (let turn = 0; queue.size > 0; turn++) {
    if (turn > 200) return { state, trouble: 'events without end' };
    const [name = ''] = queue;
    queue.delete(name);
    const solo = await runAlone(state, [name], { id: `d${turn}`, tampering, manner: manners.get(name) });
    ({ state } = solo);
    for (const named of toNamed(state, solo.news)) enqueue(named);
    for (const again of solo.again) {
      const count = (retries.get(again) ?? 0) + 1;
      retries.set(again, count);
      if (count > maxRetries) continue;
      state = { ...state, clock: state.clock + patience };
      if (again === name) queue.add(again);
      else enqueue(again);
    }
    trouble ??= findBreaches(state).find((breach) => !breach.startsWith('('));
  }
  return { state, trouble };
}

async function findUnrest(state: ClusterState, tampering?: Tampering): Promise<string | undefined> {
  const difference = findDifference(state) ?? findUnrecordedOverlap(state);
  if (difference !== undefined) return difference;
  const names = Object.keys(state.bindings);
  const { state: after } = await runAlone(state, names, { id: 'last', tampering });
  return after.writes === state.writes ? undefined : 'one more look writes';
}
