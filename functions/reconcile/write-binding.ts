import { bindingFinalizer } from '../../shared/api/binding.ts';
import { forEachLimited } from '../../shared/concurrency/for-each-limited.ts';
import type { RunState } from '../../shared/decide/run-state.ts';
import type { DryRun, Write, WriteOf } from '../../shared/decide/decision.ts';
import { type WriteOutcome, perform } from './perform.ts';
import { type PlannedWrite, type Run, endBinding, stateOf, toTrouble, writesAtOnce } from './run.ts';

// Somebody else writes the same object each time, and to go on at once does not help.
const maxAttempts = 12;

/** Carries out what was planned, as many at once as a run may. */
export async function writeAll(
  run: Run,
  planned: Iterable<PlannedWrite> | AsyncIterable<PlannedWrite>,
): Promise<void> {
  await forEachLimited(planned, writesAtOnce, (one) => writeBinding(run, one));
}

/** Carries out what was planned for a binding. If it fails, the others go on. */
async function writeBinding(run: Run, planned: PlannedWrite): Promise<void> {
  const { name } = planned;
  // It goes to the end of the queue.
  run.pending.delete(name);
  run.pending.add(name);
  try {
    await write(run, planned);
  } catch (error) {
    endBinding(run, name, toTrouble(error));
  }
  const attempts = (run.attempts.get(name) ?? 0) + 1;
  run.attempts.set(name, attempts);
  if (attempts < maxAttempts || !run.pending.has(name)) return;
  const message = `not converged after ${maxAttempts} writes: something else writes the same objects`;
  endBinding(run, name, { kind: 'waiting', message });
}

async function write(run: Run, planned: PlannedWrite): Promise<void> {
  const { name, decision } = planned;
  // Whatever the answer is: the PUT may succeed and the status write after it fail.
  if (decision.kind === 'replace-output') run.released = true;
  const { tools, datedAt } = run;
  const outcome = await perform({ decision, state: stateOf(run, name), datedAt, tools });
  const isPreparation = isAnnouncement(planned) || isFinalizerAdded(planned);
  if (countWrite(run, decision, outcome) && isPreparation) run.announcements++;
  // Only a create ends here. What a replaced output selected is free now, and the next collect shows who waited for it.
  if (outcome === 'confirmed' && decision.kind === 'create-output')
    endBinding(run, name, { kind: 'converged' });
  if (decision.kind === 'write-status' && decision.waiting) endBinding(run, name, decision.waiting);
}

/** Whether a write only says what is to come. */
export function isAnnouncement({ decision }: PlannedWrite): boolean {
  if (decision.kind === 'patch-finalizers') return decision.announce !== undefined;
  return (
    decision.kind === 'write-status' && ['creating', 'replacing'].includes(decision.status.claim?.kind ?? '')
  );
}

/** Whether a write only adds our finalizer. */
function isFinalizerAdded({ decision }: PlannedWrite): boolean {
  return decision.kind === 'patch-finalizers' && decision.finalizers.includes(bindingFinalizer);
}

/**
 * Deletes an orphan. If that fails, the orphan keeps its key, and the run ends for its owner so that somebody comes
 * back.
 */
export async function deleteOrphan(run: Run, orphan: WriteOf<'delete-output'>): Promise<void> {
  const { output, owner } = orphan;
  const { name, uid } = output.metadata;
  const { tools, datedAt } = run;
  const state: RunState = {};
  try {
    countWrite(run, orphan, await perform({ decision: orphan, state, datedAt, tools }));
  } catch (error) {
    run.undeletedOrphans.set(uid, { owner, ending: toTrouble(error) });
  }
  if (!state.undeletedOutput) return;
  const message = `ClusterSPIFFEID ${name} has no binding any more but could not be deleted: ${state.undeletedOutput.words}`;
  run.undeletedOrphans.set(uid, { owner, ending: { kind: 'waiting', message } });
}

/** Counts a write that was carried out, or that another writer was faster than. A refused deletion frees nothing. */
function countWrite(run: Run, { kind }: Write | DryRun, outcome: WriteOutcome): boolean {
  if (kind === 'dry-run' || outcome === 'rejected' || outcome === 'not-sent') return false;
  run.writes++;
  if (kind === 'delete-output') run.released = true;
  return true;
}
