import type { FileFinding } from '../manifests/judge-manifests.ts';
import type { CheckReport } from './check-report.ts';

const levels = { error: 'error', warning: 'warning', info: 'note' } as const;

/** The report as SARIF 2.1.0, which code scanning reads. */
export function toSarif({ findings }: CheckReport, version: string): object {
  const rules = [...new Set(findings.map(({ reason }) => reason))].toSorted();
  return {
    $schema: 'https://json.schemastore.org/sarif-2.1.0.json',
    version: '2.1.0',
    runs: [
      {
        tool: { driver: { name: 'kubectl-kleym', version, rules: rules.map((id) => ({ id })) } },
        results: findings.map((finding) => toResult(finding, rules)),
      },
    ],
  };
}

function toResult(
  { file, line, column, severity, reason, message, object }: FileFinding,
  rules: readonly string[],
): object {
  return {
    ruleId: reason,
    ruleIndex: rules.indexOf(reason),
    level: levels[severity],
    message: { text: object === '' ? message : `${object}: ${message}` },
    locations: [
      {
        physicalLocation: {
          artifactLocation: { uri: file.replaceAll('\\', '/') },
          region: { startLine: line, startColumn: column },
        },
      },
    ],
  };
}
