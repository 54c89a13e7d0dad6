import { type Binding, type BindingStatus, type Claim, bindingFinalizer } from '../api/binding.ts';
import { renderIdentity } from '../identity/render-identity.ts';
import type { Settings } from '../identity/settings.ts';
import type { Sources } from '../identity/sources.ts';
import { toClaimed } from './claims.ts';
import type { WriteOf } from './decision.ts';
import { toNewStatus } from './status.ts';

/** A binding that was just read, and what it refers to. Nobody else was looked at. */
export interface NewBinding {
  readonly binding: Binding;
  readonly sources: Sources;
  readonly settings: Settings;
  /** The API server's time, when it was read. */
  readonly now: string;
}

/** The finalizer, and the announcement that follows. */
export type FirstWrite = WriteOf<'patch-finalizers'> & { readonly announce: BindingStatus };

/**
 * Row 0: what a binding needs that nobody has evaluated. To announce what follows from its spec alone harms nobody, and
 * the collect that stands between every announcement and its POST finds its peers. Undefined: only a collect can tell.
 */
export function decideNew(
  { binding, sources, settings, now }: NewBinding,
  nonce: string,
): FirstWrite | undefined {
  if (!isNew(binding)) return undefined;
  const { outcome, observed } = renderIdentity(binding, sources, settings);
  if (outcome.kind === 'refused') return undefined;
  const { keyDigest } = outcome.value;
  const context = { binding, observed, peers: [], keyDigest, settings, now };
  const claim: Claim = { kind: 'creating', ...toClaimed(binding, outcome.value), nonce, at: now };
  return { ...addFinalizer(binding), announce: toNewStatus(context, claim) };
}

/** The finalizer goes on, and no more. */
export function addFinalizer(binding: Binding): WriteOf<'patch-finalizers'> {
  const finalizers = [...(binding.metadata.finalizers ?? []), bindingFinalizer];
  return { kind: 'patch-finalizers', binding, finalizers, announce: undefined };
}

/** Whether nobody has looked at a binding yet; what it was before by this name shows in the next collect. */
export function isNew({ metadata, status }: Binding): boolean {
  if (metadata.deletionTimestamp !== undefined || metadata.finalizers?.includes(bindingFinalizer))
    return false;
  return Object.values(status ?? {}).every((field) => field === undefined);
}
