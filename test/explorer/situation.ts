import { findReady } from '../../shared/api/conditions.ts';
import type { Runner } from './run.ts';
import { type Pending, type Position, nextCalls } from './run.ts';
import { type Call, type ClusterState, type Effect, isOurs, isWrite } from './model-cluster.ts';
import type { Manner } from './run-alone.ts';
import { joinShapes, toShape } from './shape.ts';
import { type Swept, sweep } from './sweep.ts';
import { type Memory, type Tampering, noMemory, serveWith } from './tampering.ts';
import { type Edit, applyEdit, toNamed } from './users.ts';

/** Everything that the next step depends on. */
export interface Situation {
  readonly cluster: ClusterState;
  readonly runs: readonly UnderWay[];
  /** Writes of runs that died, or gave up waiting, and that may still take effect. */
  readonly late: readonly Call[];
  /** The bindings for which an event is on its way. */
  readonly due: readonly string[];
  /** Those that the sweep has named, or that were named for their own reason. */
  readonly swept: readonly Swept[];
  /** How many of the users' edits have happened. */
  readonly edited: number;
  readonly begun: number;
  readonly faults: Faults;
}

/** A run between two of its calls. */
export interface UnderWay {
  readonly position: Position;
  readonly since: number;
  readonly memory: Memory;
}

/** How often something may still go wrong. */
export interface Faults {
  readonly crash: number;
  readonly late: number;
  readonly lose: number;
  readonly tick: number;
  /** The sweep looks while something may still go wrong, and not only in the end. */
  readonly sweep?: number;
}

/** What does not change while a situation develops. */
export interface Setting {
  readonly runner: Runner;
  readonly edits: readonly Edit[];
  readonly maxRuns: number;
  readonly atOnce: number;
  /** Names of no bindings that come with each delivery: with many names, a whole namespace is listed. */
  readonly crowds: readonly (readonly string[])[];
  readonly tampering: Tampering | undefined;
  readonly isLarge: boolean;
  /** Reads that a run has issued together are answered in one step: a smaller search that misses what comes between. */
  readonly isCoarse: boolean;
  /** Reads that were issued together are answered in any order, and events that are due may be delivered together. */
  readonly isLoose: boolean;
}

/** One thing that can happen next. */
export interface Step {
  readonly label: string;
  readonly take: () => Promise<Situation>;
}

// Longer than the quarantine.
const tick = 130;

/** Two situations with the same text have the same futures. */
export function toText({ cluster, runs, late, due, swept, edited, begun, faults }: Situation): string {
  const own = runs.map(({ position, since, memory }) => ({
    shape: position.shape,
    rest: toShape([cluster.clock - since, memory]),
  }));
  const sorted = own.toSorted((a, b) => (a.shape.form < b.shape.form ? -1 : 1));
  return joinShapes([
    clusterShape(cluster),
    toShape([late, due, swept, edited, begun, faults]),
    ...sorted.flatMap(({ shape, rest }) => [shape, rest]),
  ]);
}

const shapes = new WeakMap<ClusterState, ReturnType<typeof toShape>>();

function clusterShape(cluster: ClusterState) {
  const known = shapes.get(cluster);
  if (known) return known;
  const shape = toShape({ ...cluster, births: undefined, writes: undefined, asked: undefined });
  shapes.set(cluster, shape);
  return shape;
}

/** Whether nothing is left to happen but deliveries. */
export function isOver({ runs, late, edited }: Situation, { edits }: Setting): boolean {
  return runs.length === 0 && late.length === 0 && edited === edits.length;
}

/** Everything that can happen next. */
export function listSteps(now: Situation, setting: Setting): Step[] {
  return [
    ...userSteps(now, setting),
    ...deliverySteps(now, setting),
    ...sweepSteps(now, setting),
    ...lateSteps(now, setting),
    ...timeSteps(now),
    ...now.runs.flatMap((run) => runSteps(now, run, setting)),
  ];
}

// ------------------------------------------------------------------------------------------------ around the runs

function userSteps(now: Situation, setting: Setting): Step[] {
  const edit = setting.edits[now.edited];
  if (!edit) return [];
  return [{ label: `USER ${JSON.stringify(edit)}`, take: async () => applyUserEdit(now, edit, setting) }];
}

export function applyUserEdit(now: Situation, edit: Edit, { isLarge }: Setting): Situation {
  const { state, news } = applyEdit(now.cluster, edit);
  const named = toNamed(state, news);
  const after = { ...now, cluster: state, edited: now.edited + 1 };
  if (!isLarge || edit.does !== 'create') return { ...after, due: add(now.due, named) };
  const own = named.map((name) => ({ name, hasOwnReason: true }) as const);
  return { ...after, swept: addSwept(now.swept, own) };
}

function deliverySteps(now: Situation, setting: Setting): Step[] {
  return [...togetherSteps(now, setting), ...now.due.flatMap((name) => deliveriesOf(name, now, setting))];
}

function togetherSteps(now: Situation, setting: Setting): Step[] {
  if (!setting.isLoose || now.due.length < 2 || !canStart(now, setting)) return [];
  const label = `DELIVER ${now.due.join(' and ')} to t${now.begun + 1}`;
  return [{ label, take: () => startRun(now, now.due, setting) }];
}

function canStart(now: Situation, { maxRuns, atOnce }: Setting): boolean {
  return now.begun < maxRuns && now.runs.length < atOnce;
}

function deliveriesOf(name: string, now: Situation, setting: Setting): Step[] {
  const lose = {
    label: `LOSE the event of ${name}`,
    take: async () => ({ ...now, due: without(now.due, name), faults: spend(now.faults, 'lose') }),
  };
  const crowds = canStart(now, setting) ? setting.crowds : [];
  return [
    ...crowds.map((crowd) => ({
      label: `DELIVER ${name}${crowd.length > 0 ? ' in a crowd' : ''} to t${now.begun + 1}`,
      take: () => startRun(now, [name], setting, crowd),
    })),
    ...(now.faults.lose > 0 ? [lose] : []),
  ];
}

/** The sweep looks at the cluster, or one of the bindings that it has named is delivered. */
function sweepSteps(now: Situation, setting: Setting): Step[] {
  const look = {
    label: 'SWEEP',
    take: async () => ({
      ...now,
      swept: addSwept(now.swept, await sweep(now.cluster)),
      faults: spend(now.faults, 'sweep'),
    }),
  };
  const delivered = canStart(now, setting) ? now.swept : [];
  return [
    ...((now.faults.sweep ?? 0) > 0 ? [look] : []),
    ...delivered.map((one) => ({
      label: `DELIVER ${one.name} as swept to t${now.begun + 1}`,
      take: () => startSweptRun(now, one, setting),
    })),
  ];
}

export async function startRun(
  now: Situation,
  names: readonly string[],
  setting: Setting,
  crowd: readonly string[] = [],
): Promise<Situation> {
  const due = now.due.filter((name) => !names.includes(name));
  return await begin({ ...now, due }, [...names, ...crowd], {}, setting);
}

export async function startSweptRun(now: Situation, one: Swept, setting: Setting): Promise<Situation> {
  const { name, ...manner } = one;
  return await begin({ ...now, swept: now.swept.filter((other) => other !== one) }, [name], manner, setting);
}

async function begin(
  now: Situation,
  names: readonly string[],
  manner: Manner,
  { runner }: Setting,
): Promise<Situation> {
  const position = await runner.start(`t${now.begun + 1}`, names, manner);
  const run = { position, since: now.cluster.clock, memory: noMemory };
  return { ...now, begun: now.begun + 1, runs: [...now.runs, run] };
}

function lateSteps(now: Situation, { tampering }: Setting): Step[] {
  return now.late.map((call, index) => ({
    label: `LATE ${toLabel(call)}`,
    take: async () => {
      const effect = serveWith(tampering, { state: now.cluster, call, memory: noMemory, names: [] });
      return { ...withEffect(now, effect), late: now.late.filter((_, other) => other !== index) };
    },
  }));
}

/** By assumption no POST takes effect later than the quarantine after its announcement. */
function timeSteps(now: Situation): Step[] {
  const onTheirWay = [
    ...now.late,
    ...now.runs.flatMap(({ position }) => position.pending.map(({ call }) => call)),
  ];
  if (now.faults.tick === 0 || onTheirWay.some((call) => call.method === 'createOutput')) return [];
  const cluster = { ...now.cluster, clock: now.cluster.clock + tick };
  return [
    { label: 'TIME passes', take: async () => ({ ...now, cluster, faults: spend(now.faults, 'tick') }) },
  ];
}

// ------------------------------------------------------------------------------------------------ runs

function runSteps(now: Situation, run: UnderWay, setting: Setting): Step[] {
  const { position } = run;
  if (position.result) return [{ label: `${position.id} ends`, take: async () => endRun(now, run) }];
  return nextCalls(position, setting.isLoose).flatMap((pending) => [
    {
      label: `${position.id} ${toLabel(pending.call)}`,
      take: () => answerOneOrAll(now, run, pending, setting),
    },
    ...(isWrite(pending.call) ? faultSteps(now, run, pending, setting) : []),
  ]);
}

async function answerOneOrAll(
  from: Situation,
  run: UnderWay,
  first: Pending,
  setting: Setting,
): Promise<Situation> {
  if (!setting.isCoarse || isWrite(first.call)) return answer(from, run, first, setting);
  const slot = from.runs.indexOf(run);
  let now = from;
  for (const pending of run.position.pending) {
    const current = now.runs[slot];
    if (current && !isWrite(pending.call)) now = await answer(now, current, pending, setting);
  }
  return now;
}

export function endRun(now: Situation, run: UnderWay): Situation {
  const endings = [...(run.position.result?.endings ?? [])];
  const again = endings.flatMap(([name, { kind }]) => (kind === 'converged' ? [] : [name]));
  return withEventAgain({ ...now, runs: now.runs.filter((other) => other !== run) }, run, again);
}

/** The event of a run comes again for those that it named. Others are named by an event of their own. */
function withEventAgain(now: Situation, { position }: UnderWay, names: readonly string[]): Situation {
  const { manner } = position;
  const isSwept = Object.keys(manner).length > 0;
  const own = isSwept ? names.filter((name) => position.names.includes(name)) : [];
  return {
    ...now,
    swept: addSwept(
      now.swept,
      own.map((name) => ({ name, ...manner })),
    ),
    due: add(
      now.due,
      names.filter((name) => !own.includes(name)),
    ),
  };
}

/** The API server takes the call, and the run gets its answer. */
export async function answer(
  now: Situation,
  run: UnderWay,
  pending: Pending,
  setting: Setting,
): Promise<Situation> {
  const { position } = run;
  const { names } = position;
  const served = serveWith(setting.tampering, {
    state: now.cluster,
    call: pending.call,
    memory: run.memory,
    names,
  });
  const effect = { ...served, state: judge(now.cluster, served, run, pending.call) };
  const value = served.isUnknown ? unknown : ({ kind: 'known', value: served.answer } as const);
  const elapsed = (now.cluster.clock - run.since) * 1000;
  const next = await setting.runner.answer(position, pending, value, elapsed);
  const after = withEffect(now, effect);
  const late = [...after.late, ...(served.copies ?? [])];
  return {
    ...after,
    late,
    runs: replaceRun(now.runs, run, { ...run, position: next, memory: served.memory }),
  };
}

const unknown = { kind: 'uncertain' } as const;

/** What can go wrong with a write: its run dies, or gives up waiting; and the write takes effect now, later, or never. */
function faultSteps(now: Situation, run: UnderWay, pending: Pending, setting: Setting): Step[] {
  const { id } = run.position;
  const what = toLabel(pending.call);
  const dead = (crashed: Situation): Situation =>
    withEventAgain(
      { ...crashed, runs: crashed.runs.filter((other) => other !== run) },
      run,
      run.position.names.filter((name) => !isCrowd(name)),
    );
  const waiting = async (left: Situation): Promise<Situation> => {
    const elapsed = (now.cluster.clock - run.since) * 1000;
    const position = await setting.runner.answer(run.position, pending, unknown, elapsed);
    return { ...left, runs: replaceRun(left.runs, run, { ...run, position }) };
  };
  const nothing = { ...now, faults: spend(now.faults, 'crash') };
  const effect = () => served(now, run, pending, setting);
  const taken = () => ({ ...withEffect(now, effect()), faults: spend(now.faults, 'crash') });
  const later = { ...now, late: [...now.late, pending.call], faults: spend(now.faults, 'late') };
  return [
    ...(now.faults.crash > 0
      ? [
          { label: `CRASH ${id} before ${what}`, take: async () => dead(nothing) },
          { label: `CRASH ${id} after ${what}`, take: async () => dead(taken()) },
          { label: `NO ANSWER to ${id}, not taken: ${what}`, take: () => waiting(nothing) },
          { label: `NO ANSWER to ${id}, taken: ${what}`, take: () => waiting(taken()) },
        ]
      : []),
    ...(now.faults.late > 0
      ? [
          { label: `CRASH ${id} with ${what} on its way`, take: async () => dead(later) },
          { label: `NO ANSWER to ${id}, still on its way: ${what}`, take: () => waiting(later) },
        ]
      : []),
  ];
}

function served(now: Situation, run: UnderWay, { call }: Pending, { tampering }: Setting): Effect {
  const { names } = run.position;
  const effect = serveWith(tampering, { state: now.cluster, call, memory: run.memory, names });
  return { ...effect, state: judge(now.cluster, effect, run, call) };
}

/** An output may go as an orphan only if its binding is gone: a run that deletes one must at least have seen its owner. */
function judge(before: ClusterState, { state }: Effect, run: UnderWay, call: Call): ClusterState {
  if (call.method !== 'deleteOutput' || state === before) return state;
  const output = before.outputs[call.args[0].name];
  const owner = output?.metadata.annotations?.['kleym.sonda.red/binding-uid'];
  const isAlive = Object.values(before.bindings).some(({ metadata }) => metadata.uid === owner);
  if (!output || !isOurs(output) || !isAlive || run.position.seen.has(owner ?? '')) return state;
  return { ...state, misdeeds: [...state.misdeeds, 'FALSE_ORPHAN'] };
}

// ------------------------------------------------------------------------------------------------ small parts

function withEffect(now: Situation, { state, news }: Effect): Situation {
  return { ...now, cluster: state, due: add(now.due, toNamed(state, news)) };
}

function replaceRun(runs: readonly UnderWay[], run: UnderWay, next: UnderWay): UnderWay[] {
  return runs.map((other) => (other === run ? next : other));
}

/** Names that only make a request large. */
export const crowd = Array.from({ length: 24 }, (_, index) => `nobody-${index}`);

function isCrowd(name: string): boolean {
  return crowd.includes(name);
}

function spend(faults: Faults, fault: keyof Faults): Faults {
  return { ...faults, [fault]: (faults[fault] ?? 0) - 1 };
}

function add(due: readonly string[], names: readonly string[]): string[] {
  return [...new Set([...due, ...names])].toSorted();
}

function addSwept(swept: readonly Swept[], named: readonly Swept[]): Swept[] {
  const byText = new Map([...swept, ...named].map((one) => [JSON.stringify(one), one]));
  return [...byText].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([, one]) => one);
}

function without(due: readonly string[], name: string): string[] {
  return due.filter((other) => other !== name);
}

/** A call in words. */
function toLabel(call: Call): string {
  switch (call.method) {
    case 'replaceStatus': {
      const { claim, conditions } = call.args[2];
      const ready = findReady({ conditions });
      return `${call.method} ${call.args[1].name} ${ready?.status}/${ready?.reason} ${claim ? `${claim.kind} ${claim.key}` : 'no claim'}`;
    }
    case 'patchFinalizers':
      return `${call.method} ${call.args[1].name} ${call.args[2].join()}`;
    case 'createOutput':
      return `${call.method} ${call.args[0].metadata.name} ${call.args[0].spec.workloadSelectorTemplates?.join()}${call.args[1]?.dryRun ? ' (dry run)' : ''}`;
    case 'replaceOutput':
      return `${call.method} ${call.args[0].metadata.name} ${call.args[0].spec.workloadSelectorTemplates?.join()}`;
    case 'deleteOutput':
      return `${call.method} ${call.args[0].name}`;
    default:
      return `${call.method} ${JSON.stringify(call.args)}`;
  }
}
