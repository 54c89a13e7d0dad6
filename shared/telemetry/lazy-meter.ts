import type { Resource } from '@opentelemetry/resources';
import type { Logger } from 'pino';
import type { Telemetry } from './telemetry.ts';

interface MeterOptions {
  readonly endpoint: string;
  readonly resource: Resource;
  readonly log: Logger;
}

/**
 * Counts, for an OTLP receiver. Only the sweep counts, so what counts is loaded with the first count, beside the answer.
 * The counts are deltas: a function that scales to zero has no total, and the next process would begin at zero again.
 */
export function createLazyMeter(options: MeterOptions): Omit<Telemetry, 'startSpan'> {
  let meter: Promise<Omit<Telemetry, 'startSpan'>> | undefined;
  const load = () => (meter ??= import('./metering.ts').then(({ meterTo }) => meterTo(options)));
  return {
    count: (name, value, attributes) => {
      load().then(
        (loaded) => loaded.count(name, value, attributes),
        (error: unknown) => options.log.warn({ err: error }, 'counts not sent'),
      );
    },
    close: async () => await (await meter)?.close(),
  };
}
