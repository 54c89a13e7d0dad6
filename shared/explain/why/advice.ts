import { reasons } from '../../api/reasons.ts';

/** What helps against a reason of a condition, as docs/api.md says it. */
export function adviseOn(reason: string): string {
  const found = Object.entries(reasons).find(([name]) => name === reason);
  return found?.[1].remedy.replaceAll('`', '') || 'see docs/api.md';
}
