import type { CloudEvent } from 'cloudevents';

/**
 * A CloudEvent as a broker carries it: attributes and extensions as text, the data as bytes that nobody reads.
 * Parsing data on the way would change it, and an event without a content type would come out with one.
 */
export interface WireEvent {
  readonly attributes: Readonly<Record<string, string>>;
  readonly body: Uint8Array<ArrayBuffer>;
  /** The headers of W3C Trace Context with which it came. Knative's parts hand them on from request to request. */
  readonly trace?: Readonly<Record<string, string>>;
}

export interface HttpMessage {
  readonly headers: Record<string, string>;
  readonly body: Uint8Array<ArrayBuffer>;
}

/** What an HTTP message held: an event, nothing that claims to be one, or one that is broken. */
export type ParsedMessage =
  | { readonly kind: 'event'; readonly event: WireEvent }
  | { readonly kind: 'no-event' }
  | { readonly kind: 'malformed'; readonly reason: string };

const notAttributes = new Set(['data', 'data_base64', 'datacontentencoding']);
const attributeName = /^[a-z0-9]+$/;
const structured = 'application/cloudevents';
const utf8 = new TextEncoder();

/** Converts the SDK's event to the form in which it travels. */
export function toWireEvent(event: CloudEvent<unknown>): WireEvent {
  const attributes: Record<string, string> = {};
  for (const [name, value] of Object.entries(event)) {
    if (notAttributes.has(name) || value === undefined || value === null) continue;
    attributes[name] = typeof value === 'string' ? value : JSON.stringify(value).replaceAll('"', '');
  }
  return { attributes, body: toBytes(event.data) };
}

function toBytes(data: unknown): Uint8Array<ArrayBuffer> {
  if (data === undefined) return new Uint8Array();
  if (typeof data === 'string') return utf8.encode(data);
  if (ArrayBuffer.isView(data))
    return copyBytes(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  return utf8.encode(JSON.stringify(data));
}

function copyBytes(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  return new Uint8Array(bytes);
}

/** Converts an event to an HTTP message in binary mode. */
export function toHttpMessage(event: WireEvent): HttpMessage {
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(event.attributes)) {
    if (name === 'datacontenttype') headers['content-type'] = value;
    else headers[`ce-${name}`] = toHeaderValue(value);
  }
  return { headers: { ...headers, ...event.trace }, body: event.body };
}

// Knative writes values as they are, in UTF-8; node takes and gives the bytes of a header as characters up to U+00FF.
// Control characters, which no header can carry, are percent-encoded, as the HTTP binding says.
function toHeaderValue(value: string): string {
  if (/^[\x20-\x7e]*$/.test(value)) return value;
  const carried = value.replaceAll(/\p{Cc}/gu, (character) => encodeURIComponent(character));
  return Buffer.from(carried).toString('latin1');
}

function fromHeaderValue(value: string): string {
  return Buffer.from(value, 'latin1').toString();
}

/** Parses an HTTP message in binary or structured mode; header names must be in lower case. */
export function parseHttpMessage(headers: Iterable<[string, string]>, body: Uint8Array): ParsedMessage {
  const byName = new Map(headers);
  const parsed = parseEvent(byName, body);
  if (parsed.kind !== 'event') return parsed;
  const trace = [...byName].filter(([name]) => name === 'traceparent' || name === 'tracestate');
  return trace.length === 0
    ? parsed
    : { kind: 'event', event: { ...parsed.event, trace: Object.fromEntries(trace) } };
}

function parseEvent(byName: ReadonlyMap<string, string>, body: Uint8Array): ParsedMessage {
  const contentType = byName.get('content-type');
  if (contentType?.startsWith(`${structured}-batch`)) {
    return malformed('a batch of events; send one event a request');
  }
  if (contentType?.startsWith(structured)) return parseStructured(body);
  // A version that nobody knows makes no broken event, but none: such an answer may even be an empty one.
  if (byName.get('ce-specversion') !== '1.0') return { kind: 'no-event' };
  if (byName.get('ce-id') === '') return malformed('attribute id is empty');

  const attributes: Record<string, string> = {};
  for (const [name, value] of byName) {
    if (name.startsWith('ce-')) attributes[name.slice('ce-'.length)] = fromHeaderValue(value);
  }
  if (contentType !== undefined) attributes['datacontenttype'] = contentType;
  return validate({ attributes, body: copyBytes(body) });
}

function parseStructured(body: Uint8Array): ParsedMessage {
  let parsed: unknown;
  try {
    parsed = JSON.parse(new TextDecoder().decode(body));
  } catch (error) {
    return malformed(`the content type says CloudEvent, the body is not JSON: ${String(error)}`);
  }
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) {
    return malformed('the content type says CloudEvent, the body is not a JSON object');
  }
  const attributes: Record<string, string> = {};
  for (const [name, value] of Object.entries(parsed)) {
    if (notAttributes.has(name) || value === null) continue;
    if (typeof value === 'object') return malformed(`attribute ${name} is an object; attributes are text`);
    attributes[name] = String(value);
  }
  const data = toStructuredData(parsed, attributes['datacontenttype']);
  if (data) return validate({ attributes, body: data });
  return malformed(`data of type ${attributes['datacontenttype']} is JSON, expected a string`);
}

// What Knative takes for JSON: nothing of the form `+json`. Data without a content type is JSON, and stays without one.
const jsonTypes = ['application/json', 'text/json'];

function toStructuredData(
  parsed: object,
  contentType = 'application/json',
): Uint8Array<ArrayBuffer> | undefined {
  if ('data_base64' in parsed) return copyBytes(Buffer.from(String(parsed.data_base64), 'base64'));
  if (!('data' in parsed)) return new Uint8Array();
  const { data } = parsed;
  if (jsonTypes.includes(contentType.split(';', 1)[0]?.trim() ?? '')) return toBytes(JSON.stringify(data));
  return typeof data === 'string' ? toBytes(data) : undefined;
}

/** The attribute that an event lacks, of those that each must have. A Broker refuses it where it enters, not before. */
export function findMissing({ attributes }: WireEvent): string | undefined {
  return ['id', 'source', 'type'].find((name) => !attributes[name]);
}

function validate(event: WireEvent): ParsedMessage {
  const { attributes } = event;
  if (attributes['specversion'] !== '1.0') {
    return malformed(`specversion is ${JSON.stringify(attributes['specversion'])}, expected "1.0"`);
  }
  const wrongName = Object.keys(attributes).find((name) => !attributeName.test(name));
  if (wrongName !== undefined) {
    return malformed(`attribute name ${JSON.stringify(wrongName)}; names are lower-case letters and digits`);
  }
  if (attributes['time'] !== undefined && Number.isNaN(Date.parse(attributes['time']))) {
    return malformed(`time ${JSON.stringify(attributes['time'])} is not an RFC 3339 timestamp`);
  }
  return { kind: 'event', event };
}

function malformed(reason: string): ParsedMessage {
  return { kind: 'malformed', reason };
}
