import type { Output } from '../../shared/api/cluster-spiffe-id.ts';
import { type ClusterState, type Look, isCrowded, isOurs } from './model-cluster.ts';
import { type Wish, addBinding, addOperatorOutput, emptyCluster, outputNameFor, settled } from './objects.ts';
import { type Faults, crowd } from './situation.ts';
import { type Edit, others } from './users.ts';

type Start = (look: Look) => Promise<ClusterState>;

/** Where it begins, and what users do, in this order, at any time. */
export interface Scenario {
  readonly start: Start;
  readonly edits: readonly Edit[];
  /** The bindings for which an event is on its way at the beginning. */
  readonly due?: readonly string[];
  readonly faults?: Faults;
  /** Of a namespace so large that the event of a new binding leads to a look only if the binding still shows its reason. */
  readonly isLarge?: true;
  /** With each delivery alone, and with one in a crowd, so that narrow and wide collects meet. */
  readonly isMixed?: true;
  /** The sweep alone can notice how it ends: nobody is told that a name is free, or a write allowed again. */
  readonly isForSweep?: true;
  /** Outside what the protocol assumes: how it breaks is written down. */
  readonly breaks?: readonly string[];
  /** The same where runs find outputs by the labels for their keys: not where they read the whole service account. */
  readonly breaksByKey?: readonly string[];
  /** The same where runs look by keys alone. */
  readonly breaksNarrow?: readonly string[];
}

/** Whether it is written down that a scenario breaks like this. */
export function isForeseen(
  { breaks = [], breaksByKey = [], breaksNarrow = [] }: Scenario,
  look: Look,
  breach: string,
): boolean {
  const byKey = look === 'refuse' ? [] : breaksByKey;
  const narrow = isCrowded(look) ? breaksNarrow : [];
  return breach.startsWith('(') || [...breaks, ...byKey, ...narrow].includes(breach);
}

/** The breaches that are written down nowhere, each with its story. */
export function findUnforeseen<T>(
  scenario: Scenario,
  look: Look,
  breaches: ReadonlyMap<string, T>,
): [string, T][] {
  return [...breaches].filter(([breach]) => !isForeseen(scenario, look, breach));
}

export const usualFaults: Faults = { crash: 1, late: 1, lose: 1, tick: 0 };
export const alone: readonly (readonly string[])[] = [[]];
export const mixed: readonly (readonly string[])[] = [[], crowd];

const empty: Start = async (look) => emptyCluster(look);
const monthAhead: Start = async (look) => ({ ...emptyCluster(look), ahead: 30 * 24 * 3600 });
const having =
  (wishes: Readonly<Record<string, Wish>>): Start =>
  (look) =>
    settled(emptyCluster(look), wishes);

const create = (name: string, wish: Wish = {}): Edit => ({ does: 'create', name, wish });
const edit = (name: string, wish: Wish): Edit => ({ does: 'edit', name, wish });
const remove = (name: string): Edit => ({ does: 'delete', name });
const readForDelete = (name: string): Edit => ({ does: 'read for DELETE', name });
const removeBlindly = (name: string): Edit => ({ does: 'remove without looking', name });
const hold = (name: string): Edit => ({ does: 'hold', name });
const letGoOf = (name: string): Edit => ({ does: 'let go of', name });
const takeOff = (name: string): Edit => ({ does: 'take our finalizer off', name });
const prune = (name: string): Edit => ({ does: 'prune the claim of', name });
const select = (app: string, pool = 'p'): Edit => ({ does: 'select', pool, app });
const removeOutput: Edit = { does: 'remove output' };
const touchOutput: Edit = { does: 'touch output' };
const holdOutput: Edit = { does: 'hold output' };
const letGoOfOutput: Edit = { does: 'let go of output' };
const editOutput = (container: string): Edit => ({ does: 'edit output', container });
const keyLabel = 'kleym.sonda.red/key';
const forgeKey = (value: string): Edit => ({ does: 'forge output', label: keyLabel, value });
const pruneKey = (name: string): Edit => ({ does: 'prune the key of', name });
const deny = (app: string | undefined): Edit => ({ does: 'deny', app });
const refuseDeletions: Edit = { does: 'refuse deletions' };
const allowDeletions: Edit = { does: 'allow deletions' };
const correctClock: Edit = { does: 'correct the clock' };

/** The name of a's output for objective i. */
export const nameOfA = outputNameFor('a', {});
const takeName: Edit = { does: 'take name', name: nameOfA };
const freeName: Edit = { does: 'free name', name: nameOfA };

const c1: Wish = { container: 'c1' };
const c2: Wish = { container: 'c2' };
const c3: Wish = { container: 'c3' };
/** Any container of an image. */
const g1: Wish = { container: '', image: 'g1' };
/** Those of the pods that have a label which the pool does not name. */
const first: Wish = { tier: '1' };
const second: Wish = { tier: '2' };
const allTiers: Wish = { tier: '' };
const s: Wish = { account: 's' };
const t: Wish = { account: 't' };
const q: Wish = { pool: 'q' };
const poolOnly: Wish = { mode: 'PoolOnly' };

/** Bindings as kleym-operator leaves them; `selecting` is what their outputs select. */
function operated(
  wishes: Readonly<
    Record<string, { readonly wish?: Wish; readonly selecting?: Wish; readonly isGone?: true }>
  >,
) {
  return async (look: Look) => {
    let state = emptyCluster(look);
    for (const [name, { wish = {}, selecting = wish, isGone }] of Object.entries(wishes)) {
      state = addOperatorOutput(state, name, wish, selecting);
      if (!isGone) state = addBinding(state, name, wish);
    }
    return state;
  };
}

function withOperated(start: Start, name: string, selecting: Wish): Start {
  return async (look) => addBinding(addOperatorOutput(await start(look), name, {}, selecting), name, {});
}

async function withoutClaims(from: Promise<ClusterState>): Promise<ClusterState> {
  const state = await from;
  const bindings = Object.entries(state.bindings).map(([name, { status, ...binding }]) => {
    const { claim: _claim, ...rest } = status ?? {};
    return [name, { ...binding, status: rest }];
  });
  return { ...state, bindings: Object.fromEntries(bindings) };
}

async function withHeldOutputs(from: Promise<ClusterState>): Promise<ClusterState> {
  const state = await from;
  const outputs = Object.entries(state.outputs).map(([name, output]): [string, Output] => [
    name,
    isOurs(output) ? { ...output, metadata: { ...output.metadata, finalizers: [others] } } : output,
  ]);
  return { ...state, outputs: Object.fromEntries(outputs) };
}

const settledA = having({ a: {} });

const creation = {
  'two creates': { start: empty, edits: [create('a'), create('b')] },
  'create, delete': { start: empty, edits: [create('a'), remove('a')] },
  'created again': { start: empty, edits: [create('a'), remove('a'), create('a')] },
  'leave and arrive': { start: empty, edits: [create('a'), edit('a', c2), create('b')] },
  'leave by name': { start: empty, edits: [create('a'), edit('a', { objective: 'j', ...c2 }), create('b')] },
  'the pool flaps': { start: empty, edits: [create('a'), select('y'), select('x')] },
  'the pool turns unsafe': { start: empty, edits: [create('a'), select('bad')] },
  'three bindings': { start: empty, edits: [create('a'), create('b'), remove('a')] },
  'output removed': { start: empty, edits: [create('a'), removeOutput] },
  'time passes': {
    start: empty,
    edits: [create('a'), edit('a', c2), create('b')],
    faults: { crash: 0, late: 1, lose: 0, tick: 2 },
  },
} satisfies Record<string, Scenario>;

const moves = {
  'pool edited': { start: having({ a: {}, b: c2 }), edits: [select('z')] },
  'pool edited, PoolOnly': { start: having({ a: poolOnly }), edits: [select('z'), select('x')] },
  swap: { start: having({ a: {}, b: q }), edits: [select('y'), select('x', 'q')] },
  'swap by edits': { start: having({ a: {}, b: c2 }), edits: [edit('a', c2), edit('b', c1)] },
  'move and rival': { start: settledA, edits: [edit('a', c2), create('b', c2), edit('b', c1)] },
  'move away and rival': { start: settledA, edits: [edit('a', c2), edit('a', c3), create('b', c2)] },
  'flap in a move': { start: settledA, edits: [select('z'), select('x'), create('b', q), select('z', 'q')] },
  'flap, and a rival settles': { start: settledA, edits: [edit('a', c2), edit('a', c1), create('b', c2)] },
  'move into a leaver': { start: having({ a: {}, b: q }), edits: [select('y'), remove('b')] },
  shift: { start: having({ a: {}, b: q }), edits: [select('z', 'q'), select('y')] },
  'touched in a move': {
    start: settledA,
    edits: [edit('a', c2), touchOutput, edit('a', c1), create('b', c2)],
  },
  'pools cross': { start: empty, edits: [create('a'), create('b', q), select('z'), select('x', 'q')] },
  // No list finds an output whose selectors say another key than its label; its own event does.
  drift: {
    start: settledA,
    edits: [editOutput('c2'), create('b', c2)],
    breaksByKey: ['TWO_LIVE', 'NO_CONVERGENCE: TWO_LIVE'],
  },
  'drift, then edit': { start: settledA, edits: [editOutput('c2'), edit('a', c2), create('b')] },
  'pool edited in a move': { start: settledA, edits: [edit('a', c2), select('z')] },
  'a neighbour in a move': {
    start: having({ a: {}, b: c3 }),
    edits: [edit('a', c2), create('c', c2), edit('b', c1)],
  },
  "the rival's pool is edited": {
    start: having({ a: { objective: 'missing' }, b: q }),
    edits: [select('x', 'q'), edit('a', { objective: 'i' }), select('y', 'q')],
  },
  'mode change': { start: settledA, edits: [edit('a', poolOnly), create('b')] },
  'removed in a move': { start: settledA, edits: [edit('a', c2), removeOutput, create('b')] },
} satisfies Record<string, Scenario>;

const losses = {
  'raced delete': { start: empty, edits: [create('a'), readForDelete('a'), removeBlindly('a')] },
  'raced delete and rival': {
    start: empty,
    edits: [create('a'), readForDelete('a'), removeBlindly('a'), create('b')],
  },
  'raced delete, created again': {
    start: empty,
    edits: [create('a'), readForDelete('a'), removeBlindly('a'), create('a')],
  },
  'claim pruned': { start: settledA, due: ['a'], edits: [prune('a'), edit('a', c2), create('b')] },
  'claim pruned, account edited': {
    start: (look) => withoutClaims(settledA(look)),
    due: ['a'],
    edits: [edit('a', t), create('b')],
  },
} satisfies Record<string, Scenario>;

const handovers = {
  "the operator's outputs": {
    start: operated({ a: {}, b: { wish: c2 } }),
    due: ['a', 'b'],
    edits: [select('z')],
  },
  "the operator's output, other content": {
    start: operated({ a: { selecting: c2 } }),
    due: ['a'],
    edits: [create('b', c2)],
  },
  "the operator's output, key taken": {
    start: withOperated(having({ b: c3 }), 'a', c2),
    due: ['a'],
    edits: [edit('b', c2)],
  },
  "the operator's output into a leaver": {
    start: withOperated(having({ b: {} }), 'a', c2),
    due: ['a'],
    edits: [edit('b', c3)],
  },
  "the operator's outputs crossed": {
    start: operated({ a: { selecting: c2 }, b: { wish: c2, selecting: c1 } }),
    due: ['a', 'b'],
    edits: [],
  },
  "the operator's output, PoolOnly": {
    start: operated({ a: { wish: poolOnly } }),
    due: ['a'],
    edits: [select('z')],
  },
  "the operator's orphan": { start: operated({ a: { isGone: true } }), due: ['a'], edits: [create('a')] },
} satisfies Record<string, Scenario>;

const refusals = {
  'name taken': { start: empty, edits: [takeName, create('a'), freeName], isForSweep: true },
  'name taken after': { start: settledA, edits: [removeOutput, takeName, edit('a', c2)], isForSweep: true },
  'name taken in a delete': {
    start: settledA,
    edits: [edit('a', { objective: 'j' }), removeOutput, takeName],
    isForSweep: true,
  },
  'POST refused': {
    start: empty,
    edits: [deny('x'), create('a'), create('b', c2), deny(undefined)],
    isForSweep: true,
  },
  // The answer stays no, and the account has too many bindings for a run to see who overlaps.
  'POST refused, and overlap': {
    start: empty,
    edits: [deny('x'), create('a'), create('b', g1)],
    isForSweep: true,
  },
  'PUT refused': {
    start: settledA,
    edits: [deny('z'), select('z'), create('b', q), select('z', 'q')],
    isForSweep: true,
  },
  'PUT refused, PoolOnly': {
    start: having({ a: poolOnly }),
    edits: [deny('z'), select('z'), select('x')],
    isForSweep: true,
  },
  'conflict cleared': { start: empty, edits: [create('a'), create('b'), edit('b', c2)] },
} satisfies Record<string, Scenario>;

const keptOutputs = {
  'withdrawal refused for good': { start: settledA, edits: [refuseDeletions, select('bad')] },
  'withdrawal refused, and well again': {
    start: settledA,
    edits: [refuseDeletions, select('bad'), select('x')],
  },
  'withdrawal refused, and rival': {
    start: settledA,
    edits: [refuseDeletions, select('bad'), create('b', q), select('x', 'q'), allowDeletions],
    isForSweep: true,
  },
  'collision, deletions refused': {
    start: having({ a: {}, b: c2 }),
    edits: [refuseDeletions, edit('b', c1), allowDeletions],
    isForSweep: true,
  },
  'old key kept for a time, and left again': {
    start: having({ a: {}, b: c2 }),
    edits: [refuseDeletions, edit('b', c1), edit('b', c2), allowDeletions],
  },
  'old name kept for good, and overlap': {
    start: settledA,
    edits: [create('b', g1), refuseDeletions, edit('a', { objective: 'j', ...c2 })],
  },
  'collision, deletions refused for good': {
    start: having({ a: {}, b: c2 }),
    edits: [refuseDeletions, edit('b', c1)],
  },
  'collision with a new one, deletions refused for good': {
    start: having({ b: c2 }),
    edits: [refuseDeletions, edit('b', c1), create('a')],
  },
  'deletion refused for good': { start: settledA, edits: [refuseDeletions, remove('a')] },
  'deletion refused for a time': {
    start: settledA,
    edits: [refuseDeletions, remove('a'), create('b'), allowDeletions],
    isForSweep: true,
  },
  'old name kept for a time': {
    start: settledA,
    edits: [refuseDeletions, edit('a', { objective: 'j' }), create('b'), allowDeletions],
    isForSweep: true,
  },
  'all writes refused': {
    start: settledA,
    edits: [refuseDeletions, deny('z'), select('z'), deny(undefined), allowDeletions],
    isForSweep: true,
  },
} satisfies Record<string, Scenario>;

const clocks = {
  'the clock was ahead': { start: monthAhead, edits: [create('a'), correctClock, remove('a')] },
  'the clock was ahead, and rival': {
    start: monthAhead,
    edits: [create('a'), correctClock, remove('a'), create('b')],
  },
  'the clock was ahead, and a POST is late': {
    start: monthAhead,
    edits: [create('a'), correctClock, edit('a', c2), create('b')],
    faults: { crash: 0, late: 1, lose: 0, tick: 2 },
  },
} satisfies Record<string, Scenario>;

const accounts = {
  'account edited': { start: settledA, edits: [edit('a', t), create('b', t), edit('b', s)], isMixed: true },
  'account flaps': { start: settledA, edits: [edit('a', t), edit('a', s), create('b', t)], isMixed: true },
  'account edited at once': { start: empty, edits: [create('a'), edit('a', t), create('b', t)] },
  'account and container': {
    start: settledA,
    edits: [edit('a', { ...t, ...c2 }), edit('a', { ...s, ...c3 }), create('b', { ...t, ...c2 })],
  },
  'leave the account and arrive': { start: empty, edits: [create('a'), edit('a', t), create('b')] },
  'three accounts': { start: settledA, edits: [edit('a', t), edit('a', { account: 'u' }), create('b', t)] },
  'accounts cross': {
    start: having({ a: {}, b: t }),
    edits: [edit('a', { ...t, ...c2 }), edit('b', { ...c2, ...s })],
    isMixed: true,
  },
  'account flaps, rival there': {
    start: settledA,
    edits: [edit('a', t), edit('a', s), create('b', t)],
    due: ['a'],
  },
  "the operator's output without account": {
    start: operated({ a: { selecting: c2 } }),
    due: ['a'],
    edits: [create('b', c2)],
  },
  'created beside a look': { start: empty, edits: [create('a', t), create('b')], isMixed: true },
} satisfies Record<string, Scenario>;

const held = {
  'output held': {
    start: (look) => withHeldOutputs(settledA(look)),
    edits: [edit('a', { objective: 'j', ...c2 }), create('b'), letGoOfOutput],
  },
} satisfies Record<string, Scenario>;

/** Keys that meet without being equal. */
const overlaps = {
  'an image beside a container': { start: empty, edits: [create('a'), create('b', g1), remove('a')] },
  'an image where an output is left behind': {
    start: empty,
    edits: [create('a'), readForDelete('a'), removeBlindly('a'), create('b', g1)],
  },
  'an image beside two containers': {
    start: having({ a: {}, b: c2 }),
    edits: [create('c', g1), remove('a'), edit('b', c3)],
  },
  'from an image to a container': {
    start: having({ a: {}, b: { ...g1, ...t } }),
    edits: [edit('b', s), edit('b', { ...c2, image: 'g1' }), edit('a', c2)],
  },
  'a container and two images': {
    start: having({ a: { image: 'g1' } }),
    edits: [create('b', { image: 'g2' }), edit('a', { image: 'g2' }), edit('a', c2)],
  },
  'pools nest': {
    start: settledA,
    edits: [create('b', q), select('x/1', 'q'), select('y', 'q')],
  },
  'nested pools cross': {
    start: having({ a: {}, b: q }),
    edits: [select('x/1'), select('x', 'q'), select('z')],
  },
  'an overlap on the way': { start: settledA, edits: [edit('a', c2), create('b', g1), edit('a', c3)] },
  'two moves meet': {
    start: having({ a: {}, b: { ...q, ...c2 } }),
    edits: [select('x/1', 'q'), edit('a', c2)],
  },
  'labels taken off, and overlap': {
    start: settledA,
    edits: [{ does: 'strip output' }, edit('a', c2), create('b', g1)],
  },
  "the operator's output, and overlap": {
    start: operated({ a: { selecting: c2 } }),
    due: ['a'],
    edits: [create('b', g1)],
  },
} satisfies Record<string, Scenario>;

/** Parts of a pool, by labels of the bindings' own. */
const podLabels = {
  'pod labels flap, and a rival settles': {
    start: having({ a: first }),
    edits: [edit('a', second), edit('a', first), create('b', second)],
  },
  'pod labels change, and a rival takes the place': {
    start: having({ a: first }),
    edits: [edit('a', second), create('b', first), edit('b', second)],
    isMixed: true,
  },
  'pod labels gained': { start: settledA, edits: [edit('a', first), create('b'), edit('b', first)] },
  'pod labels lost': { start: having({ a: first }), edits: [create('b', second), edit('a', allTiers)] },
  'pod labels edited at once': {
    start: empty,
    edits: [create('a', first), edit('a', second), create('b', first)],
  },
  'pod labels swap': {
    start: having({ a: first, b: second }),
    edits: [edit('a', second), edit('b', first)],
  },
  'pod labels of a binding and of a pool meet': {
    start: having({ a: first, b: q }),
    edits: [select('x/1', 'q'), edit('a', second), select('x/2', 'q')],
  },
  'pod labels contradict their pool, and a rival': {
    start: having({ a: first, b: q }),
    edits: [select('x/2'), select('x/1', 'q'), select('x')],
  },
  'pod labels of a whole pool': {
    start: having({ a: { ...poolOnly, ...first } }),
    edits: [edit('a', second), create('b', second), select('x/1')],
  },
  'pod labels beside an image': {
    start: having({ a: { ...g1, ...first } }),
    edits: [create('b', { ...g1, ...second }), edit('b', allTiers), edit('a', second)],
  },
  "the operator's output, and pod labels": {
    start: operated({ a: { wish: first, selecting: {} } }),
    due: ['a'],
    edits: [create('b', second), edit('a', second)],
  },
} satisfies Record<string, Scenario>;

/** What lists are narrowed by, edited by hand. */
const forged = {
  'key label forged': { start: settledA, edits: [forgeKey('forged'), edit('a', c2), create('b')] },
  'key label taken off': {
    start: settledA,
    edits: [{ does: 'strip output', label: keyLabel }, edit('a', c2), create('b')],
  },
  'key label says none': { start: settledA, edits: [forgeKey('none'), edit('a', c2), create('b')] },
  'key label forged, new': { start: empty, edits: [create('a'), forgeKey('forged'), create('b')] },
  'key label forged, and leaver': { start: settledA, edits: [forgeKey('forged'), remove('a'), create('b')] },
  'key label forged, old name': {
    start: settledA,
    edits: [forgeKey('forged'), edit('a', { objective: 'j', ...c2 }), create('b')],
  },
  'key pruned': { start: settledA, edits: [pruneKey('a'), create('b')] },
  "the operator's output, labels taken off": {
    start: operated({ a: {} }),
    due: ['a'],
    edits: [{ does: 'strip output' }],
  },
  'key pruned, then edit': { start: settledA, edits: [pruneKey('a'), edit('a', c2), create('b')] },
} satisfies Record<string, Scenario>;

/** The sweep looks in the midst of it, and what it names is looked at late, or by a run that dies. */
const sweptFaults: Faults = { crash: 1, late: 0, lose: 1, tick: 0, sweep: 1 };
const swept = {
  'swept while new': { start: empty, edits: [create('a'), create('b', c2)] },
  'swept in a collision': {
    start: having({ a: {}, b: c2 }),
    edits: [edit('b', c1), edit('b', c3)],
  },
  'swept in a move': { start: having({ a: {}, b: c2 }), edits: [edit('a', c3), edit('b', c1)] },
  'swept when the pool was edited': {
    start: having({ a: {}, b: c2 }),
    edits: [select('z'), select('x')],
    isForSweep: true,
  },
  'swept and deleted': { start: settledA, edits: [remove('a'), create('b')] },
  'swept and created again': { start: settledA, edits: [remove('a'), create('a', c2)] },
  'swept when an output was refused': {
    start: settledA,
    edits: [deny('z'), select('z'), deny(undefined)],
    isForSweep: true,
  },
  "swept, the operator's": { start: operated({ a: {}, b: { wish: c2 } }), edits: [select('z')] },
  'swept, with an overlap': { start: settledA, edits: [create('b', g1), edit('a', { image: 'g2' })] },
} satisfies Record<string, Scenario>;

/** What is new in a large namespace is named for its own reason. */
const large = {
  'new in a large namespace': { start: empty, edits: [create('a'), create('b', c2), edit('b', c1)] },
  'new in a large namespace, and in a collision': {
    start: having({ a: {} }),
    edits: [create('b'), edit('b', c2), edit('a', c3)],
  },
  'new in a large namespace, where another leaves': {
    start: having({ a: {} }),
    edits: [create('b'), edit('a', c2)],
  },
  'new in a large namespace, and created again': {
    start: empty,
    edits: [create('a'), remove('a'), create('a', c2), create('b')],
  },
  'new in a large namespace, while the pool moves': {
    start: empty,
    edits: [create('a'), select('z'), create('b')],
  },
} satisfies Record<string, Scenario>;

function inLargeNamespace(group: Readonly<Record<string, Scenario>>): Readonly<Record<string, Scenario>> {
  return Object.fromEntries(Object.entries(group).map(([name, one]) => [name, { ...one, isLarge: true }]));
}

function withFaults(
  group: Readonly<Record<string, Scenario>>,
  faults: Faults,
): Readonly<Record<string, Scenario>> {
  return Object.fromEntries(Object.entries(group).map(([name, one]) => [name, { ...one, faults }]));
}

/** What the protocol does not promise: a claim is lost, or cannot be found, while a write is on its way or not yet recorded. */
const outside = {
  'key pruned with a POST on its way': {
    start: empty,
    edits: [create('a'), pruneKey('a'), create('b')],
    breaksNarrow: ['TWO_LIVE', 'NO_CONVERGENCE: TWO_LIVE'],
  },
  'claim pruned with a POST on its way': {
    start: empty,
    edits: [create('a'), prune('a'), edit('a', c2), create('b')],
    breaks: ['TWO_LIVE'],
  },
} satisfies Record<string, Scenario>;

/** Beyond the model: objectives, pools that go, bindings that others hold, labels taken off by hand. */
const further = {
  'objective gone and back': {
    start: having({ a: {}, b: q }),
    edits: [
      { does: 'remove objective', name: 'i-p' },
      select('x', 'q'),
      { does: 'restore objective', name: 'i-p' },
    ],
  },
  'pool gone': {
    start: having({ a: {}, b: c2 }),
    edits: [edit('b', c1), { does: 'remove pool', name: 'p' }],
  },
  'rival without objective': {
    start: empty,
    edits: [
      { does: 'remove objective', name: 'i-p' },
      create('a'),
      create('b', { objective: 'j' }),
      { does: 'restore objective', name: 'i-p' },
    ],
  },
  'held by others, and rival': {
    start: settledA,
    edits: [hold('a'), remove('a'), create('b'), letGoOf('a')],
  },
  'held by others while new, and rival': {
    start: empty,
    edits: [create('a'), hold('a'), remove('a'), create('b')],
  },
  'held by others, our finalizer taken off': {
    start: settledA,
    edits: [hold('a'), remove('a'), takeOff('a'), create('b')],
  },
  'held by others, our finalizer taken off in a move': {
    start: settledA,
    edits: [hold('a'), edit('a', c2), remove('a'), takeOff('a'), create('b', c2)],
  },
  'held by others, our finalizer taken off before the output comes': {
    start: empty,
    edits: [create('a'), hold('a'), remove('a'), takeOff('a'), create('b')],
  },
  'label taken off': {
    start: settledA,
    edits: [{ does: 'strip output', label: 'kleym.sonda.red/binding-name' }, edit('a', c2), create('b')],
  },
  'labels taken off': { start: settledA, edits: [{ does: 'strip output' }, edit('a', c2), create('b')] },
  'labels taken off, account edited': {
    start: settledA,
    edits: [{ does: 'strip output' }, edit('a', t), create('b')],
  },
  'labels taken off, new': {
    start: empty,
    edits: [create('a'), { does: 'strip output' }, edit('a', c2), create('b')],
  },
  'labels taken off a leaver': {
    start: settledA,
    edits: [{ does: 'strip output' }, remove('a'), create('b')],
  },
  'labels taken off, held': {
    start: empty,
    edits: [
      create('a'),
      holdOutput,
      edit('a', { objective: 'j' }),
      { does: 'strip output' },
      create('b'),
      letGoOfOutput,
    ],
  },
  'orphan held, created again': {
    start: empty,
    edits: [create('a'), readForDelete('a'), holdOutput, removeBlindly('a'), create('a'), letGoOfOutput],
  },
  'held output of a leaver': {
    start: (look) => withHeldOutputs(settledA(look)),
    edits: [remove('a'), create('b'), letGoOfOutput],
  },
  'rivals of two accounts': { start: having({ a: {}, b: {} }), edits: [edit('b', t), edit('a', t)] },
} satisfies Record<string, Scenario>;

export const scenarios: Readonly<Record<string, Scenario>> = {
  ...creation,
  ...moves,
  ...losses,
  ...handovers,
  ...refusals,
  ...keptOutputs,
  ...clocks,
  ...accounts,
  ...held,
  ...overlaps,
  ...podLabels,
  ...forged,
  ...withFaults(swept, sweptFaults),
  ...inLargeNamespace(large),
  ...outside,
  ...further,
};
