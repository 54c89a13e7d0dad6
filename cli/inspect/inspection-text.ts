import type { Condition } from '../../shared/api/conditions.ts';
import { describeStatistics } from '../../shared/explain/spire/statistics.ts';
import type { Color, Paint } from '../terminal/paint.ts';
import type { Terminal } from '../terminal/terminal.ts';
import type { Finding } from '../../shared/explain/finding.ts';
import type { InspectionReport } from '../../shared/explain/inspect/inspection-report.ts';

/** The report for people. It never says of a pod more than that it matches. */
export function toInspectionText(report: InspectionReport, exitCode: number, { paint }: Terminal): string {
  const { bindingRef, resolvedInput, renderedIdentity, renderedClusterSPIFFEID, findings } = report;
  const source = resolvedInput.poolRef ?? bindingRef.poolRef;
  return [
    `Binding: ${bindingRef.namespace}/${bindingRef.name}`,
    ...(source ? [`Source: ${source.kind} ${source.namespace}/${source.name}`] : []),
    ...(resolvedInput.groups ?? []).map(
      ({ kind, group, found }) =>
        `  ${kind} in ${group}: ${found === 'yes' ? 'found' : found === 'no' ? 'not there' : found}`,
    ),
    '',
    'Identity:',
    ...toIdentity(renderedIdentity),
    '',
    'ClusterSPIFFEID:',
    ...toRendered(renderedClusterSPIFFEID),
    ...toOutputs(report),
    '',
    'Conditions:',
    ...toConditions(bindingRef.conditions ?? [], paint),
    ...toProtocol(report),
    '',
    'Matched pods:',
    ...toPods(report),
    ...toEvents(report.events),
    '',
    findings.length === 0 ? 'Findings: none' : 'Findings:',
    ...findings.flatMap((finding) => toFinding(finding, paint)),
    `Exit code: ${exitCode}`,
    '',
  ].join('\n');
}

function toIdentity({ spiffeID, workloadSelectors = [] }: InspectionReport['renderedIdentity']): string[] {
  if (spiffeID === undefined) return ['  not rendered'];
  return [
    `  SPIFFE ID: ${spiffeID}`,
    '  Selectors:',
    ...workloadSelectors.map((selector) => `    ${selector}`),
  ];
}

function toRendered({ name, className, hint }: InspectionReport['renderedClusterSPIFFEID']): string[] {
  if (name === undefined) return ['  not rendered'];
  return [`  Name: ${name}`, `  ClassName: ${className ?? '(none)'}`, `  Hint: ${hint}`];
}

function toOutputs({ outputs, capabilities }: InspectionReport): string[] {
  if (capabilities.clusterspiffeids === 'skipped') return ['  In the cluster: not looked for'];
  if (outputs === undefined) return ['  In the cluster: not readable'];
  if (outputs.length === 0) return ['  In the cluster: none'];
  return outputs.flatMap(({ name, state, statistics }) => [
    `  In the cluster: ${name}, ${state}`,
    ...describeStatistics(statistics).map((line) => `    ${line}`),
  ]);
}

/** What is as it should be needs no more than its name. */
function toConditions(conditions: readonly Condition[], paint: Paint): string[] {
  if (conditions.length === 0) return ['  none'];
  return conditions.flatMap(({ type, status, reason, message }) => {
    const isWell = status === (type === 'Ready' ? 'True' : 'False');
    const color: Color = isWell ? 'green' : status === 'Unknown' ? 'yellow' : 'red';
    const line = `  ${paint(color, `${type}=${status}`)}`;
    return isWell ? [line] : [line, `    Reason: ${reason}`, `    Message: ${message}`];
  });
}

function toProtocol({ claim, peers, nextStep }: InspectionReport): string[] {
  const listed = peers?.map(({ name, reason }) => `${name} (${reason})`).join(', ');
  return [
    ...(claim === undefined ? [] : ['', `Claim: ${claim}`]),
    ...(listed === undefined ? [] : [`Peers: ${listed || 'none'}`]),
    ...(nextStep === undefined ? [] : [`Next step of reconcile: ${nextStep}`]),
  ];
}

function toPods({ capabilities, matchedPods }: InspectionReport): string[] {
  if (capabilities.pods === 'skipped') return ['  skipped'];
  if (capabilities.pods !== 'full') return ['  unknown'];
  if (matchedPods.length === 0) return ['  none'];
  return matchedPods.map(
    ({ namespace, pod, container }) =>
      `  ${namespace}/${pod}${container === undefined ? '' : ` container=${container}`}`,
  );
}

function toEvents(events: InspectionReport['events']): string[] {
  if (!events || events.length === 0) return [];
  return [
    '',
    'Events:',
    ...events.map(({ type, reason, message, at }) => `  ${at}  ${type}  ${reason}  ${message}`),
  ];
}

const severities = {
  error: ['Error', 'red'],
  warning: ['Warning', 'yellow'],
  info: ['Info', 'dim'],
} as const;

function toFinding({ severity, reason, message }: Finding, paint: Paint): string[] {
  const [word, color] = severities[severity];
  return [`  ${paint(color, word)} ${reason}`, `    ${message}`];
}
