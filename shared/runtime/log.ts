import { type DestinationStream, type Level, type Logger, pino, stdTimeFunctions } from 'pino';
import { currentSpan } from '../telemetry/span.ts';
import { redact } from '../text/redact.ts';
import { shorten } from '../text/shorten.ts';

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
    mixin: toLoggedTrace,
  };
  return destination ? pino(options, destination) : pino(options);
}

/** By these names OpenTelemetry finds the lines that belong to a span. */
function toLoggedTrace(): object {
  const context = currentSpan()?.context;
  return context ? { trace_id: context.traceId, span_id: context.spanId } : {};
}

export interface LoggedError {
  readonly type: string;
  readonly message: string;
  readonly at?: readonly string[];
  readonly cause?: LoggedError;
}

const maxName = 100;
const maxFrames = 10;
const maxFrame = 300;
const maxCauses = 4;

/**
 * The parts of an error that may be logged. pino's own serializer copies every property, and errors of HTTP clients
 * carry requests, headers and whole objects.
 */
export function toLoggedError(error: unknown, depth = 0): LoggedError {
  if (!(error instanceof Error)) return { type: typeof error, message: redact(String(error)) };
  const at = toFrames(error);
  return {
    type: shorten(error.name, maxName),
    message: redact(error.message),
    ...(at.length > 0 && { at }),
    ...(error.cause !== undefined && depth < maxCauses && { cause: toLoggedError(error.cause, depth + 1) }),
  };
}

function toFrames(error: Error): string[] {
  // A stack begins with the message, which may come from elsewhere and have lines that look like frames.
  const { stack = '', message } = error;
  const start = stack.indexOf(message);
  const lines = stack.slice(start < 0 ? 0 : start + message.length).split('\n', 4 * maxFrames);
  const frames = lines.map((line) => line.trim()).filter((line) => line.startsWith('at '));
  return frames.slice(0, maxFrames).map((frame) => shorten(frame, maxFrame));
}
