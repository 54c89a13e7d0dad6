import { outputAnnotations } from '../api/cluster-spiffe-id.ts';
import { toContentDigest } from '../identity/content.ts';
import { toClaimed } from './claims.ts';
import type { Decision } from './decision.ts';
import { confirmationOf } from './output-rows.ts';
import { findHolder } from './peers.ts';
import { isOutputRejected, toAnnouncedStatus, toWaitingStatus } from './status.ts';
import type { RenderedView } from './view.ts';
import { reportWaiting, toStatusWrite } from './withdraw.ts';

/** Row 8: another binding or output has the key, or may get it. */
export function waitForHolder(view: RenderedView): Decision | undefined {
  const { world, binding, identity } = view;
  const holder = findHolder(world, binding, identity.output.metadata.name, identity.key);
  if (holder === undefined) return undefined;
  const message = `${holder} still holds the same pods, service account and container`;
  return reportWaiting(view, message, toWaitingStatus(view.context, message));
}

/** Row 9: this collect was the look at the peers, so the run may send the POST that it announced; once. */
export function sendAnnouncedPost(view: RenderedView): Decision | undefined {
  const { claim, state, identity, binding } = view;
  if (claim?.kind !== 'creating' || claim.nonce !== state.unsentPost?.nonce) return undefined;
  const { metadata, spec } = identity.output;
  if (claim.key !== identity.key || claim.name !== metadata.name) return undefined;
  const annotations = { ...metadata.annotations, [outputAnnotations.claim]: claim.nonce };
  const output = { metadata: { ...metadata, annotations }, spec };
  return { kind: 'create-output', output, binding, nonce: claim.nonce, confirm: confirmationOf(view) };
}

/** Row 10: the API server refused the output before. A dry run asks whether it takes it now. */
export function dryRunRejected({ binding, claim, state, identity }: RenderedView): Decision | undefined {
  if (claim || !isOutputRejected(binding)) return undefined;
  if (state.acceptedOutput === toContentDigest(identity.output)) return undefined;
  return { kind: 'dry-run', output: identity.output, binding };
}

/** Row 11: announce the POST, so that peers know of it before it happens. */
export function announceCreation({ context, binding, identity, nonce, world }: RenderedView): Decision {
  const at = world.snapshot.clock.now;
  const claim = { kind: 'creating', ...toClaimed(binding, identity), nonce, at } as const;
  return toStatusWrite(binding, toAnnouncedStatus(context, claim));
}
