import { findCondition } from '../api/conditions.ts';
import { isDnsSubdomain } from '../identity/object-names.ts';

/** What a status says about conflicts; the status in an event may have fewer fields than the schema. */
interface Said {
  readonly conditions?: readonly { readonly type: string; readonly status: string }[] | undefined;
  readonly conflicts?: readonly { readonly name: string }[] | undefined;
}

/**
 * Whether a binding is in a conflict, or may be: an output that cannot be deleted leaves that open. When it changes, its
 * peers may recover.
 */
export function isInConflict(said: Said | undefined): boolean {
  const { status } = findCondition(said, 'Conflict') ?? {};
  return status === 'True' || status === 'Unknown';
}

/** The names of the peers that it recorded. An invalid name would have the whole event refused. */
export function recordedPeers(said: Said | undefined): string[] {
  return (said?.conflicts ?? []).map(({ name }) => name).filter(isDnsSubdomain);
}
