import { type DestinationStream, type Level, type Logger, pino, stdTimeFunctions } from 'pino';

export interface LogOptions {
  readonly service: string;
  readonly level: Level | 'silent';
}

/** The log of one program: JSON lines on stdout, unless the caller says where else. */
export function createLog({ service, level }: LogOptions, destination?: DestinationStream): Logger {
  const options = {
    level,
    base: { service },
    timestamp: stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
    serializers: { err: toLoggedError },
  };
  return destination ? pino(options, destination) : pino(options);
}

export interface LoggedError {
  readonly type: string;
  readonly message: string;
  readonly at?: readonly string[];
  readonly cause?: LoggedError;
}

const maxMessage = 500;
const maxFrames = 10;
const maxCauses = 4;

/**
 * What of an error may be logged. pino's own serializer takes every property of an error along, and those of HTTP
 * clients carry requests, headers and whole objects.
 */
export function toLoggedError(error: unknown, depth = 0): LoggedError {
  if (!(error instanceof Error)) return { type: typeof error, message: toHarmless(String(error)) };
  const at = toFrames(error);
  return {
    type: error.name,
    message: toHarmless(error.message),
    ...(at.length > 0 && { at }),
    ...(error.cause !== undefined && depth < maxCauses && { cause: toLoggedError(error.cause, depth + 1) }),
  };
}

/** A text that may come from elsewhere, cut to a length for a log line and without anything that looks like a token. */
export function toHarmless(text: string): string {
  const harmless = text
    .slice(0, 4 * maxMessage)
    .replaceAll(/\b(bearer|basic)\s+[\w.~+/=-]+/gi, '$1 [redacted]')
    .replaceAll(/\beyJ[\w-]+\.[\w-]+(\.[\w-]+)?/g, '[redacted]');
  return harmless.length > maxMessage ? `${harmless.slice(0, maxMessage)}…` : harmless;
}

function toFrames(error: Error): string[] {
  const lines = (error.stack ?? '').split('\n').map((line) => line.trim());
  return lines.filter((line) => line.startsWith('at ')).slice(0, maxFrames);
}
