import { UncertainError } from '../../shared/api/uncertain-error.ts';
import { collect } from '../../shared/collect/collect.ts';
import { runInSlices } from '../../shared/concurrency/run-in-slices.ts';
import { type World, compileWorld } from '../../shared/decide/world.ts';
import type { Settings } from '../../shared/identity/settings.ts';
import { createNewBindings } from './create-new-bindings.ts';
import type { Tools } from './perform.ts';
import { runRound } from './round.ts';
import {
  type Ending,
  type Run,
  type Task,
  endBinding,
  isInTime,
  startRun,
  toTrouble,
  toUnfinished,
} from './run.ts';

/** What a run did. */
export interface RunResult {
  readonly endings: ReadonlyMap<string, Ending>;
  readonly collects: number;
  /** How many writes were answered. A deletion that was refused does not count. */
  readonly writes: number;
  /** How many of them only announced or prepared other writes. */
  readonly announcements: number;
  /** The most objects that a collect listed beside pools and objectives. */
  readonly listed: number;
}

/**
 * Reconciles bindings of one namespace until nothing is left to write: collect, decide for each binding, write, and
 * collect again. A run keeps nothing that another run needs, and may die between any two calls.
 */
export async function reconcileBindings(task: Task, settings: Settings, tools: Tools): Promise<RunResult> {
  const run = startRun(task, settings, tools);
  try {
    await createNewBindings(run);
    while (run.pending.size > 0 && isInTime(run))
      await runRound(run, await collectWorld(run), [...run.pending]);
  } catch (error) {
    // An error of the API server says nothing about any binding. The neighbours must not be forgotten because of it.
    if (!(error instanceof UncertainError)) throw error;
    for (const name of run.pending) endBinding(run, name, toTrouble(error));
  } finally {
    await tools.events.flush();
  }
  // Of the new bindings that the run read by the way it owes a look to those that it wrote for.
  for (const name of run.pending)
    if (!run.passing.has(name) || run.attempts.has(name)) endBinding(run, name, toUnfinished(run));
  for (const { owner, ending } of run.undeletedOrphans.values()) endBinding(run, owner, ending);
  const { endings, collects, writes, announcements, cache } = run;
  return { endings, collects, writes, announcements, listed: cache.listed };
}

async function collectWorld(run: Run): Promise<World> {
  const { task, settings, tools, cache } = run;
  run.collects++;
  run.datedAt = tools.elapsed();
  const names = [...run.pending];
  const scope = { namespace: task.namespace, names, settings, isWhole: task.isWhole ?? false };
  const world = await runInSlices(compileWorld(await collect(tools.cluster, scope, cache), settings), tools);
  run.looks++;
  run.lookMs = tools.elapsed() - run.datedAt;
  run.firstLookMs ??= run.lookMs;
  return world;
}
