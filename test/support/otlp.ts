/** A value of an attribute, if it is a plain one. */
type Value = string | number | boolean | undefined;

/** A span as an OTLP receiver gets it, as far as tests look at it. */
export interface ReceivedSpan {
  /** The `service.name` of who recorded it. */
  readonly service: string;
  readonly name: string;
  readonly traceId: string;
  readonly spanId: string;
  /** Empty for the first span of a trace. */
  readonly parentSpanId: string;
  /** As OTLP numbers them: 2 server, 3 client. */
  readonly kind: number;
  readonly attributes: Readonly<Record<string, Value>>;
  readonly links: readonly { readonly traceId: string; readonly spanId: string }[];
  /** 2: error. */
  readonly status: number;
}

/** One point of a counter. */
export interface ReceivedCount {
  readonly service: string;
  readonly name: string;
  readonly value: number;
  readonly attributes: Readonly<Record<string, Value>>;
  readonly temporality: number;
}

interface KeyValue {
  readonly key: string;
  readonly value?: JsonValue;
}

interface JsonValue {
  readonly stringValue?: string;
  readonly boolValue?: boolean;
  readonly intValue?: number | string;
  readonly doubleValue?: number;
}

interface JsonSpan extends Omit<
  ReceivedSpan,
  'service' | 'attributes' | 'parentSpanId' | 'links' | 'status'
> {
  readonly parentSpanId?: string;
  readonly attributes?: readonly KeyValue[];
  readonly links?: ReceivedSpan['links'];
  readonly status?: { readonly code?: number };
}

interface JsonResource {
  readonly resource?: { readonly attributes?: readonly KeyValue[] };
}

/** Reads the spans of a request in OTLP's JSON. */
export function parseJsonSpans(text: string): ReceivedSpan[] {
  const { resourceSpans = [] } = JSON.parse(text) as {
    readonly resourceSpans?: readonly (JsonResource & {
      readonly scopeSpans?: readonly { readonly spans?: readonly JsonSpan[] }[];
    })[];
  };
  return resourceSpans.flatMap(({ resource, scopeSpans = [] }) =>
    scopeSpans.flatMap(({ spans = [] }) =>
      spans.map((span) => ({
        service: toService(resource?.attributes),
        name: span.name,
        traceId: span.traceId,
        spanId: span.spanId,
        parentSpanId: span.parentSpanId ?? '',
        kind: span.kind,
        attributes: toAttributes(span.attributes),
        links: (span.links ?? []).map(({ traceId, spanId }) => ({ traceId, spanId })),
        status: span.status?.code ?? 0,
      })),
    ),
  );
}

/** Reads the counters of a request in OTLP's JSON. */
export function parseJsonCounts(text: string): ReceivedCount[] {
  const { resourceMetrics = [] } = JSON.parse(text) as {
    readonly resourceMetrics?: readonly (JsonResource & {
      readonly scopeMetrics?: readonly {
        readonly metrics?: readonly {
          readonly name: string;
          readonly sum?: {
            readonly aggregationTemporality: number;
            readonly dataPoints: readonly {
              readonly asDouble?: number;
              readonly asInt?: string | number;
              readonly attributes?: readonly KeyValue[];
            }[];
          };
        }[];
      }[];
    })[];
  };
  return resourceMetrics.flatMap(({ resource, scopeMetrics = [] }) =>
    scopeMetrics.flatMap(({ metrics = [] }) =>
      metrics.flatMap(({ name, sum }) =>
        (sum?.dataPoints ?? []).map(({ asDouble, asInt, attributes }) => ({
          service: toService(resource?.attributes),
          name,
          value: asDouble ?? Number(asInt),
          attributes: toAttributes(attributes),
          temporality: sum?.aggregationTemporality ?? 0,
        })),
      ),
    ),
  );
}

function toService(attributes: readonly KeyValue[] = []): string {
  return String(toAttributes(attributes)['service.name'] ?? '');
}

function toAttributes(list: readonly KeyValue[] = []): Record<string, Value> {
  return Object.fromEntries(list.map(({ key, value }) => [key, value && toPlain(value)]));
}

function toPlain({ stringValue, boolValue, intValue, doubleValue }: JsonValue): Value {
  return stringValue ?? boolValue ?? doubleValue ?? (intValue === undefined ? undefined : Number(intValue));
}

/** Reads the spans of a request in protobuf, as Knative sends them (opentelemetry-proto 1.x, ExportTraceServiceRequest). */
export function parseProtobufSpans(bytes: Uint8Array): ReceivedSpan[] {
  return messagesOf(bytes, 1).flatMap((resourceSpans) => {
    const [resource] = messagesOf(resourceSpans, 1);
    const service = resource ? String(readKeyValues(resource, 1)['service.name'] ?? '') : '';
    return messagesOf(resourceSpans, 2)
      .flatMap((scopeSpans) => messagesOf(scopeSpans, 2))
      .map((span) => readSpan(span, service));
  });
}

function readSpan(span: Uint8Array, service: string): ReceivedSpan {
  const [status] = messagesOf(span, 15);
  return {
    service,
    traceId: toHex(messagesOf(span, 1)[0]),
    spanId: toHex(messagesOf(span, 2)[0]),
    parentSpanId: toHex(messagesOf(span, 4)[0]),
    name: toText(messagesOf(span, 5)[0]),
    kind: numberOf(span, 6),
    attributes: readKeyValues(span, 9),
    links: messagesOf(span, 13).map((link) => ({
      traceId: toHex(messagesOf(link, 1)[0]),
      spanId: toHex(messagesOf(link, 2)[0]),
    })),
    status: status ? numberOf(status, 3) : 0,
  };
}

/** Attributes whose values are texts, booleans or whole numbers; others are left out. */
function readKeyValues(message: Uint8Array, field: number): Record<string, Value> {
  const read: Record<string, Value> = {};
  for (const pair of messagesOf(message, field)) {
    const [value] = messagesOf(pair, 2);
    const [first] = value ? fieldsOf(value) : [];
    const known = first && toValue(first);
    if (known !== undefined) read[toText(messagesOf(pair, 1)[0])] = known;
  }
  return read;
}

function toValue({ number, value, bytes }: Field): Value {
  if (number === 1) return toText(bytes);
  if (number === 2) return value === 1n;
  return number === 3 ? Number(value) : undefined;
}

interface Field {
  readonly number: number;
  readonly value: bigint;
  readonly bytes?: Uint8Array;
}

function messagesOf(message: Uint8Array, number: number): Uint8Array[] {
  return [...fieldsOf(message)].flatMap((field) =>
    field.number === number && field.bytes ? [field.bytes] : [],
  );
}

function numberOf(message: Uint8Array, number: number): number {
  return Number([...fieldsOf(message)].find((field) => field.number === number)?.value ?? 0n);
}

function* fieldsOf(message: Uint8Array): Generator<Field> {
  let at = 0;
  const varint = (): bigint => {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = message[at++];
      if (byte === undefined) throw new Error('the message ends within a number');
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
  };
  const take = (length: number): Uint8Array => {
    const bytes = message.subarray(at, at + length);
    if (bytes.length < length) throw new Error('the message ends within a field');
    at += length;
    return bytes;
  };
  while (at < message.length) {
    const tag = Number(varint());
    const number = tag >> 3;
    switch (tag & 7) {
      case 0:
        yield { number, value: varint() };
        break;
      case 1:
        yield { number, value: Buffer.from(take(8)).readBigUInt64LE() };
        break;
      case 2:
        yield { number, value: 0n, bytes: take(Number(varint())) };
        break;
      case 5:
        yield { number, value: BigInt(Buffer.from(take(4)).readUInt32LE()) };
        break;
      default:
        throw new Error(`wire type ${tag & 7} is not used by OTLP`);
    }
  }
}

function toHex(bytes: Uint8Array = new Uint8Array()): string {
  return Buffer.from(bytes).toString('hex');
}

function toText(bytes: Uint8Array = new Uint8Array()): string {
  return Buffer.from(bytes).toString('utf8');
}
