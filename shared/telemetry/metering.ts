import { ExportResultCode } from '@opentelemetry/core';
import { OTLPMetricExporter } from '@opentelemetry/exporter-metrics-otlp-http';
import type { Resource } from '@opentelemetry/resources';
import {
  AggregationTemporality,
  MeterProvider,
  PeriodicExportingMetricReader,
  type PushMetricExporter,
} from '@opentelemetry/sdk-metrics';
import type { Logger } from 'pino';
import { toSignalUrl } from './lazy-span-exporter.ts';
import type { Telemetry } from './telemetry.ts';

/** Counts with OpenTelemetry's SDK; see `createLazyMeter`. */
export function meterTo({
  endpoint,
  resource,
  log,
}: {
  readonly endpoint: string;
  readonly resource: Resource;
  readonly log: Logger;
}): Omit<Telemetry, 'startSpan'> {
  const sending = new OTLPMetricExporter({ url: toSignalUrl(endpoint, 'metrics') });
  const exporter: PushMetricExporter = {
    selectAggregationTemporality: () => AggregationTemporality.DELTA,
    export: (metrics, done) =>
      sending.export(metrics, (result) => {
        if (result.code !== ExportResultCode.SUCCESS) log.warn({ err: result.error }, 'counts not sent');
        done(result);
      }),
    forceFlush: () => sending.forceFlush(),
    shutdown: () => sending.shutdown(),
  };
  const reader = new PeriodicExportingMetricReader({ exporter });
  const meter = new MeterProvider({ resource, readers: [reader] }).getMeter('kleym');
  return {
    count: (name, value, attributes) => meter.createCounter(name).add(value, attributes),
    close: () => reader.shutdown(),
  };
}
