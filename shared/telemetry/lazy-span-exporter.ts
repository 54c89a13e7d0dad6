import { type ExportResult, ExportResultCode } from '@opentelemetry/core';
import type { ReadableSpan, SpanExporter } from '@opentelemetry/sdk-trace';
import type { Logger } from 'pino';

/**
 * Sends spans to an OTLP receiver. What sends is loaded with the first batch, seconds after the first answer, so that
 * no start waits for it. A receiver that is down or slow costs its spans and a line of the log.
 */
export function createLazySpanExporter({
  endpoint,
  log,
}: {
  readonly endpoint: string;
  readonly log: Logger;
}): SpanExporter {
  let loading: Promise<SpanExporter> | undefined;
  const load = () =>
    (loading ??= import('@opentelemetry/exporter-trace-otlp-http').then(
      ({ OTLPTraceExporter }) => new OTLPTraceExporter({ url: toSignalUrl(endpoint, 'traces') }),
    ));

  async function send(spans: ReadableSpan[]): Promise<ExportResult> {
    try {
      const exporter = await load();
      return await new Promise((resolve) => exporter.export(spans, resolve));
    } catch (cause) {
      return { code: ExportResultCode.FAILED, error: new Error('the exporter does not work', { cause }) };
    }
  }

  async function report(spans: ReadableSpan[], done: (result: ExportResult) => void): Promise<void> {
    const result = await send(spans);
    if (result.code !== ExportResultCode.SUCCESS)
      log.warn({ spans: spans.length, err: result.error }, 'spans not sent');
    done(result);
  }

  return {
    export: (spans, done) => void report(spans, done),
    shutdown: async () => await (await loading)?.shutdown(),
  };
}

/** Where a signal goes, as OTLP appends it to the common endpoint. */
export function toSignalUrl(endpoint: string, signal: 'traces' | 'metrics'): string {
  return `${endpoint.replace(/\/+$/, '')}/v1/${signal}`;
}
