import type { Binding } from '../../shared/api/binding.ts';
import type { Decision, Probe, Write } from '../../shared/decide/decision.ts';
import { decide, decideOrphans } from '../../shared/decide/decide.ts';
import { type Snapshot, type World, toWorld } from '../../shared/decide/world.ts';
import { compareText } from '../../shared/identity/canonical.ts';
import type { Settings } from '../../shared/identity/settings.ts';
import { collect } from '../../shared/kube/collect.ts';
import { UncertainError } from '../../shared/api/uncertain-error.ts';
import { findAffected } from './affected.ts';
import { forEachLimited } from './for-each-limited.ts';
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
}

const maxRounds = 12;
const maxMs = 20_000;
// Names that need no write cost nothing.
const maxNames = 200;
// A round looks again after this long, however many are left: what it announced must be written while it is fresh. Where
// the API server is slow, a round for all of them would end after that, and the run with nothing but announcements.
const maxRoundMs = 4_000;
// After this nothing is announced any more: it could not be written in time, and would keep everybody waiting.
const maxAnnouncingMs = 10_000;
const concurrency = 16;

/**
 * Brings bindings of one namespace to rest: collect, decide for each, write, and collect again until nothing is left to
 * write. It remembers nothing that another run would need, and may die between any two calls.
 */
export async function settle(
  namespace: string,
  names: readonly string[],
  settings: Settings,
  tools: Tools,
): Promise<Run> {
  const sorted = names.toSorted(compareText);
  const run = startRun(sorted, tools);
  try {
    while (run.open.size > 0 && run.rounds < maxRounds && tools.elapsed() - run.since < maxMs) {
      run.rounds++;
      const open = [...run.open].toSorted(compareText);
      await takeRound(run, toWorld(await look(run, namespace, open), settings));
    }
  } catch (error) {
    // Trouble says nothing about any binding; neighbours that were not asked for must not be forgotten with it.
    if (!(error instanceof UncertainError)) throw error;
    for (const name of run.open) end(run, name, toTrouble(error));
  } finally {
    await tools.announcer.told();
  }
  for (const name of run.open) end(run, name, unfinished(run));
  for (const { owner, ending } of run.stuck.values()) end(run, owner, ending);
  return { endings: run.endings, collects: run.rounds, writes: run.writes };
}

/** A run while it is under way. */
interface Progress {
  readonly tools: Tools;
  readonly since: number;
  readonly open: Set<string>;
  readonly endings: Map<string, Ending>;
  readonly notes: Map<string, Notes>;
  rounds: number;
  writes: number;
  /** Whether an output went or changed, so that neighbours may have what they waited for. */
  released: boolean;
  /** Orphans that could not be deleted, by their uids. */
  readonly stuck: Map<string, { readonly owner: string; readonly ending: Ending }>;
  /** When the last collect began. */
  looked: number;
  /** What it saw, with each binding as it was when it was first seen. */
  seen: Snapshot | undefined;
}

interface Step {
  readonly name: string;
  readonly decision: Write | Probe;
}

function startRun(names: readonly string[], tools: Tools): Progress {
  return {
    tools,
    since: tools.elapsed(),
    open: new Set(names),
    endings: new Map(),
    notes: new Map(),
    rounds: 0,
    writes: 0,
    released: false,
    stuck: new Map(),
    looked: 0,
    seen: undefined,
  };
}

/** A binding that changes its service account leaves neighbours behind, who may have waited for that: they stay in sight. */
async function look(run: Progress, namespace: string, names: readonly string[]): Promise<Snapshot> {
  run.looked = run.tools.elapsed();
  const snapshot = await collect(run.tools.cluster, namespace, names, run.seen);
  const bindings = new Map([...snapshot.bindings, ...(run.seen?.bindings ?? [])]);
  run.seen = { ...snapshot, bindings };
  return snapshot;
}

async function takeRound(run: Progress, world: World): Promise<void> {
  const orphans = decideOrphans(world).filter(({ output }) => !run.stuck.has(output.metadata.uid));
  if (orphans.length > 0) {
    await forEachLimited(orphans, concurrency, (orphan) => removeOrphan(run, orphan));
    return;
  }
  const steps = toSteps(run, world);
  adopt(run, world);
  const began = run.tools.elapsed();
  const inOrder = steps.toSorted((a, b) => Number(isAnnouncement(a)) - Number(isAnnouncement(b)));
  await forEachLimited(inOrder, concurrency, async (step) => {
    if (!isTooLate(run, began, step)) await attempt(run, step);
  });
}

/** Whether a step is for the next round. */
function isTooLate(run: Progress, began: number, step: Step): boolean {
  return run.tools.elapsed() - began > maxRoundMs || (isAnnouncement(step) && isTooLateToAnnounce(run));
}

function isTooLateToAnnounce({ tools, since }: Progress): boolean {
  return tools.elapsed() - since > maxAnnouncingMs;
}

function isAnnouncement({ decision }: Step): boolean {
  if (decision.kind === 'patch-finalizers') return decision.announce !== undefined;
  return (
    decision.kind === 'write-status' && ['creating', 'replacing'].includes(decision.status.claim?.kind ?? '')
  );
}

/** What there is to write, for as many as a run takes: those first that do not wait already, and so may get somewhere. */
function toSteps(run: Progress, world: World): Step[] {
  const isWaiting = (name: string) => (isStuck(world.snapshot.bindings.get(name)) ? 1 : 0);
  const steps = [...run.open]
    .toSorted((a, b) => isWaiting(a) - isWaiting(b) || compareText(a, b))
    .flatMap((name) => toStep(run, name, decideFor(run, world, name)));
  const late = steps.filter((step) => isAnnouncement(step) && isTooLateToAnnounce(run));
  for (const { name } of [...late, ...steps.slice(maxNames)]) end(run, name, { kind: 'unfinished' });
  return steps.filter(({ name }) => run.open.has(name));
}

function isStuck(binding: Binding | undefined): boolean {
  const ready = binding?.status?.conditions?.find(({ type }) => type === 'Ready');
  return ready?.reason === 'Waiting';
}

function decideFor(run: Progress, world: World, name: string): Decision {
  return decide(world, name, toMemory(notesOf(run, name), run.tools), run.tools.nonce());
}

/** A decision that writes is a step; any other one ends the run for its binding. */
function toStep(run: Progress, name: string, decision: Decision): Step[] {
  switch (decision.kind) {
    case 'settled':
    case 'waiting':
      end(run, name, decision);
      return [];
    default:
      return [{ name, decision }];
  }
}

/** An orphan that cannot be deleted keeps what it holds, and somebody must come back for it; the others go on. */
async function removeOrphan(run: Progress, orphan: Write & { kind: 'delete-output' }): Promise<void> {
  const { output, owner } = orphan;
  const { name, uid } = output.metadata;
  const notes: Notes = { looked: run.looked };
  try {
    count(run, orphan, await perform(orphan, notes, run.tools));
  } catch (error) {
    run.stuck.set(uid, { owner, ending: toTrouble(error) });
  }
  if (!notes.kept) return;
  const message = `ClusterSPIFFEID ${name} has no binding any more, and could not be deleted: ${notes.kept.words}`;
  run.stuck.set(uid, { owner, ending: { kind: 'waiting', message } });
}

/** One binding's trouble is its own: the others of the batch go on. */
async function attempt(run: Progress, step: Step): Promise<void> {
  try {
    await write(run, step);
  } catch (error) {
    end(run, step.name, toTrouble(error));
  }
}

function toTrouble(error: unknown): Ending {
  return error instanceof UncertainError
    ? { kind: 'waiting', message: error.message }
    : { kind: 'failed', error };
}

async function write(run: Progress, { name, decision }: Step): Promise<void> {
  // Whatever comes of it: what is chained on a PUT may fail when the PUT has not.
  if (decision.kind === 'replace-output') run.released = true;
  const effect = await perform(decision, notesOf(run, name), run.tools);
  count(run, decision, effect);
  // What a replaced output selected is free now, and only another collect shows who was waiting for it.
  if (effect === 'confirmed' && decision.kind === 'create-output') end(run, name, { kind: 'settled' });
  if (decision.kind === 'write-status' && decision.waiting) end(run, name, decision.waiting);
}

/** What was not deleted sets nobody free. */
function count(run: Progress, { kind }: Write | Probe, effect: Effect): void {
  if (kind === 'probe' || effect === 'kept') return;
  run.writes++;
  if (kind === 'delete-output') run.released = true;
}

/**
 * A run looks after the neighbours whose state its work has made untrue; from the next collect on, which is theirs too.
 * One that it found at rest before is a neighbour like any other, if it would write for it now. Who waits is asked for
 * again anyway.
 */
function adopt(run: Progress, world: World): void {
  const atRest = new Set([...run.endings].flatMap(([name, { kind }]) => (kind === 'settled' ? [name] : [])));
  const own = [...run.endings.keys(), ...run.open];
  const affected = new Set(findAffected(world, new Set(own), run.released));
  if (atRest.size > 0) {
    const others = new Set(own.filter((name) => !atRest.has(name)));
    const again = findAffected(world, others, run.released);
    for (const name of again)
      if (!atRest.has(name) || isWrite(decideFor(run, world, name))) affected.add(name);
  }
  for (const name of affected) {
    if (run.open.size < maxNames) run.open.add(name);
    else end(run, name, { kind: 'unfinished' });
  }
  run.released = false;
}

function isWrite({ kind }: Decision): boolean {
  return kind !== 'settled' && kind !== 'waiting';
}

function notesOf(run: Progress, name: string): Notes {
  const notes = run.notes.get(name) ?? { looked: run.looked };
  notes.looked = run.looked;
  run.notes.set(name, notes);
  return notes;
}

function end(run: Progress, name: string, ending: Ending): void {
  run.open.delete(name);
  run.endings.set(name, ending);
}

/** Out of rounds is contention, and wants patience; out of time only wants another request. */
function unfinished(run: Progress): Ending {
  if (run.rounds < maxRounds) return { kind: 'unfinished' };
  return { kind: 'waiting', message: `not at rest after ${maxRounds} rounds: others write the same objects` };
}
