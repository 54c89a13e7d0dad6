import type { Paint } from '../terminal/paint.ts';
import type { Terminal } from '../terminal/terminal.ts';
import type { BindingReport } from '../../shared/explain/why/binding-report.ts';
import type { Explanation, Step } from '../../shared/explain/why/explain-container.ts';
import type { ContainerReport, PodReport } from '../../shared/explain/why/pod-report.ts';

/** So many misses are shown in full: the nearest ones tell. */
const mostMisses = 3;

/** The explanation of a pod for people: the answer first. */
export function toPodText(report: PodReport, { paint }: Terminal): string {
  return [
    report.summary,
    ...report.containers.flatMap((container) => toContainer(container, paint)),
    ...toOthers(report),
    ...toNotes(report.notes),
    '',
  ].join('\n');
}

function toContainer({ name, isInit, matches, misses }: ContainerReport, paint: Paint): string[] {
  const hidden = misses.length - mostMisses;
  return [
    '',
    paint('bold', `${isInit ? 'Init container' : 'Container'} ${name}`),
    ...(matches.length + misses.length === 0 ? ['  no binding is about it'] : []),
    ...[...matches, ...misses.slice(0, mostMisses)].flatMap((one) => toBinding(one, paint)),
    ...(hidden > 0 ? [`  … and ${hidden} bindings that are further away`] : []),
  ];
}

function toBinding({ binding, namespace, mode, spiffeID, steps }: Explanation, paint: Paint): string[] {
  return [
    `  binding ${namespace}/${binding} (${mode})${spiffeID === undefined ? '' : `: ${spiffeID}`}`,
    ...steps.map((step) => `    ${toStep(step, paint)}`),
  ];
}

function toStep({ holds, words, advice }: Step, paint: Paint): string {
  if (holds) return `${paint('green', '✓')} ${words}`;
  return `${paint('red', '✗')} ${words}${advice === undefined ? '' : `\n      → ${advice}`}`;
}

function toOthers({ otherClusterSPIFFEIDs }: PodReport): string[] {
  if (otherClusterSPIFFEIDs.length === 0) return [];
  return [
    '',
    'ClusterSPIFFEIDs of others that select this pod, too:',
    ...otherClusterSPIFFEIDs.map(
      ({ name, spiffeIDTemplate, fallback }) =>
        `  ${name}: ${spiffeIDTemplate}${fallback ? ' (fallback: only where no other makes an entry)' : ''}`,
    ),
  ];
}

function toNotes(notes: readonly string[]): string[] {
  return notes.length === 0 ? [] : ['', ...notes.map((note) => `Note: ${note}`)];
}

/** The explanation of a binding for people. */
export function toBindingText(
  { summary, matches, misses, notes }: BindingReport,
  { paint }: Terminal,
): string {
  return [
    summary,
    ...(matches.length === 0
      ? []
      : ['', paint('bold', 'Matching'), ...matches.map((one) => `  ${toPlace(one)}`)]),
    ...(misses.length === 0 ? [] : ['', paint('bold', 'Not matching, the nearest first')]),
    ...misses.flatMap(({ pod, explanation }) => [
      `  ${pod} container=${explanation.container}`,
      ...explanation.steps.filter(({ holds }) => !holds).map((step) => `    ${toStep(step, paint)}`),
    ]),
    ...toNotes(notes),
    '',
  ].join('\n');
}

function toPlace({ pod, container }: BindingReport['matches'][number]): string {
  return container === undefined ? pod : `${pod} container=${container}`;
}
