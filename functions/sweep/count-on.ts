import type { RepairCounts } from '../../shared/api/sweep-report.ts';
import type { Telemetry } from '../../shared/telemetry/telemetry.ts';

/** Adds what a look found to the counter `kleym.sweep.repairs`. */
export function countOn(count: Telemetry['count']): (found: RepairCounts) => void {
  return (found) => {
    for (const [kind, number] of Object.entries(found))
      count('kleym.sweep.repairs', number, { 'kleym.repair': kind });
  };
}
