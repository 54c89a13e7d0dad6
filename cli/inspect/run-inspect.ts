import { toExitCode } from '../exit-code.ts';
import { toResolve } from '../settings/resolve-settings.ts';
import { type Ending, type Given, type Tools, toEnding, toTimestamp } from '../tools.ts';
import { toInspectionReport, toMissingReport } from '../../shared/explain/inspect/inspection-report.ts';
import { toInspectionText } from './inspection-text.ts';
import { readInspection } from '../../shared/explain/inspect/read-inspection.ts';

/** kubectl kleym inspect binding */
export async function runInspect(
  { operand: name, flags }: Given,
  { terminal, now, connect }: Tools,
): Promise<Ending> {
  const connection = connect(flags);
  const generatedAt = toTimestamp(now());
  const facts = await readInspection(connection, name, toResolve(flags));
  const report = facts
    ? toInspectionReport({ ...facts, generatedAt })
    : toMissingReport(generatedAt, connection.namespace, name);
  const exitCode = facts ? toExitCode(report.findings, flags.strict) : 3;
  return toEnding(report, exitCode, flags, () => toInspectionText(report, exitCode, terminal));
}
