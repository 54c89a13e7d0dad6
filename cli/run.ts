import project from '../package.json' with { type: 'json' };
import { UncertainError } from '../shared/api/uncertain-error.ts';
import type { FlagValues } from './command-line/flags.ts';
import { type Call, parseCommandLine } from './command-line/parse-command-line.ts';
import { type ExitCode, toExitCode } from './finding.ts';
import { toInspectionReport, toMissingReport } from './inspect/inspection-report.ts';
import { toInspectionText } from './inspect/inspection-text.ts';
import { readInspection } from './inspect/read-inspection.ts';
import type { Connection } from './kube/connection.ts';
import { findWrongSetting } from './settings/resolve-settings.ts';
import { readStatus } from './status/read-status.ts';
import { toStatusReport } from './status/status-report.ts';
import { toStatusText } from './status/status-text.ts';
import type { Terminal } from './terminal/terminal.ts';

/** What a command needs of the world. */
export interface Tools {
  readonly terminal: Terminal;
  readonly now: () => Date;
  /** Throws what is wrong with the kubeconfig or the flags. */
  readonly connect: (flags: FlagValues) => Connection;
}

/** What a command came to. */
export interface Ending {
  readonly output: string;
  /** For stderr. */
  readonly problem: string;
  readonly exitCode: ExitCode;
}

/** The command line or the kubeconfig is wrong: the user must correct it. */
export class SetupError extends Error {
  override name = 'SetupError';
}

/** Runs a command line to its end; whatever happens becomes an ending. */
export async function run(args: readonly string[], tools: Tools): Promise<Ending> {
  const line = parseCommandLine(args);
  switch (line.kind) {
    case 'print':
      return well(line.text);
    case 'version':
      return well(`kubectl-kleym ${project.version}\n`);
    case 'invalid':
      return { output: '', problem: `error: ${line.message}\n`, exitCode: 4 };
    case 'call':
      return await call(line, tools).catch(toFailure);
  }
}

function well(output: string): Ending {
  return { output, problem: '', exitCode: 0 };
}

function toFailure(error: unknown): Ending {
  if (error instanceof UncertainError || error instanceof SetupError)
    return { output: '', problem: `error: ${error.message}\n`, exitCode: 4 };
  const words = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return {
    output: '',
    problem: `this is a bug of kubectl-kleym; please report it:\n${words}\n`,
    exitCode: 5,
  };
}

async function call({ name, operands, flags }: Call, tools: Tools): Promise<Ending> {
  const wrong = findWrongSetting(flags);
  if (wrong !== undefined) throw new SetupError(wrong);
  const [operand = ''] = operands;
  switch (name) {
    case 'status':
      return await runStatus(flags, tools);
    case 'inspect binding':
      return await runInspect(operand, flags, tools);
  }
}

async function runStatus(flags: FlagValues, { terminal, now, connect }: Tools): Promise<Ending> {
  const facts = await readStatus(connect(flags), flags);
  const report = toStatusReport({
    ...facts,
    generatedAt: toTimestamp(now()),
    cliVersion: project.version,
  });
  const output = flags.output === 'json' ? toJson(report) : toStatusText(report, terminal);
  return { output, problem: '', exitCode: toExitCode(report.findings, flags.strict) };
}

async function runInspect(
  name: string,
  flags: FlagValues,
  { terminal, now, connect }: Tools,
): Promise<Ending> {
  const connection = connect(flags);
  const generatedAt = toTimestamp(now());
  const facts = await readInspection(connection, name, flags);
  const report = facts
    ? toInspectionReport({ ...facts, generatedAt })
    : toMissingReport(generatedAt, connection.namespace, name);
  const exitCode = facts ? toExitCode(report.findings, flags.strict) : 3;
  const output = flags.output === 'json' ? toJson(report) : toInspectionText(report, exitCode, terminal);
  return { output, problem: '', exitCode };
}

function toTimestamp(time: Date): string {
  return `${time.toISOString().slice(0, 19)}Z`;
}

function toJson(report: object): string {
  return `${JSON.stringify(report)}\n`;
}
