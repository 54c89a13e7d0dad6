import { type Binding, type BindingStatus, bindingFinalizer } from '../api/binding.ts';
import { isSameJson } from '../identity/canonical.ts';
import { findOtherSettings } from '../identity/other-settings.ts';
import type { Settings } from '../identity/settings.ts';
import { isLateRefusal, isRejectionPending } from './status.ts';
import { claimOf, isConverged } from './world.ts';

/**
 * Why a binding needs a look, if it shows that itself, with its pool and its objective. `refused`: the API server must be
 * asked again. `claim`: a write may be on its way. `change`: they are not as the status has seen them.
 */
type OwnReason = 'refused' | 'deletion' | 'claim' | 'settings' | 'change';

/** The first of these reasons; `observed`: its pool and objective, as they are now. */
export function findOwnReason(
  binding: Binding,
  observed: NonNullable<BindingStatus['observed']>,
  settings: Settings,
): OwnReason | undefined {
  const { metadata, status } = binding;
  if (isRejectionPending(binding) || isLateRefusal(binding)) return 'refused';
  if (metadata.deletionTimestamp !== undefined) return 'deletion';
  const claim = claimOf(binding);
  if (claim && claim.kind !== 'owning') return 'claim';
  if (findOtherSettings(status, settings) !== undefined) return 'settings';
  const isAsSeen =
    status?.observedGeneration === metadata.generation && isSameJson(status?.observed ?? {}, observed);
  return isAsSeen ? undefined : 'change';
}

/**
 * Whether a binding that was named for such a reason needs no look any more: somebody has handled it, and nobody else
 * waits to be told. A binding in a conflict needs one, because whoever handled it may have died before it told the
 * peers. In doubt a look never harms.
 */
export function isSettled(
  binding: Binding,
  observed: NonNullable<BindingStatus['observed']>,
  settings: Settings,
): boolean {
  const { metadata, status } = binding;
  return (
    findOwnReason(binding, observed, settings) === undefined &&
    isConverged(binding) &&
    (status?.conflicts ?? []).length === 0 &&
    metadata.finalizers?.includes(bindingFinalizer) === true
  );
}
