import type { BindingStatus } from '../../api/binding.ts';
import type { Clock } from '../../decide/world.ts';

type StoredClaim = NonNullable<NonNullable<BindingStatus>['claim']> | Unreadable;
interface Unreadable {
  readonly kind: 'unreadable';
  readonly words: string;
}

/** What a claim says may still happen. */
export function toClaimWords(claim: StoredClaim | undefined, clock: Clock): string {
  if (claim === undefined) return 'none';
  switch (claim.kind) {
    case 'owning':
      return `it owns ClusterSPIFFEID ${claim.name}, and no write is on its way`;
    case 'replacing':
      return `a change of ClusterSPIFFEID ${claim.name} may land, as long as its resourceVersion is ${claim.base}`;
    case 'unreadable':
      return `cannot be read (${claim.words}): another version of kleym has written it`;
    case 'creating':
      return claim.at > clock.quarantine
        ? `a create of ClusterSPIFFEID ${claim.name} may still land until ${toTime(toEnd(claim.at, clock))}`
        : `a create of ClusterSPIFFEID ${claim.name} was announced at ${claim.at}, and can land no more`;
  }
}

function toEnd(at: string, { now, quarantine }: Clock): Date {
  return new Date(Date.parse(at) + Date.parse(now) - Date.parse(quarantine));
}

function toTime(end: Date): string {
  return `${end.toISOString().slice(11, 19)} UTC`;
}
