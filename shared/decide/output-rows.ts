import { outputAnnotations } from '../api/cluster-spiffe-id.ts';
import { toKeyDigest } from '../identity/collision-key.ts';
import { isSameContent } from '../identity/content.ts';
import { toClaimed } from './claims.ts';
import { type Confirmation, type Decision, type Write, converged } from './decision.ts';
import { findHolder, findOtherOutput } from './peers.ts';
import { isReported, toAnnouncedStatus, toConfirmation, toConfirmedStatus } from './status.ts';
import { type OutputView, type RenderedView, putMayLand } from './view.ts';
import { toStatusWrite, withdraw } from './withdraw.ts';

/** Row 12: a PUT for a key that is not wanted any more may be on its way. After any write on the output it cannot land. */
export function fence(view: OutputView): Decision | undefined {
  const { claim, output, identity, nonce } = view;
  if (!putMayLand(view) || claim?.key === identity.key) return undefined;
  const { metadata } = output.output;
  const annotations = { ...metadata.annotations, [outputAnnotations.fence]: nonce };
  return { kind: 'fence-output', output: { ...output.output, metadata: { ...metadata, annotations } } };
}

/** Row 13: the output holds another key than the one that is wanted. */
export function changeKey(view: OutputView): Decision | undefined {
  const { identity, output, world, binding } = view;
  if (output.key === identity.key) return undefined;
  // The pool does not select by the old labels any more: better no identity than a wrong one.
  if (findHolder(world, binding, identity.output.metadata.name, identity.key)) return withdraw(view, output);
  return putMayLand(view) ? toReplacement(view) : announceReplacement(view);
}

function announceReplacement({ context, binding, identity, output }: OutputView): Write {
  const { uid, resourceVersion: base } = output.output.metadata;
  const previousKeyDigest = output.key === undefined ? {} : { previousKeyDigest: toKeyDigest(output.key) };
  const claim = {
    kind: 'replacing',
    ...toClaimed(binding, identity),
    ...previousKeyDigest,
    uid,
    base,
  } as const;
  return toStatusWrite(binding, toAnnouncedStatus(context, claim));
}

/** Row 13: another output has the same key. Neither can be trusted. */
export function withdrawDuplicate(view: OutputView): Decision | undefined {
  const { world, identity, output } = view;
  const other = findOtherOutput(world, identity.output.metadata.name, identity.key);
  return other === undefined ? undefined : withdraw(view, output);
}

/** Row 14: the key is right, and something else of ours differs. */
export function restoreContent(view: OutputView): Decision | undefined {
  return isSameContent(view.output.output, view.identity.output) ? undefined : toReplacement(view);
}

/** Row 15: report that the output is ready; row 16: the status says so already. */
export function reportReady(view: OutputView): Decision {
  const status = toConfirmedStatus(confirmationOf(view), view.output.output.metadata.uid);
  return isReported(view.binding, status) ? converged : toStatusWrite(view.binding, status);
}

/** What the status says once the API server has the output as it should be. */
export function confirmationOf({ context, binding, identity }: RenderedView): Confirmation {
  return toConfirmation(context, identity, { kind: 'owning', ...toClaimed(binding, identity) });
}

function toReplacement(view: OutputView): Write {
  const { output, identity, binding } = view;
  return {
    kind: 'replace-output',
    output: output.output,
    wanted: identity.output,
    binding,
    confirm: confirmationOf(view),
  };
}
