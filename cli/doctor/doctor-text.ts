import type { Terminal } from '../terminal/terminal.ts';
import type { Check } from './doctor-facts.ts';
import type { DoctorReport } from './doctor-report.ts';

const marks = {
  ok: ['√', 'green'],
  warning: ['‼', 'yellow'],
  error: ['×', 'red'],
  unknown: ['?', 'dim'],
} as const;

/** The report for people: each thing that was looked at, with what to do where it is not well. */
export function toDoctorText({ checks }: DoctorReport, { paint }: Terminal): string {
  const areas = [...Map.groupBy(checks, ({ area }) => area)];
  const toLines = ({ status, message, advice, place }: Check): string[] => {
    const [mark, color] = marks[status];
    const said = place === undefined ? message : `${place}: ${message}`;
    return [`${paint(color, mark)} ${said}`, ...(advice === undefined ? [] : [`    → ${advice}`])];
  };
  const count = (status: Check['status']) => checks.filter((check) => check.status === status).length;
  return [
    ...areas.flatMap(([area, group]) => [
      paint('bold', area),
      '-'.repeat(area.length),
      ...group.flatMap(toLines),
      '',
    ]),
    `${count('error')} errors, ${count('warning')} warnings, ${count('unknown')} not known, ${count('ok')} well`,
    '',
  ].join('\n');
}
