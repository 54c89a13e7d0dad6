import { drain } from './drain.ts';
import { findBreaches } from './judge.ts';
import { createRandom } from '../support/random.ts';
import { createRunner } from './run.ts';
import { type Call, type Look, settingsOf } from './model-cluster.ts';
import { type Scenario, alone, mixed, usualFaults } from './scenarios.ts';
import { type Setting, type Situation, type Step, isOver, listSteps, toText } from './situation.ts';
import type { Tampering } from './tampering.ts';

export interface Bounds {
  readonly look: Look;
  /** How many runs there are, and how many of them at once. */
  readonly runs: number;
  readonly atOnce: number;
  readonly maxStates: number;
  readonly faults?: Situation['faults'] | undefined;
  readonly tampering?: Tampering;
  readonly isCoarse?: boolean;
  readonly isLoose?: boolean;
  /** Where a search is cut off, visit situations from everywhere instead of one corner. */
  readonly isShuffled?: boolean;
  /** Search breadth first and stop at the first breach: finds the shortest story. */
  readonly isForShortest?: boolean;
}

/** What a search came to. */
export interface Found {
  readonly states: number;
  readonly ends: number;
  readonly isComplete: boolean;
  /** What went wrong, each with the shortest story that was seen of it. Documented exceptions are in brackets. */
  readonly breaches: ReadonlyMap<string, readonly string[]>;
  /** Ends that needed the sweep although no event was lost. */
  readonly forSweep: number;
  readonly sweeps: number;
  readonly replays: number;
}

/** A situation that was visited, and how the search came to it. */
interface Node {
  readonly situation: Situation;
  readonly label: string;
  readonly parent: Node | undefined;
  readonly depth: number;
}

/** A step that was not taken yet: a search that is cut off leaves most of them. */
interface Open {
  readonly from: Node | undefined;
  readonly step: Step;
}

/** The situation in which a scenario begins, and what stays the same in it. */
export async function open(
  scenario: Scenario,
  bounds: Omit<Bounds, 'maxStates'>,
): Promise<{ situation: Situation; setting: Setting }> {
  const cluster = await scenario.start(bounds.look);
  const setting = {
    runner: createRunner(settingsOf(cluster), toConstant(scenario, cluster)),
    edits: scenario.edits,
    maxRuns: bounds.runs,
    atOnce: bounds.atOnce,
    crowds: scenario.isMixed ? mixed : alone,
    tampering: bounds.tampering,
    isLarge: scenario.isLarge ?? false,
    isCoarse: bounds.isCoarse ?? false,
    isLoose: bounds.isLoose ?? false,
  };
  const situation = {
    cluster,
    runs: [],
    late: [],
    due: scenario.due ?? [],
    swept: [],
    edited: 0,
    begun: 0,
    faults: bounds.faults ?? scenario.faults ?? usualFaults,
  };
  return { situation, setting };
}

/** Visits every situation that a scenario can come to, as far as the bounds go. */
export async function explore(scenario: Scenario, bounds: Bounds): Promise<Found> {
  const { situation, setting } = await open(scenario, bounds);
  const search = startSearch(setting);
  const queue: Open[] = [{ from: undefined, step: { label: 'begin', take: async () => situation } }];
  const seen = new Set<string>();
  const next = toOrder(bounds, queue);
  for (let node = await follow(next()); node; node = await follow(next())) {
    const text = toText(node.situation);
    if (seen.has(text)) continue;
    if (seen.size >= bounds.maxStates) return finish(search, seen.size, false);
    seen.add(text);
    noteBreaches(search, node);
    if (bounds.isForShortest && hasBreach(search)) return finish(search, seen.size, false);
    if (isOver(node.situation, setting)) await noteEnd(search, node);
    for (const step of listSteps(node.situation, setting)) queue.push({ from: node, step });
  }
  return finish(search, seen.size, true);
}

/** Which step is taken next; always in the same order for the same bounds. */
function toOrder({ isForShortest, isShuffled }: Bounds, queue: Open[]): () => Open | undefined {
  let head = 0;
  if (isForShortest) return () => queue[head++];
  const random = createRandom(1);
  return () => {
    const [at, last] = [random(Math.max(queue.length, 1)), queue.length - 1];
    const [one, end] = [queue[at], queue[last]];
    if (isShuffled && one && end) [queue[at], queue[last]] = [end, one];
    return queue.pop();
  };
}

async function follow(open: Open | undefined): Promise<Node | undefined> {
  if (!open) return undefined;
  const { from: parent, step } = open;
  const depth = parent ? parent.depth + 1 : 0;
  return { situation: await step.take(), label: step.label, parent, depth };
}

// ------------------------------------------------------------------------------------------------ what is found

interface Search {
  readonly setting: Setting;
  readonly breaches: Map<string, Node>;
  readonly ends: Set<string>;
  forSweep: number;
  sweeps: number;
}

function startSearch(setting: Setting): Search {
  return { setting, breaches: new Map(), ends: new Set(), forSweep: 0, sweeps: 0 };
}

function finish(
  { setting, breaches, ends, forSweep, sweeps }: Search,
  states: number,
  isComplete: boolean,
): Found {
  const stories = new Map([...breaches].map(([breach, node]) => [breach, toStory(node)]));
  return {
    states,
    ends: ends.size,
    isComplete,
    breaches: stories,
    forSweep,
    sweeps,
    replays: setting.runner.replays(),
  };
}

function noteBreaches(search: Search, node: Node): void {
  for (const breach of findBreaches(node.situation.cluster)) note(search, breach, node);
}

function note({ breaches }: Search, breach: string, node: Node): void {
  const known = breaches.get(breach);
  if (!known || known.depth > node.depth) breaches.set(breach, node);
}

function hasBreach({ breaches }: Search): boolean {
  return [...breaches.keys()].some((breach) => !breach.startsWith('('));
}

async function noteEnd(search: Search, node: Node): Promise<void> {
  const { situation } = node;
  const { lose } = situation.faults;
  const text = toText({ ...situation, begun: 0, faults: { crash: 0, late: 0, lose, tick: 0 } });
  if (search.ends.has(text)) return;
  search.ends.add(text);
  const rest = await drain(situation, search.setting.tampering);
  search.sweeps = Math.max(search.sweeps, rest.sweeps);
  if (rest.afterEvents !== undefined && lose > 0) search.forSweep++;
  if (rest.wrong !== undefined) note(search, `NO_CONVERGENCE: ${rest.wrong}`, node);
}

function toStory(node: Node): string[] {
  const labels: string[] = [];
  for (let at: Node | undefined = node; at; at = at.parent) labels.push(at.label);
  return labels.toReversed();
}

/** Pools and objectives that nobody edits in a scenario can be read at any time: reading them is no step. */
function toConstant({ edits }: Scenario, { pools, objectives }: Situation['cluster']) {
  const changing = new Set(
    edits.flatMap((edit) => {
      if (edit.does === 'select') return [edit.pool];
      return edit.does === 'remove pool' || edit.does.endsWith('objective')
        ? ['name' in edit ? edit.name : '']
        : [];
    }),
  );
  return (call: Call) => {
    if (call.method !== 'getPool' && call.method !== 'getObjective') return undefined;
    const [{ group }, , name] = call.args;
    const [served, objects] =
      call.method === 'getPool' ? ['inference.networking.k8s.io', pools] : ['llm-d.ai', objectives];
    if (group !== served) return { value: 'unserved' };
    return changing.has(name) ? undefined : { value: objects[name] ?? 'absent' };
  };
}
