import type { FlagValues } from './command-line/flags.ts';
import type { ExitCode } from './exit-code.ts';
import type { Connection } from './kube/connection.ts';
import type { Terminal } from './terminal/terminal.ts';

/** What a command needs of the world. */
export interface Tools {
  readonly terminal: Terminal;
  readonly now: () => Date;
  readonly stdin: NodeJS.ReadableStream;
  /** Throws what is wrong with the kubeconfig or the flags. */
  readonly connect: (flags: FlagValues) => Connection;
  /** What kustomize makes of a folder. */
  readonly kustomize: (folder: string) => Promise<string>;
  /** The contexts of the kubeconfig. */
  readonly listContexts: (flags: FlagValues) => readonly string[];
}

/** What a command was given. */
export interface Given {
  readonly operand: string;
  readonly flags: FlagValues;
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

/** A report as it was asked for. */
export function toEnding(
  report: object,
  exitCode: ExitCode,
  { output }: FlagValues,
  toText: () => string,
): Ending {
  return { output: output === 'json' ? `${JSON.stringify(report)}\n` : toText(), problem: '', exitCode };
}

/** What was asked for is not there. */
export function toNotFound(message: string): Ending {
  return { output: '', problem: `error: ${message}\n`, exitCode: 3 };
}

/** A time to the second, as reports have it. */
export function toTimestamp(time: Date): string {
  return `${time.toISOString().slice(0, 19)}Z`;
}
