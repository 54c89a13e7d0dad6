import type { Finding } from '../shared/explain/finding.ts';

/** How the program ends: well, with findings, with nothing found, not able to look, or by a bug. */
export type ExitCode = 0 | 2 | 3 | 4 | 5;

/** How a look ends that found these things. */
export function toExitCode(findings: readonly Pick<Finding, 'severity'>[], isStrict = false): 0 | 2 {
  const isBad = findings.some(({ severity }) => severity === 'error' || (isStrict && severity === 'warning'));
  return isBad ? 2 : 0;
}
