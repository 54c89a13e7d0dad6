import type { Color } from '../terminal/paint.ts';
import type { Terminal } from '../terminal/terminal.ts';
import type { DiffReport, IdentityChange } from './diff-report.ts';

const colors = {
  loses: 'red',
  changes: 'yellow',
  gains: 'green',
  'gets none': 'dim',
} as const satisfies Record<IdentityChange['kind'], Color>;

const kinds = Object.keys(colors) as IdentityChange['kind'][];

/** The report for people: who loses an identity, by name, first. */
export function toDiffText({ changes, refused, notes }: DiffReport, terminal: Terminal): string {
  const { paint } = terminal;
  const counts = kinds
    .map((kind) => [kind, changes.filter((one) => one.kind === kind).length] as const)
    .filter(([, count]) => count > 0)
    .map(([kind, count]) => `${count} ${kind}`);
  const isQuiet = changes.length === 0 && refused.length === 0;
  return [
    ...changes.flatMap((change) => toLines(change, (text) => paint(colors[change.kind], text))),
    ...(changes.length > 0 ? ['', `identities: ${counts.join(', ')}`] : []),
    ...(isQuiet ? ['no identity changes'] : []),
    ...(refused.length > 0 ? ['', 'These manifests would not be taken, and change nothing:'] : []),
    ...refused.map(({ file, line, object, message }) => `  ${file}:${line}: ${object}: ${message}`),
    ...notes.map((note) => `Note: ${note}`),
    '',
  ].join('\n');
}

function toLines(change: IdentityChange, paint: (text: string) => string): string[] {
  const { namespace, binding, kind, spiffeID, reason, message, differences, workloads } = change;
  const title = spiffeID === undefined ? '' : `: ${spiffeID}`;
  const { lose = [], gain = [] } = workloads;
  return [
    `${paint(kind)} ${namespace}/${binding}${title}`,
    ...(reason === undefined ? [] : [`    ${reason}: ${message}`]),
    ...differences.map((words) => `    ${words}`),
    ...lose.map((workload) => `    - ${workload}`),
    ...gain.map((workload) => `    + ${workload}`),
  ];
}
