import { sendWithinMs } from '../../shared/api/creation-budget.ts';
import { UncertainError } from '../../shared/api/uncertain-error.ts';
import { type RunCache, cacheWrites, createRunCache } from '../../shared/collect/run-cache.ts';
import { rotate } from '../../shared/concurrency/rotate.ts';
import { decide } from '../../shared/decide/decide.ts';
import type { Decision, DryRun, Write } from '../../shared/decide/decision.ts';
import type { RunState } from '../../shared/decide/run-state.ts';
import type { World } from '../../shared/decide/world.ts';
import { compareText } from '../../shared/identity/canonical.ts';
import type { Settings } from '../../shared/identity/settings.ts';
import type { Tools } from './perform.ts';

/** What a run is asked for. */
export interface Task {
  readonly namespace: string;
  readonly names: readonly string[];
  /** Collect the whole namespace, however few the names are. */
  readonly isWhole?: boolean;
  /** Take the new bindings that are found there too. */
  readonly takesNew?: boolean;
  readonly partOf?: SharedTask;
}

/** A task of which several runs are a part. */
interface SharedTask {
  readonly since: number;
  /** Hears how the run ends for a binding, at once: if several runs end for it, the last one knows best. */
  readonly onEnding: (name: string, ending: Ending) => void;
}

/**
 * How a run ended for a binding: it has converged, waits and is to be asked for again, or was not done in time.
 * `not-begun`: no run has looked at it.
 */
export type Ending =
  | { readonly kind: 'converged' }
  | { readonly kind: 'waiting'; readonly message: string }
  | { readonly kind: 'unfinished'; readonly message?: string }
  | { readonly kind: 'not-begun' }
  | { readonly kind: 'failed'; readonly error: unknown };

/** A run while it is under way. */
export interface Run {
  readonly task: Task;
  readonly settings: Settings;
  readonly tools: Tools;
  readonly since: number;
  readonly cache: RunCache;
  /** Bindings that may need another write, in the order in which the run takes them. */
  readonly pending: Set<string>;
  readonly endings: Map<string, Ending>;
  readonly states: Map<string, RunState>;
  /** How often the run has written for each binding. */
  readonly attempts: Map<string, number>;
  /** Neighbours that the run has adopted. */
  readonly adopted: Set<string>;
  /** New bindings that the run read by the way. If it does not write for them, their own events name them. */
  readonly passing: Set<string>;
  collects: number;
  writes: number;
  announcements: number;
  /** Whether an output was deleted or changed, so that neighbours may have what they waited for. */
  released: boolean;
  /** Orphans that could not be deleted, by their uids. */
  readonly undeletedOrphans: Map<string, { readonly owner: string; readonly ending: Ending }>;
  /** When the clock was read by which this round dates its claims. */
  datedAt: number;
  looks: number;
  /** How long the last look took until all of it was compiled, and how long the first one. */
  lookMs: number;
  firstLookMs: number | undefined;
}

/** A decision that is to be carried out for a binding. */
export interface PlannedWrite {
  readonly name: string;
  readonly decision: Write | DryRun;
}

/**
 * As many as a run may have under way where it is alone. An API server whose processors are busy answers more of them
 * hardly faster, and everybody else waits behind them.
 */
export const writesAtOnce = 6;
/** Where it is not, so that others have their calls answered as fast: `createWriteShares` sees to it. */
export const writesBesideOthers = 2;

// After this the run takes no further binding, but completes what it has announced. Its first look, which reads pools and
// objectives too, comes on top: a namespace may be so large that to read it takes all the time, and the run would never
// write anything.
export const maxMs = 20_000;
const maxFirstLookMs = 20_000;

/** A run that has done nothing yet. */
export function startRun(task: Task, settings: Settings, tools: Tools): Run {
  const cache = createRunCache(tools.largeAccounts);
  return {
    task,
    settings,
    tools: { ...tools, cluster: cacheWrites(tools.cluster, cache) },
    since: task.partOf?.since ?? tools.elapsed(),
    cache,
    // Bindings that never converge must not come first in each run.
    pending: new Set(rotate(task.names.toSorted(compareText), tools.nonce())),
    endings: new Map(),
    states: new Map(),
    attempts: new Map(),
    adopted: new Set(),
    passing: new Set(),
    collects: 0,
    writes: 0,
    announcements: 0,
    released: false,
    undeletedOrphans: new Map(),
    datedAt: 0,
    looks: 0,
    lookMs: 0,
    firstLookMs: undefined,
  };
}

/** Whether there is time for another round: to begin bindings when its look is over, or to complete others. */
export function isInTime(run: Run): boolean {
  return isInTimeToBegin(run, run.lookMs) || [...run.pending].some((name) => isAnnounced(run, name));
}

/** Whether there is time to take another binding, now or so much later. */
export function isInTimeToBegin({ tools, since, firstLookMs = 0 }: Run, afterMs = 0): boolean {
  if (tools.isEnding?.()) return false;
  return tools.elapsed() + afterMs - since < maxMs + Math.min(firstLookMs, maxFirstLookMs);
}

/** Less time for announcements would not be worth the look that must follow. */
export const minAnnouncingMs = 1_000;

// The first look also reads what the next ones need not: pools and objectives.
const firstLookFactor = 1.5;

/** Whether looks take so long that no POST can leave in its time. */
export function isLookTooLong({ looks, lookMs }: Run): boolean {
  return lookMs / (looks === 1 ? firstLookFactor : 1) > sendWithinMs - minAnnouncingMs;
}

/** How a run ends for what it did not reach, and why if that is known. */
export function toUnfinished(run: Run): Ending {
  const { lookMs, cache } = run;
  if (!isLookTooLong(run)) return { kind: 'unfinished' };
  const message = `to read the ${cache.listed} bindings and ClusterSPIFFEIDs of the neighbourhood took ${toSeconds(lookMs)} s, and a ClusterSPIFFEID must be created within ${toSeconds(sendWithinMs)} s of its announcement`;
  return { kind: 'unfinished', message };
}

function toSeconds(ms: number): number {
  return Math.round(ms / 1000);
}

/** Whether the run has announced a POST for a binding that it may still send. */
export function isAnnounced(run: Run, name: string): boolean {
  return stateOf(run, name).unsentPost !== undefined;
}

/** What the run remembers of its writes for a binding. A POST that it is too late to send counts as ended. */
export function stateOf({ states, tools }: Run, name: string): RunState {
  const state = states.get(name) ?? {};
  states.set(name, state);
  if (state.unsentPost && tools.elapsed() >= state.unsentPost.sendBy) {
    state.endedNonce = state.unsentPost.nonce;
    delete state.unsentPost;
  }
  return state;
}

/** What a binding needs next. */
export function decideFor(run: Run, world: World, name: string): Decision {
  return decide(world, name, stateOf(run, name), run.tools.nonce());
}

/** Ends the run for a binding. */
export function endBinding(run: Run, name: string, ending: Ending): void {
  run.pending.delete(name);
  run.endings.set(name, ending);
  run.task.partOf?.onEnding(name, ending);
}

/** How the run ends for a binding that met an error. */
export function toTrouble(error: unknown): Ending {
  return error instanceof UncertainError
    ? { kind: 'waiting', message: error.message }
    : { kind: 'failed', error };
}
