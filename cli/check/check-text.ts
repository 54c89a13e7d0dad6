import type { Paint } from '../terminal/paint.ts';
import type { Terminal } from '../terminal/terminal.ts';
import type { FileFinding } from '../manifests/judge-manifests.ts';
import type { CheckReport } from './check-report.ts';

const colors = { error: 'red', warning: 'yellow', info: 'dim' } as const;

/** The report for people: a line each, which editors and terminals can follow. */
export function toCheckText({ findings, summary }: CheckReport, { paint }: Terminal): string {
  const { manifests, skipped, bindings, identities, errors, warnings } = summary;
  const others = skipped === 0 ? '' : `, ${skipped} of other kinds`;
  return [
    ...findings.map((finding) => toLine(finding, paint)),
    `${manifests} manifests${others}: ${bindings} bindings, ${identities} with an identity; ${errors} errors, ${warnings} warnings`,
    '',
  ].join('\n');
}

function toLine(
  { file, line, column, severity, message, reason, object }: FileFinding,
  paint: Paint,
): string {
  const subject = object === '' ? '' : `${object}: `;
  return `${file}:${line}:${column}: ${paint(colors[severity], severity)}: ${subject}${message} [${reason}]`;
}

/** The report as commands of GitHub's workflows, which it shows beside the lines of a pull request. */
export function toGithubText({ findings }: CheckReport): string {
  return findings.map((finding) => `${toCommand(finding)}\n`).join('');
}

const commands = { error: 'error', warning: 'warning', info: 'notice' } as const;

function toCommand({ file, line, column, severity, message, reason, object }: FileFinding): string {
  const title = object === '' ? reason : `${reason}: ${object}`;
  const properties = Object.entries({ file, line, col: column, title })
    .map(([name, value]) => `${name}=${escapeProperty(String(value))}`)
    .join(',');
  return `::${commands[severity]} ${properties}::${escapeData(message)}`;
}

function escapeData(text: string): string {
  return text.replaceAll('%', '%25').replaceAll('\r', '%0D').replaceAll('\n', '%0A');
}

function escapeProperty(text: string): string {
  return escapeData(text).replaceAll(':', '%3A').replaceAll(',', '%2C');
}
