import { type Binding, type BindingStatus, type Claim, bindingFinalizer } from '../api/binding.ts';
import { renderIdentity } from '../identity/render-identity.ts';
import type { Settings } from '../identity/settings.ts';
import type { Sources } from '../identity/sources.ts';
import { toClaimed } from './claims.ts';
import type { WriteOf } from './decision.ts';
import { type AnnouncingClock, toNewStatus } from './status.ts';

/** A binding that was just read, with its pool and objective. Nothing is known of others. */
export interface NewBinding {
  readonly binding: Binding;
  readonly sources: Sources;
  readonly settings: Settings;
  /** The API server's time, when it was read. */
  readonly clock: AnnouncingClock;
}

/** A patch that adds the finalizer, and the announcement that follows. */
export type FirstWrite = WriteOf<'patch-finalizers'> & { readonly announce: BindingStatus };

/**
 * Row 0: what a new binding needs. An announcement that follows from its spec alone does no harm, because a collect
 * stands between every announcement and its POST, and finds the peers. Undefined: only a collect can tell.
 */
export function decideNew(
  { binding, sources, settings, clock }: NewBinding,
  nonce: string,
): FirstWrite | undefined {
  if (!isNew(binding)) return undefined;
  const { outcome, observed } = renderIdentity(binding, sources, settings);
  if (outcome.kind === 'refused') return undefined;
  const { key, keyDigest, keyShape } = outcome.value;
  const context = { binding, observed, peers: [], key, keyDigest, keyShape, settings, clock };
  const claim: Claim = { kind: 'creating', ...toClaimed(binding, outcome.value), nonce, at: clock.now };
  return { ...addFinalizer(binding), announce: toNewStatus(context, claim) };
}

/** A patch that adds the finalizer, and nothing else. */
export function addFinalizer(binding: Binding): WriteOf<'patch-finalizers'> {
  const finalizers = [...(binding.metadata.finalizers ?? []), bindingFinalizer];
  return { kind: 'patch-finalizers', binding, finalizers, announce: undefined };
}

/**
 * Whether nobody has evaluated a binding yet. What an earlier binding of this name left behind shows in the next
 * collect.
 */
export function isNew({ metadata, status }: Binding): boolean {
  if (metadata.deletionTimestamp !== undefined || metadata.finalizers?.includes(bindingFinalizer))
    return false;
  return Object.values(status ?? {}).every((field) => field === undefined);
}
