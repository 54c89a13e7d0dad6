import { bindingFinalizer } from '../../shared/api/binding.ts';
import { UncertainError } from '../../shared/api/uncertain-error.ts';
import { collect, readClock } from '../../shared/collect/collect.ts';
import { collectAlone, collectNew, readSourcesOf } from '../../shared/collect/collect-new.ts';
import { maxReadsByName } from '../../shared/collect/limits.ts';
import { type Sight, createSight, noteWrites } from '../../shared/collect/sight.ts';
import type { Decision, Probe, Write } from '../../shared/decide/decision.ts';
import { decide, decideFirst, decideOrphans, isNew, toHold } from '../../shared/decide/decide.ts';
import { isWaiting } from '../../shared/decide/status.ts';
import { type World, compileWorld } from '../../shared/decide/world.ts';
import { forEachLimited } from '../../shared/concurrency/for-each-limited.ts';
import { compareText } from '../../shared/identity/canonical.ts';
import type { Settings } from '../../shared/identity/settings.ts';
import { rotate } from '../../shared/concurrency/rotate.ts';
import { createPause, takeTurns } from '../../shared/concurrency/take-turns.ts';
import { findAffected } from './affected.ts';
import { type Effect, type Notes, type Tools, perform, toMemory } from './perform.ts';

/** How a run ended for a binding: at rest, to be asked for again later, or not reached in time. */
export type Ending =
  | { readonly kind: 'settled' }
  | { readonly kind: 'waiting'; readonly message: string }
  | { readonly kind: 'unfinished' }
  | { readonly kind: 'failed'; readonly error: unknown };

/** What a run did. */
export interface Run {
  readonly endings: ReadonlyMap<string, Ending>;
  readonly collects: number;
  /** How many writes were answered; an output that could not be deleted is none. */
  readonly writes: number;
  /** How many of them only prepared others. */
  readonly announcements: number;
}

/** What a run is asked for. */
export interface Task {
  readonly namespace: string;
  readonly names: readonly string[];
  /** To look at the whole namespace, however few the names are. */
  readonly isWhole?: boolean;
}

// Somebody else writes the same object each time: to go on at once helps nobody.
const maxTries = 12;
// After this no binding is taken up any more. What was announced by then is still brought to its end.
const maxMs = 20_000;
const maxMsWithoutWrites = 40_000;
// Neighbours that a run takes up by itself, beside the names that it was asked for.
const maxNeighbours = 200;
// What a round announces is to be written by the next one, while it is fresh. So a round ends after this long, or with so
// many announcements, and the next one writes what these announced before it goes on.
const maxRoundMs = 4_000;
const maxAnnouncements = 1_000;
// A claim is dated by the clock as it was read last. When deciding took longer than this, it is read again.
const maxClockAgeMs = 1_000;
// As many writes as a run may have under way where it is alone; how many are sent while others wait is said elsewhere.
const concurrency = 16;

/**
 * Brings bindings of one namespace to rest: collect, decide for each, write, and collect again until nothing is left to
 * write. It remembers nothing that another run would need, and may die between any two calls.
 */
export async function settle(task: Task, settings: Settings, tools: Tools): Promise<Run> {
  const run = startRun(task, settings, tools);
  try {
    await createNew(run);
    while (run.open.size > 0 && isInTime(run)) await takeRound(run, await look(run), [...run.open]);
  } catch (error) {
    // Trouble says nothing about any binding; neighbours that were not asked for must not be forgotten with it.
    if (!(error instanceof UncertainError)) throw error;
    for (const name of run.open) end(run, name, toTrouble(error));
  } finally {
    await tools.announcer.told();
  }
  for (const name of run.open) if (!run.passing.has(name)) end(run, name, { kind: 'unfinished' });
  for (const { owner, ending } of run.stuck.values()) end(run, owner, ending);
  const { endings, collects, writes, announcements } = run;
  return { endings, collects, writes, announcements };
}

/** A run while it is under way. */
interface Progress {
  readonly task: Task;
  readonly settings: Settings;
  readonly tools: Tools;
  readonly since: number;
  readonly sight: Sight;
  /** Those that are not at rest, in the order in which they are taken up. */
  readonly open: Set<string>;
  readonly endings: Map<string, Ending>;
  readonly notes: Map<string, Notes>;
  /** Neighbours that were taken up. */
  readonly adopted: Set<string>;
  /** Bindings that nobody has evaluated, and that were in sight anyway. Their own events are on their way. */
  readonly passing: Set<string>;
  collects: number;
  writes: number;
  announcements: number;
  /** Whether an output went or changed, so that neighbours may have what they waited for. */
  released: boolean;
  /** Orphans that could not be deleted, by their uids. */
  readonly stuck: Map<string, { readonly owner: string; readonly ending: Ending }>;
  /** When the clock was read by which this round dates its claims. */
  looked: number;
}

interface Step {
  readonly name: string;
  readonly decision: Write | Probe;
}

function startRun(task: Task, settings: Settings, tools: Tools): Progress {
  const sight = createSight();
  return {
    task,
    settings,
    tools: { ...tools, cluster: noteWrites(tools.cluster, sight) },
    since: tools.elapsed(),
    sight,
    // Those that never come to rest must not come first in each run.
    open: new Set(rotate(task.names.toSorted(compareText), tools.nonce())),
    endings: new Map(),
    notes: new Map(),
    adopted: new Set(),
    passing: new Set(),
    collects: 0,
    writes: 0,
    announcements: 0,
    released: false,
    stuck: new Map(),
    looked: 0,
  };
}

function isInTime(run: Progress): boolean {
  return isInTimeToBegin(run) || [...run.open].some((name) => isAnnounced(run, name));
}

/** A namespace may be so large that to read it takes all the time; then it gets some more, or nothing would ever come of it. */
function isInTimeToBegin({ tools, since, writes }: Progress): boolean {
  return tools.elapsed() - since < (writes > 0 ? maxMs : maxMsWithoutWrites);
}

function isAnnounced({ notes, tools }: Progress, name: string): boolean {
  const known = notes.get(name);
  return known !== undefined && toMemory(known, tools).unsent?.fresh === true;
}

/** Makes what few bindings want that nobody has looked at: row 0, and then what the rows say where they are alone. */
async function createNew(run: Progress): Promise<void> {
  const { task, tools, settings, sight } = run;
  if (task.isWhole || task.names.length > maxReadsByName) return;
  const announced = await announceNew(run);
  if (announced.length === 0 || settings.overlapPolicy === 'refuse') return;
  run.looked = tools.elapsed();
  const snapshot = await collectAlone(tools.cluster, { namespace: task.namespace, names: announced }, sight);
  if (!snapshot) return;
  run.collects++;
  await takeRound(run, await takeTurns(compileWorld(snapshot, settings), tools), announced);
}

async function announceNew(run: Progress): Promise<string[]> {
  const { task, tools, settings, sight } = run;
  run.looked = tools.elapsed();
  const seen = (await collectNew(tools.cluster, task, sight)).filter(({ binding }) => isNew(binding));
  if (seen.length === 0) return [];
  run.collects++;
  // The finalizer goes on whatever their pools say.
  const bindings = seen.map(({ binding }) => binding);
  const reading = readSourcesOf(tools.cluster, task.namespace, bindings, sight);
  const holding = forEachLimited(bindings, concurrency, (binding) =>
    attempt(run, { name: binding.metadata.name, decision: toHold(binding) }),
  );
  // Nothing is written any more when a run has ended.
  await Promise.allSettled([reading, holding]);
  const [{ sources }] = await Promise.all([reading, holding]);
  const steps = seen.flatMap(({ binding, now }) =>
    toFirstStep(run, decideFirst({ binding, now, sources, settings }, tools.nonce())),
  );
  await forEachLimited(steps, concurrency, (step) => attempt(run, step));
  return steps.map(({ name }) => name).filter((name) => isAnnounced(run, name));
}

/** The announcement, onto the binding with our finalizer. Where that was not put on, a collect will tell. */
function toFirstStep({ sight }: Progress, decision: ReturnType<typeof decideFirst>): Step[] {
  if (!decision) return [];
  const { name } = decision.binding.metadata;
  const binding = sight.bindings.get(name);
  if (!binding?.metadata.finalizers?.includes(bindingFinalizer)) return [];
  return [
    { name, decision: { kind: 'write-status', binding, status: decision.announce, waiting: undefined } },
  ];
}

async function look(run: Progress): Promise<World> {
  const { task, settings, tools, sight } = run;
  run.collects++;
  run.looked = tools.elapsed();
  const names = [...run.open];
  const isWhole = task.isWhole ?? false;
  const snapshot = await collect(
    tools.cluster,
    { namespace: task.namespace, names, settings, isWhole },
    sight,
  );
  return await takeTurns(compileWorld(snapshot, settings), tools);
}

async function takeRound(run: Progress, seen: World, lookedAt: readonly string[]): Promise<void> {
  const orphans = decideOrphans(seen).filter(({ output }) => !run.stuck.has(output.metadata.uid));
  if (orphans.length > 0) {
    await forEachLimited(orphans, concurrency, (orphan) => removeOrphan(run, orphan));
    return;
  }
  // Only those whom the look was for: it may not show the rivals of whom the run takes up now.
  const names = toTakeUp(run, seen, lookedAt);
  await adopt(run, seen);
  const world = await readClockAgain(run, seen);
  const announcements: Step[] = [];
  const steps = listSteps(run, world, names, announcements);
  await forEachLimited(steps, concurrency, (step) => attempt(run, step));
  await forEachLimited(listInTime(run, announcements), concurrency, (step) => attempt(run, step));
}

/** What was announced must be written soon after the clock was read that dates it. The quarantine is that of the collect. */
async function readClockAgain(run: Progress, world: World): Promise<World> {
  const { tools, task, looked } = run;
  const now = tools.elapsed();
  if (now - looked < maxClockAgeMs) return world;
  const clock = await readClock(tools.cluster, task.namespace);
  run.looked = now;
  return { ...world, snapshot: { ...world.snapshot, clock: { ...world.snapshot.clock, now: clock.now } } };
}

/**
 * What there is to write, decided one by one while it is written. Announcements come last and are put aside: what they
 * need must first be known to be free, and it takes another round. Whom this round does not reach, the next one does.
 */
async function* listSteps(
  run: Progress,
  world: World,
  names: readonly string[],
  announcements: Step[],
): AsyncGenerator<Step> {
  const pause = createPause(run.tools);
  const began = run.tools.elapsed();
  for (const name of names) {
    await pause();
    const isOver = run.tools.elapsed() - began > maxRoundMs || announcements.length === maxAnnouncements;
    if (isOver) return;
    const step = toStep(run, name, decideFor(run, world, name));
    if (step && isAnnouncement(step)) announcements.push(step);
    else if (step) yield step;
  }
}

function* listInTime(run: Progress, steps: readonly Step[]): Generator<Step> {
  const began = run.tools.elapsed();
  for (const step of steps) {
    if (run.tools.elapsed() - began > maxRoundMs || !isInTimeToBegin(run)) return;
    yield step;
  }
}

/** First what was announced, last what waited already; each round goes on where the one before ended. */
function toTakeUp(run: Progress, world: World, lookedAt: readonly string[]): string[] {
  const open = lookedAt.filter((name) => run.open.has(name));
  const announced = open.filter((name) => isAnnounced(run, name));
  if (!isInTimeToBegin(run)) return announced;
  const others = open.filter((name) => !isAnnounced(run, name));
  const waits = (name: string) => {
    const binding = world.snapshot.bindings.get(name);
    return binding !== undefined && isWaiting(binding);
  };
  return [...announced, ...others.filter((name) => !waits(name)), ...others.filter(waits)];
}

function isAnnouncement({ decision }: Step): boolean {
  if (decision.kind === 'patch-finalizers') return decision.announce !== undefined;
  return (
    decision.kind === 'write-status' && ['creating', 'replacing'].includes(decision.status.claim?.kind ?? '')
  );
}

/** Our finalizer goes on: nothing has come of it yet. */
function isHold({ decision }: Step): boolean {
  return decision.kind === 'patch-finalizers' && decision.finalizers.includes(bindingFinalizer);
}

function decideFor(run: Progress, world: World, name: string): Decision {
  return decide(world, name, toMemory(notesOf(run, name), run.tools), run.tools.nonce());
}

/** A decision that writes is a step; any other one ends the run for its binding. */
function toStep(run: Progress, name: string, decision: Decision): Step | undefined {
  switch (decision.kind) {
    case 'settled':
    case 'waiting':
      end(run, name, decision);
      return undefined;
    default:
      return { name, decision };
  }
}

/** An orphan that cannot be deleted keeps what it holds, and somebody must come back for it; the others go on. */
async function removeOrphan(run: Progress, orphan: Write & { kind: 'delete-output' }): Promise<void> {
  const { output, owner } = orphan;
  const { name, uid } = output.metadata;
  const notes: Notes = { looked: run.looked, tries: 0 };
  try {
    count(run, orphan, await perform(orphan, notes, run.tools));
  } catch (error) {
    run.stuck.set(uid, { owner, ending: toTrouble(error) });
  }
  if (!notes.kept) return;
  const message = `ClusterSPIFFEID ${name} has no binding any more but could not be deleted: ${notes.kept.words}`;
  run.stuck.set(uid, { owner, ending: { kind: 'waiting', message } });
}

/** One binding's trouble is its own: the others of the batch go on. */
async function attempt(run: Progress, step: Step): Promise<void> {
  const { name } = step;
  // To the end of the line.
  run.open.delete(name);
  run.open.add(name);
  try {
    await write(run, step);
  } catch (error) {
    end(run, name, toTrouble(error));
  }
  const notes = notesOf(run, name);
  notes.tries++;
  if (notes.tries < maxTries || !run.open.has(name)) return;
  const message = `not settled after ${maxTries} writes: something else writes the same objects`;
  end(run, name, { kind: 'waiting', message });
}

function toTrouble(error: unknown): Ending {
  return error instanceof UncertainError
    ? { kind: 'waiting', message: error.message }
    : { kind: 'failed', error };
}

async function write(run: Progress, step: Step): Promise<void> {
  const { name, decision } = step;
  // Whatever comes of it: what is chained on a PUT may fail when the PUT has not.
  if (decision.kind === 'replace-output') run.released = true;
  const effect = await perform(decision, notesOf(run, name), run.tools);
  if (count(run, decision, effect) && (isAnnouncement(step) || isHold(step))) run.announcements++;
  // What a replaced output selected is free now, and only another collect shows who was waiting for it.
  if (effect === 'confirmed' && decision.kind === 'create-output') end(run, name, { kind: 'settled' });
  if (decision.kind === 'write-status' && decision.waiting) end(run, name, decision.waiting);
}

/** True where it was a write that was carried out, or that others were faster than. What was not deleted sets nobody free. */
function count(run: Progress, { kind }: Write | Probe, effect: Effect): boolean {
  if (kind === 'probe' || effect === 'kept' || effect === 'unsent') return false;
  run.writes++;
  if (kind === 'delete-output') run.released = true;
  return true;
}

/**
 * A run looks after the neighbours whose state its work has made untrue; from the next collect on, which is theirs too.
 * One that it found at rest before is a neighbour like any other, if it would write for it now. Who waits is asked for
 * again anyway.
 */
async function adopt(run: Progress, world: World): Promise<void> {
  const { tools, released } = run;
  const atRest = new Set([...run.endings].flatMap(([name, { kind }]) => (kind === 'settled' ? [name] : [])));
  const own = [...run.endings.keys(), ...run.open];
  const affected = new Set(await takeTurns(findAffected(world, new Set(own), released), tools));
  if (atRest.size > 0) {
    const others = new Set(own.filter((name) => !atRest.has(name)));
    const again = await takeTurns(findAffected(world, others, released), tools);
    for (const name of again)
      if (!atRest.has(name) || isWrite(decideFor(run, world, name))) affected.add(name);
  }
  for (const name of affected) takeOver(run, name);
  takeNew(run, world);
  run.released = false;
}

/**
 * Where a run has read the namespace for many, it takes up what nobody has evaluated yet: when a thousand bindings are
 * created at once, each of their events would otherwise want a look of its own.
 */
function takeNew(run: Progress, world: World): void {
  if (run.task.names.length <= maxReadsByName || world.snapshot.isNarrow) return;
  for (const binding of world.snapshot.bindings.values()) {
    const { name } = binding.metadata;
    if (run.endings.has(name) || run.open.has(name) || !isNew(binding)) continue;
    run.passing.add(name);
    run.open.add(name);
  }
}

function takeOver(run: Progress, name: string): void {
  if (run.adopted.size === maxNeighbours && !run.adopted.has(name)) end(run, name, { kind: 'unfinished' });
  else {
    run.adopted.add(name);
    run.open.add(name);
  }
}

function isWrite({ kind }: Decision): boolean {
  return kind !== 'settled' && kind !== 'waiting';
}

function notesOf(run: Progress, name: string): Notes {
  const notes = run.notes.get(name) ?? { looked: run.looked, tries: 0 };
  notes.looked = run.looked;
  run.notes.set(name, notes);
  return notes;
}

function end(run: Progress, name: string, ending: Ending): void {
  run.open.delete(name);
  run.endings.set(name, ending);
}
