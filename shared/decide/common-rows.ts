import { bindingFinalizer } from '../api/binding.ts';
import { type Refused, refusedForNow } from '../api/outcome.ts';
import { toContentDigest } from '../identity/content.ts';
import { type Decision, converged } from './decision.ts';
import { findCollision } from './peers.ts';
import { isReported, toRefusedStatus, toWithdrawingStatus } from './status.ts';
import { type View, isOrphan, isTerminating, postMayLand } from './view.ts';
import {
  clampFutureClaim,
  reportRejection,
  reportWaiting,
  toStatusWrite,
  waitForPost,
  withdraw,
  withdrawThen,
} from './withdraw.ts';

/** Row 3: the old name goes first. */
export function withdrawOldName(view: View): Decision | undefined {
  const { outputs, outputName } = view;
  const old = outputs.find((held) => held.output.metadata.name !== outputName && !isTerminating(held));
  return old && withdraw(view, old);
}

/**
 * Row 3: an output that is being deleted still counts, however long it takes. So does an output of an earlier binding
 * of this name.
 */
export function waitForTerminating(view: View): Decision | undefined {
  const held = view.outputs.find((one) => isTerminating(one) || isOrphan(view.world, one));
  if (!held) return undefined;
  const { name, finalizers = [] } = held.output.metadata;
  const message = isTerminating(held)
    ? `ClusterSPIFFEID ${name} is being deleted${finalizers.length === 0 ? '' : `; its finalizers hold it: ${finalizers.join(', ')}`}`
    : `ClusterSPIFFEID ${name} belongs to an earlier binding of this name and must be deleted first`;
  return reportWaiting(view, message, toWithdrawingStatus(view.context, message));
}

/** Row 4: a binding that is being deleted. */
export function finalize(view: View): Decision | undefined {
  const { binding, state } = view;
  if (binding.metadata.deletionTimestamp === undefined) return undefined;
  const { finalizers = [] } = binding.metadata;
  // Somebody may have taken our finalizer off, and another one may keep the binding for ever. Its identity goes now.
  if (!finalizers.includes(bindingFinalizer))
    return view.output ? withdraw(view, view.output) : (clampFutureClaim(view) ?? converged);
  return withdrawThen(view, () => {
    if (state.finalizerRejected !== undefined) {
      const what = 'the API server refuses to remove the finalizer';
      return reportRejection(view, 'FinalizerRejected', what, state.finalizerRejected);
    }
    const left = finalizers.filter((finalizer) => finalizer !== bindingFinalizer);
    return { kind: 'patch-finalizers', binding, finalizers: left, announce: undefined };
  });
}

/** Row 6: withdraw, then report. */
export function reportRefusal(view: View): Decision | undefined {
  const refusal = refusalOf(view);
  if (!refusal) return undefined;
  const status = toRefusedStatus(view.context, refusal);
  if (!view.output && !view.claim && isReported(view.binding, status))
    return refusal.retry ? { kind: 'waiting', message: refusal.message } : converged;
  return withdrawThen(view, () => toStatusWrite(view.binding, status));
}

/** Row 7: a POST of a run that may be dead may still land. */
export function waitForOpenPost(view: View): Decision | undefined {
  return postMayLand(view) ? waitForPost(view) : undefined;
}

const outputsUnserved = refusedForNow(
  'RenderFailure',
  'ClusterSPIFFEIDCRDMissing',
  'ClusterSPIFFEID CRD is not installed',
);

/** Why the binding must not have an output. */
function refusalOf({ rendering, world, peers, state }: View): Refused | undefined {
  const { outcome } = rendering;
  if (outcome.kind === 'refused') return outcome;
  const collision = findCollision(world, peers, outcome.value.key);
  if (collision) return collision;
  if (world.snapshot.outputs === 'unserved') return outputsUnserved;
  const { rejectedOutput } = state;
  if (!rejectedOutput || rejectedOutput.digest !== toContentDigest(outcome.value.output)) return undefined;
  return rejectedOutput.refused;
}
