import project from '../../package.json' with { type: 'json' };
import { toExitCode } from '../exit-code.ts';
import { type Ending, type Given, type Tools, toEnding, toTimestamp } from '../tools.ts';
import { readStatus } from './read-status.ts';
import { toStatusReport } from './status-report.ts';
import { toStatusText } from './status-text.ts';

/** kubectl kleym status */
export async function runStatus({ flags }: Given, { terminal, now, connect }: Tools): Promise<Ending> {
  const facts = await readStatus(connect(flags), flags);
  const report = toStatusReport({ ...facts, generatedAt: toTimestamp(now()), cliVersion: project.version });
  return toEnding(report, toExitCode(report.findings, flags.strict), flags, () =>
    toStatusText(report, terminal),
  );
}
