import { type BindingStatus, type UnreadableClaim, bindingFinalizer } from '../api/binding.ts';
import {
  finalize,
  reportRefusal,
  waitForOpenPost,
  waitForTerminating,
  withdrawOldName,
} from './common-rows.ts';
import { announceCreation, dryRunRejected, sendAnnouncedPost, waitForHolder } from './creation-rows.ts';
import { addFinalizer } from './decide-new.ts';
import { type Decision, converged } from './decision.ts';
import { changeKey, fence, reportReady, restoreContent, withdrawDuplicate } from './output-rows.ts';
import type { RunState } from './run-state.ts';
import { type OutputView, type RenderedView, type View, toView } from './view.ts';
import { reportRejection } from './withdraw.ts';
import type { World } from './world.ts';

type Row<V> = (view: V) => Decision | undefined;

/** Rows 3 to 7: whether there may be an output at all. */
const commonRows: readonly Row<View>[] = [
  withdrawOldName,
  waitForTerminating,
  finalize,
  ensureFinalizer,
  reportRefusal,
  waitForOpenPost,
];

/** Rows 8 to 11: there is no output. */
const creationRows: readonly Row<RenderedView>[] = [
  waitForHolder,
  sendAnnouncedPost,
  dryRunRejected,
  announceCreation,
];

/** Rows 12 to 16: there is one. */
const outputRows: readonly Row<OutputView>[] = [
  fence,
  changeKey,
  withdrawDuplicate,
  restoreContent,
  reportReady,
];

/**
 * What a binding needs next, seen from one collect: the first row that fits. Pure, total and deterministic. The rows,
 * and why there are no others, stand in docs/protocol.md. Rows 0 and 1 are `decideNew` and `decideOrphans`.
 */
export function decide(world: World, name: string, state: Readonly<RunState>, nonce: string): Decision {
  const binding = world.snapshot.bindings.get(name);
  if (!binding) return converged; // row 2
  const decision = decideRows(toView(world, binding, state, nonce));
  const claim = binding.status?.claim;
  return claim?.kind === 'unreadable' ? waitForReader(decision, claim) : decision;
}

/** Nobody knows what may land by a claim that cannot be read, so kleym does not overwrite it. Its output may be deleted. */
function waitForReader(decision: Decision, { words }: UnreadableClaim): Decision {
  if (decision.kind === 'delete-output') return decision;
  const message = `status.claim cannot be read (${words}): another version of kleym wrote it; run that version, or remove the claim once no function of that version is running`;
  return { kind: 'waiting', message };
}

function decideRows(view: View): Decision {
  return firstOf(commonRows, view) ?? decideOutput(view);
}

function decideOutput(view: View): Decision {
  const { outcome } = view.rendering;
  if (outcome.kind === 'refused') return converged; // row 6 has answered it
  const rendered = { ...view, identity: outcome.value };
  const { output } = view;
  const decision = output ? firstOf(outputRows, { ...rendered, output }) : firstOf(creationRows, rendered);
  return decision ?? converged;
}

function firstOf<V>(rows: readonly Row<V>[], view: V): Decision | undefined {
  for (const row of rows) {
    const decision = row(view);
    if (decision) return decision;
  }
  return undefined;
}

/** Row 5: without the finalizer the binding could vanish, so nothing else is written before. */
function ensureFinalizer(view: View): Decision | undefined {
  const { binding, state } = view;
  if (binding.metadata.finalizers?.includes(bindingFinalizer)) return undefined;
  const patch = addFinalizer(binding);
  const { finalizers } = patch;
  const next = decideRows({
    ...view,
    binding: { ...binding, metadata: { ...binding.metadata, finalizers: [...finalizers] } },
  });
  if (state.finalizerRejected === undefined) return { ...patch, announce: toFirstAnnouncement(view, next) };
  // The binding had a finalizer before, and may have an output that must go.
  if (next.kind === 'delete-output') return next;
  const message = `the finalizer could not be put on: ${state.finalizerRejected}`;
  return reportRejection(view, 'FinalizerRejected', message);
}

/** Row 11 together with row 5: what the rows say once the finalizer is there, if that is an announcement of this run. */
function toFirstAnnouncement(view: View, decision: Decision): BindingStatus | undefined {
  if (decision.kind !== 'write-status') return undefined;
  const { claim } = decision.status;
  return claim?.kind === 'creating' && claim.nonce === view.nonce ? decision.status : undefined;
}
