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
  writesAtOnce,
} from './run.ts';
import { deleteOrphan, isAnnouncement, writeBinding } from './write-binding.ts';

// A POST must follow its announcement soon, and it is the next round that sends it. So a round ends after this long, or
// with so many announcements.
const maxRoundMs = 4_000;
export const maxAnnouncements = 256;
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
  const world = await readClockAgain(run, collected);
  const announcements: PlannedWrite[] = [];
  const writes = planWrites(run, world, names, announcements);
  await forEachLimited(writes, writesAtOnce, (planned) => writeBinding(run, planned));
  await forEachLimited(takeInTime(run, announcements), writesAtOnce, (planned) => writeBinding(run, planned));
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

/** An announcement must be written soon after the clock that dates it was read. The quarantine stays that of the collect. */
async function readClockAgain(run: Run, world: World): Promise<World> {
  const { tools, task, datedAt } = run;
  const now = tools.elapsed();
  if (now - datedAt < maxClockAgeMs) return world;
  const clock = await readClock(tools.cluster, task.namespace);
  run.datedAt = now;
  return { ...world, snapshot: { ...world.snapshot, clock: { ...world.snapshot.clock, now: clock.now } } };
}

/**
 * Decides one binding after the other, while the writes are sent. Announcements are set aside and come last: what they
 * claim must be known to be free, and their POSTs need another round. The next round takes the bindings that this one
 * does not reach.
 */
async function* planWrites(
  run: Run,
  world: World,
  names: readonly string[],
  announcements: PlannedWrite[],
): AsyncGenerator<PlannedWrite> {
  const pause = createPause(run.tools);
  const began = run.tools.elapsed();
  for (const name of names) {
    await pause();
    const isOver = run.tools.elapsed() - began > maxRoundMs || announcements.length === maxAnnouncements;
    if (isOver) return;
    const decision = decideFor(run, world, name);
    if (decision.kind === 'converged' || decision.kind === 'waiting') {
      endBinding(run, name, decision);
      continue;
    }
    const planned = { name, decision };
    if (isAnnouncement(planned)) announcements.push(planned);
    else yield planned;
  }
}

function* takeInTime(run: Run, planned: readonly PlannedWrite[]): Generator<PlannedWrite> {
  const began = run.tools.elapsed();
  for (const one of planned) {
    if (run.tools.elapsed() - began > maxRoundMs || !isInTimeToBegin(run)) return;
    yield one;
  }
}
