import { sendWithinMs } from '../../shared/api/creation-budget.ts';
import { readClock } from '../../shared/collect/read-clock.ts';
import { forEachLimited } from '../../shared/concurrency/for-each-limited.ts';
import { createPause } from '../../shared/concurrency/run-in-slices.ts';
import { decideOrphans } from '../../shared/decide/decide-orphans.ts';
import { isWaiting } from '../../shared/decide/status.ts';
import type { World } from '../../shared/decide/world.ts';
import { adoptNeighbours } from './adopt-neighbours.ts';
import {
  type PlannedWrite,
  type Run,
  decideFor,
  endBinding,
  isAnnounced,
  isInTimeToBegin,
  isLookTooLong,
  minAnnouncingMs,
  writesAtOnce,
  writesBesideOthers,
} from './run.ts';
import { deleteOrphan, isAnnouncement, writeAll } from './write-binding.ts';

// After this a round ends, because its look is old. Where the look itself takes longer, the writes may take as long.
const maxRoundMs = 4_000;
// Each round costs a look, so a large namespace needs large rounds. The time that announcements may take bounds them where
// writes are slow. Where they are fast this does: others may come, and the POSTs be many times slower than that.
const maxAnnouncements = 512;
// If deciding took longer than this, the clock that dates the claims is read again.
const maxClockAgeMs = 1_000;

/** Decides and writes from one collect, which was made for these bindings. */
export async function runRound(run: Run, collected: World, collectedFor: readonly string[]): Promise<void> {
  const orphans = decideOrphans(collected).filter(
    ({ output }) => !run.undeletedOrphans.has(output.metadata.uid),
  );
  if (orphans.length > 0) {
    await forEachLimited(orphans, writesAtOnce, (orphan) => deleteOrphan(run, orphan));
    return;
  }
  // Only bindings that the collect was made for: it may lack the peers of those that the run adopts now.
  const names = orderNames(run, collected, collectedFor);
  await adoptNeighbours(run, collected);
  const announcing: string[] = [];
  await writeAll(run, planWrites(run, collected, names, announcing));
  // If no POST could follow, keys would be held for nothing.
  if (announcing.length === 0 || isLookTooLong(run) || !isInTimeToBegin(run)) return;
  const world = await readClockAgain(run, collected);
  await writeAll(run, planAnnouncements(run, world, announcing));
}

/** First what was announced, last what waited already. Each round goes on where the one before it ended. */
function orderNames(run: Run, world: World, collectedFor: readonly string[]): string[] {
  const pending = collectedFor.filter((name) => run.pending.has(name));
  const announced = pending.filter((name) => isAnnounced(run, name));
  if (!isInTimeToBegin(run)) return announced;
  const others = pending.filter((name) => !isAnnounced(run, name));
  const waits = (name: string) => {
    const binding = world.snapshot.bindings.get(name);
    return binding !== undefined && isWaiting(binding);
  };
  return [...announced, ...others.filter((name) => !waits(name)), ...others.filter(waits)];
}

/**
 * Decides one binding after the other, while the writes are sent. What was announced is written as long as it may be: a
 * claim without its POST keeps everybody waiting. Announcements come last: what they claim must be known to be free, and
 * their POSTs need another round. The next round takes the bindings that this one does not reach.
 */
async function* planWrites(
  run: Run,
  world: World,
  names: readonly string[],
  announcing: string[],
): AsyncGenerator<PlannedWrite> {
  const pause = createPause(run.tools);
  let isOver: (() => boolean) | undefined;
  for (const name of names) {
    await pause();
    if (!isAnnounced(run, name)) {
      isOver ??= createTimeLimit(run, Math.max(maxRoundMs, run.lookMs));
      if (isOver() || !isInTimeToBegin(run)) return;
    }
    if (announcing.length >= maxAnnouncements) return;
    const planned = planWrite(run, world, name);
    if (!planned) continue;
    if (isAnnouncement(planned)) announcing.push(name);
    else yield planned;
  }
}

/** Decides again, by the clock as it is now. */
function* planAnnouncements(run: Run, world: World, names: readonly string[]): Generator<PlannedWrite> {
  const isOver = createTimeLimit(run, toAnnouncingMs(run));
  for (const name of names) {
    if (isOver() || run.tools.isEnding?.()) return;
    const planned = planWrite(run, world, name);
    if (planned) yield planned;
  }
}

function planWrite(run: Run, world: World, name: string): PlannedWrite | undefined {
  const decision = decideFor(run, world, name);
  if (decision.kind !== 'converged' && decision.kind !== 'waiting') return { name, decision };
  endBinding(run, name, decision);
  return undefined;
}

function createTimeLimit({ tools }: Run, ms: number): () => boolean {
  const began = tools.elapsed();
  return () => tools.elapsed() - began > ms;
}

/**
 * Between an announcement and its POST stands another look, which may take twice as long as the last one. The POSTs take as
 * long as the announcements, or, if others come in between, as much longer as fewer are sent at once.
 */
function toAnnouncingMs({ lookMs }: Run): number {
  const postsTakeLonger = writesAtOnce / writesBesideOthers;
  return Math.max(minAnnouncingMs, (sendWithinMs - 2 * lookMs) / (1 + postsTakeLonger));
}

/** An announcement must be written soon after the clock that dates it was read. The quarantine stays that of the collect. */
async function readClockAgain(run: Run, world: World): Promise<World> {
  const { tools, task, datedAt } = run;
  const now = tools.elapsed();
  if (now - datedAt < maxClockAgeMs) return world;
  const clock = await readClock(tools.cluster, task.namespace);
  run.datedAt = now;
  return { ...world, snapshot: { ...world.snapshot, clock: { ...world.snapshot.clock, now: clock.now } } };
}
