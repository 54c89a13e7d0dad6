import type { Binding, BindingStatus } from '../api/binding.ts';
import { findReady } from '../api/conditions.ts';
import type { Waiting } from '../api/outcome.ts';
import type { Decision, Write, WriteOf } from './decision.ts';
import { isReported, toRedatedStatus, toWithdrawingStatus } from './status.ts';
import { type View, postMayLand } from './view.ts';
import type { HeldOutput } from './world.ts';

/** Withdraws the output, waits until no POST can land, and only then does what follows. */
export function withdrawThen(view: View, next: () => Decision): Decision {
  if (view.output) return withdraw(view, view.output);
  return postMayLand(view) ? waitForPost(view) : next();
}

/**
 * Deletes an output. If this run could not, the output lives on and the status says so: neither that all is well, nor a
 * failure, which would mean that the output is gone.
 */
export function withdraw(view: View, held: HeldOutput): Decision {
  const { name, uid } = held.output.metadata;
  const { undeletedOutput } = view.state;
  if (undeletedOutput?.uid !== uid) return toDeletion(held);
  const what = `ClusterSPIFFEID ${name} must be deleted, and the API server refuses`;
  return reportRejection(view, 'DeletionRejected', what, undeletedOutput.words);
}

/** The deletion of an output exactly as it was read. */
export function toDeletion({ output, owner }: HeldOutput): WriteOf<'delete-output'> {
  return { kind: 'delete-output', output, owner };
}

/**
 * Reports a refused write, and waits. Others wait for it, so it is tried again and again, and often the words of the API
 * server have a number in them. So the status keeps the first words about the same write.
 */
export function reportRejection(
  { binding, context }: View,
  reason: 'DeletionRejected' | 'FinalizerRejected',
  what: string,
  words: string,
): Decision {
  const waiting: Waiting = { kind: 'waiting', message: `${what}: ${words}` };
  const said = findReady(binding.status)?.message ?? '';
  const isSaid =
    said.startsWith(`${what}: `) && isReported(binding, toWithdrawingStatus(context, said, reason));
  return isSaid
    ? waiting
    : toStatusWrite(binding, toWithdrawingStatus(context, waiting.message, reason), waiting);
}

/** Reports once what the binding waits for. */
export function reportWaiting({ binding }: View, message: string, status: BindingStatus): Decision {
  const waiting: Waiting = { kind: 'waiting', message };
  return isReported(binding, status) ? waiting : toStatusWrite(binding, status, waiting);
}

/** A write of a status. `waiting` is set if this is all for now. */
export function toStatusWrite(binding: Binding, status: BindingStatus, waiting?: Waiting): Write {
  return { kind: 'write-status', binding, status, waiting };
}

const waitingForPost: Waiting = {
  kind: 'waiting',
  message: 'an earlier request to create the ClusterSPIFFEID may still take effect',
};

/** Waits while a POST may still land. */
export function waitForPost(view: View): Decision {
  return clampFutureClaim(view) ?? waitingForPost;
}

/**
 * A claim that a wrong clock dated far ahead would hold its key for as long as the clock was wrong, so it is dated
 * again, with the present time. Its POST was announced before it was read, so a quarantine that begins now is long
 * enough.
 */
export function clampFutureClaim({ binding, claim, world }: View): Decision | undefined {
  const { clock } = world.snapshot;
  if (claim?.kind !== 'creating' || claim.at <= clock.horizon) return undefined;
  const status = toRedatedStatus(binding.status ?? {}, { ...claim, at: clock.now }, clock);
  return toStatusWrite(binding, status, waitingForPost);
}
