import {
  type Context,
  ROOT_CONTEXT,
  type Span as RecordedSpan,
  SpanKind,
  SpanStatusCode,
  TraceFlags,
  trace,
} from '@opentelemetry/api';
import { type Resource, resourceFromAttributes } from '@opentelemetry/resources';
import {
  AlwaysOffSampler,
  AlwaysOnSampler,
  BatchSpanProcessor,
  ParentBasedSampler,
  type Sampler,
  TraceIdRatioBasedSampler,
  TracerProvider,
} from '@opentelemetry/sdk-trace';
import { createLazyMeter } from './lazy-meter.ts';
import { createLazySpanExporter } from './lazy-span-exporter.ts';
import type { Span, StartSpan } from './span.ts';
import type { Telemetry, TelemetryOptions } from './telemetry.ts';
import type { TraceContext } from './trace-context.ts';

/** What is recorded, and how it leaves. */
export interface RecordingOptions extends Omit<TelemetryOptions, 'endpoint'> {
  readonly endpoint: string;
}

// A span has some twenty attributes. Names, paths and messages of others are cut; whole objects are never among them.
const spanLimits = { attributeCountLimit: 64, attributeValueLengthLimit: 256, linkCountLimit: 32 };

// A span takes about 2 kB, so 4 MB wait at most. What does not fit is dropped: telemetry never holds work up.
// A batch of 256 is written as JSON in one piece, which takes some milliseconds.
const queue = { maxQueueSize: 2048, maxExportBatchSize: 256, scheduledDelayMillis: 2000 };

// After its requests a pod has three seconds until it is killed (knative/base/services.yaml).
const closeWithinMs = 2000;

/** Records spans and counts with OpenTelemetry's SDK, and sends them to an OTLP receiver. */
export function recordTo(options: RecordingOptions): Telemetry {
  const resource = toResource(options);
  const spans = new BatchSpanProcessor({ exporter: createLazySpanExporter(options), ...queue });
  const provider = new TracerProvider({
    resource,
    sampler: toSampler(options),
    spanLimits,
    spanProcessors: [spans],
  });
  const meter = createLazyMeter({ ...options, resource });
  return {
    startSpan: createStartSpan(provider),
    count: meter.count,
    close: () => within(closeWithinMs, [spans.shutdown(), meter.close()]),
  };
}

function toResource({ function: name, revision }: RecordingOptions): Resource {
  return resourceFromAttributes({
    'service.namespace': 'kleym',
    'service.name': name,
    ...(revision !== undefined && { 'service.version': revision }),
  });
}

function toSampler({ sampler, ratio }: RecordingOptions): Sampler {
  switch (sampler) {
    case 'always_on':
      return new AlwaysOnSampler();
    case 'always_off':
      return new AlwaysOffSampler();
    case 'traceidratio':
      return new TraceIdRatioBasedSampler(ratio);
    case 'parentbased_always_on':
      return new ParentBasedSampler({ root: new AlwaysOnSampler() });
    case 'parentbased_always_off':
      return new ParentBasedSampler({ root: new AlwaysOffSampler() });
    case 'parentbased_traceidratio':
      return new ParentBasedSampler({ root: new TraceIdRatioBasedSampler(ratio) });
  }
}

function createStartSpan(provider: TracerProvider): StartSpan {
  const tracer = provider.getTracer('kleym');

  function wrap(recorded: RecordedSpan, state: string | undefined): Span {
    const { traceId, spanId, traceFlags } = recorded.spanContext();
    const flags = traceFlags.toString(16).padStart(2, '0');
    return {
      context: { traceId, spanId, flags, ...(state !== undefined && { state }) },
      startCall: (name, attributes) => {
        const within = trace.setSpan(ROOT_CONTEXT, recorded);
        return wrap(tracer.startSpan(name, { kind: SpanKind.CLIENT, attributes }, within), state);
      },
      addLink: (other) => void recorded.addLink({ context: toSpanContext(other) }),
      end: (attributes, error) => {
        recorded.setAttributes(attributes);
        if (error !== undefined) recorded.setStatus({ code: SpanStatusCode.ERROR, message: error });
        recorded.end();
      },
    };
  }

  return ({ name, parent, since, attributes }) =>
    wrap(
      tracer.startSpan(name, { kind: SpanKind.SERVER, startTime: since, attributes }, toContext(parent)),
      parent?.state,
    );
}

function toContext(parent: TraceContext | undefined): Context {
  return parent ? trace.setSpanContext(ROOT_CONTEXT, toSpanContext(parent)) : ROOT_CONTEXT;
}

function toSpanContext({ traceId, spanId, flags }: TraceContext) {
  return {
    traceId,
    spanId,
    traceFlags: Number.parseInt(flags, 16) & TraceFlags.SAMPLED,
    isRemote: true,
  };
}

/** Whoever does not answer in time is left. */
async function within(ms: number, work: readonly Promise<unknown>[]): Promise<void> {
  const late = Promise.withResolvers<void>();
  const timer = setTimeout(late.resolve, ms);
  await Promise.race([Promise.allSettled(work), late.promise]);
  clearTimeout(timer);
}
