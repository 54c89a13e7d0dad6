import type { Color } from '../terminal/paint.ts';
import { toTable } from '../terminal/table.ts';
import type { Terminal } from '../terminal/terminal.ts';
import type { BindingLine } from '../../shared/explain/status/binding-line.ts';
import type { StatusReport } from './status-report.ts';

const colors = { OK: 'green', WARNING: 'yellow', ERROR: 'red' } as const satisfies Record<
  BindingLine['result'],
  Color
>;

/** The report for people: how it is set up, what is wrong, and every binding, failures first. */
export function toStatusText(report: StatusReport, terminal: Terminal): string {
  const { components, config, summary, findings } = report;
  const { operator, kleymCRDs, spireCRDs, gaieCRDs } = components;
  const { ok, warning, error, total, conditions } = summary.bindings;
  const others = findings.filter(({ id }) => id !== 'binding-unhealthy');
  return [
    'Kleym',
    `  CLI: ${report.cliVersion}`,
    `  Functions: ${toAvailability(operator.status)}${toReadiness(operator)}`,
    `  Trust domain: ${config.trustDomain ?? 'unknown'}`,
    `  ClusterSPIFFEID class: ${toClass(config)}`,
    '',
    `Bindings${report.namespace === undefined ? '' : ` in namespace ${report.namespace}`}`,
    `  ${total} in all: ${toCounts([`${error} failed`, error], [`${warning} not settled`, warning], [`${ok} ready`, ok])}`,
    `  Conditions: Ready ${conditions.ready}, Conflict ${conditions.conflict}, InvalidRef ${conditions.invalidRef}, UnsafeSelector ${conditions.unsafeSelector}, RenderFailure ${conditions.renderFailure}`,
    '',
    'Dependencies',
    `  InferenceIdentityBinding: ${kleymCRDs.inferenceIdentityBinding ?? 'not installed'}`,
    `  InferencePool: ${gaieCRDs.inferencePool}`,
    `  InferenceObjective: ${gaieCRDs.inferenceObjective}`,
    `  ClusterSPIFFEID: ${spireCRDs.clusterSPIFFEID ?? 'not installed'}`,
    ...(others.length === 0 ? [] : ['', 'Findings']),
    ...others.map(({ severity, message }) => `  ${severity}: ${message}`),
    ...toBindingTable(report.bindings, terminal),
    '',
  ].join('\n');
}

function toCounts(...counts: readonly (readonly [string, number])[]): string {
  return (
    counts
      .filter(([, count]) => count > 0)
      .map(([words]) => words)
      .join(', ') || 'none'
  );
}

function toAvailability(status: string): string {
  switch (status) {
    case 'OK':
      return 'Available';
    case 'WARNING':
      return 'Warning';
    case 'ERROR':
      return 'Unavailable';
    default:
      return 'unknown';
  }
}

function toReadiness(operator: StatusReport['components']['operator']): string {
  const { readyReplicas, replicas, deployment, version, message } = operator;
  if (replicas === undefined) return ` (${message})`;
  return ` (${readyReplicas} of ${replicas} in namespace ${deployment}${version === undefined ? '' : `, ${version}`})`;
}

function toClass(config: StatusReport['config']): string {
  if (!config.clusterSPIFFEIDClassNameKnown) return 'unknown';
  return config.clusterSPIFFEIDClassName || 'classless';
}

function toBindingTable(bindings: readonly BindingLine[], terminal: Terminal): string[] {
  if (bindings.length === 0) return [];
  const head = ['BINDING', 'POOL', 'OBJECTIVE', 'READY', 'REASON', 'SPIFFE ID, OR WHY THERE IS NONE'];
  const rows = bindings.map((line) => ({
    cells: [
      `${line.namespace}/${line.name}`,
      line.pool,
      line.objective ?? '',
      line.ready,
      line.reason,
      line.spiffeID ?? line.message,
    ],
    color: colors[line.result],
  }));
  return ['', ...toTable(head, rows, terminal)];
}
