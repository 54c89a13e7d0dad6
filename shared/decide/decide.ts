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

/** A row of the table in docs/protocol.md, with its number there. */
type Row<V> = readonly [number: number, decide: (view: V) => Decision | undefined];

/** What a binding needs next, and by which row. */
export interface Explained {
  readonly row: number;
  readonly decision: Decision;
}

/** Rows 3 to 7: whether there may be an output at all. */
const commonRows: readonly Row<View>[] = [
  [3, withdrawOldName],
  [3, waitForTerminating],
  [4, finalize],
  [5, ensureFinalizer],
  [6, reportRefusal],
  [7, waitForOpenPost],
];

/** Rows 8 to 11: there is no output. */
const creationRows: readonly Row<RenderedView>[] = [
  [8, waitForHolder],
  [9, sendAnnouncedPost],
  [10, dryRunRejected],
  [11, announceCreation],
];

/** Rows 12 to 16: there is one. */
const outputRows: readonly Row<OutputView>[] = [
  [12, fence],
  [13, changeKey],
  [13, withdrawDuplicate],
  [14, restoreContent],
  [15, reportReady],
];

/**
 * What a binding needs next, seen from one collect: the first row that fits. Pure, total and deterministic. The rows,
 * and why there are no others, stand in docs/protocol.md. Rows 0 and 1 are `decideNew` and `decideOrphans`.
 */
export function decide(world: World, name: string, state: Readonly<RunState>, nonce: string): Decision {
  return explain(world, name, state, nonce).decision;
}

/** The same, with the row that decided it: for people, who want to know why. */
export function explain(world: World, name: string, state: Readonly<RunState>, nonce: string): Explained {
  const binding = world.snapshot.bindings.get(name);
  if (!binding) return { row: 2, decision: converged };
  return explainView(toView(world, binding, state, nonce));
}

/** The same for a binding that is looked at already. */
export function explainView(view: View): Explained {
  const { row, decision } = decideRows(view);
  const claim = view.binding.status?.claim;
  return { row, decision: claim?.kind === 'unreadable' ? waitForReader(decision, claim) : decision };
}

/** Nobody knows what may land by a claim that cannot be read, so kleym does not overwrite it. Its output may be deleted. */
function waitForReader(decision: Decision, { words }: UnreadableClaim): Decision {
  if (decision.kind === 'delete-output') return decision;
  const message = `status.claim cannot be read (${words}): another version of kleym wrote it; run that version, or remove the claim once no function of that version is running`;
  return { kind: 'waiting', message };
}

function decideRows(view: View): Explained {
  return firstOf(commonRows, view) ?? decideOutput(view);
}

function decideOutput(view: View): Explained {
  const { outcome } = view.rendering;
  if (outcome.kind === 'refused') return { row: 6, decision: converged }; // row 6 has answered it
  const rendered = { ...view, identity: outcome.value };
  const { output } = view;
  const explained = output ? firstOf(outputRows, { ...rendered, output }) : firstOf(creationRows, rendered);
  // Row 15 says what is not reported yet; where all of it is, nothing is left.
  return explained && explained.decision.kind !== 'converged' ? explained : { row: 16, decision: converged };
}

function firstOf<V>(rows: readonly Row<V>[], view: V): Explained | undefined {
  for (const [row, decideBy] of rows) {
    const decision = decideBy(view);
    if (decision) return { row, decision };
  }
  return undefined;
}

/** Row 5: without the finalizer the binding could vanish, so nothing else is written before. */
function ensureFinalizer(view: View): Decision | undefined {
  const { binding, state } = view;
  if (binding.metadata.finalizers?.includes(bindingFinalizer)) return undefined;
  const patch = addFinalizer(binding);
  const { finalizers } = patch;
  const { decision: next } = decideRows({
    ...view,
    binding: { ...binding, metadata: { ...binding.metadata, finalizers: [...finalizers] } },
  });
  if (state.finalizerRejected === undefined) return { ...patch, announce: toFirstAnnouncement(view, next) };
  // The binding had a finalizer before, and may have an output that must go.
  if (next.kind === 'delete-output') return next;
  const what = 'the API server refuses to add the finalizer';
  return reportRejection(view, 'FinalizerRejected', what, state.finalizerRejected);
}

/** Row 11 together with row 5: what the rows say once the finalizer is there, if that is an announcement of this run. */
function toFirstAnnouncement(view: View, decision: Decision): BindingStatus | undefined {
  if (decision.kind !== 'write-status') return undefined;
  const { claim } = decision.status;
  return claim?.kind === 'creating' && claim.nonce === view.nonce ? decision.status : undefined;
}
