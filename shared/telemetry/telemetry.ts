import type { Logger } from 'pino';
import { type Attributes, type StartSpan, handOn } from './span.ts';

/** Where spans and counts go. */
export interface Telemetry {
  readonly startSpan: StartSpan;
  /** Adds to a counter. */
  readonly count: (name: string, value: number, attributes: Attributes) => void;
  /** Sends what is left. It gives up by itself, and never rejects. */
  readonly close: () => Promise<void>;
}

export const samplers = [
  'parentbased_always_on',
  'parentbased_always_off',
  'parentbased_traceidratio',
  'always_on',
  'always_off',
  'traceidratio',
] as const;

export interface TelemetryOptions {
  readonly function: string;
  /** Which deployment of the function this is; undefined: nobody says. */
  readonly revision: string | undefined;
  /** Of an OTLP receiver, without the paths of the signals; undefined: nothing is recorded. */
  readonly endpoint: string | undefined;
  readonly sampler: (typeof samplers)[number];
  /** The share of traces that the samplers of a ratio take. */
  readonly ratio: number;
  readonly log: Logger;
}

/** Telemetry as the environment asks for it. What records and sends is loaded only if it is wanted. */
export async function startTelemetry({ endpoint, ...options }: TelemetryOptions): Promise<Telemetry> {
  if (endpoint === undefined)
    return { startSpan: handOn, count: () => undefined, close: () => Promise.resolve() };
  const { recordTo } = await import('./recording.ts');
  return recordTo({ ...options, endpoint });
}
