import { findCondition } from '../api/conditions.ts';
import { isDnsSubdomain } from '../identity/object-names.ts';

/** What a status says of conflicts; an event's may say less than the schema of a binding. */
interface Said {
  readonly conditions?: readonly { readonly type: string; readonly status: string }[] | undefined;
  readonly conflicts?: readonly { readonly name: string }[] | undefined;
}

/** Whether a binding was refused because of others, or they because of it: when it changes, they may recover. */
export function isInConflict(said: Said | undefined): boolean {
  return findCondition(said, 'Conflict')?.status === 'True';
}

/** The names of the peers that it recorded. One that is no name would have the whole event refused. */
export function recordedPeers(said: Said | undefined): string[] {
  return (said?.conflicts ?? []).map(({ name }) => name).filter(isDnsSubdomain);
}
