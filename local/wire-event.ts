import type { CloudEvent } from 'cloudevents';

/**
 * A CloudEvent as a broker carries it: attributes and extensions as text, the data as bytes that nobody reads.
 * Parsing data on the way would change it, and an event without a content type would come out with one.
 */
export interface WireEvent {
  readonly attributes: Readonly<Record<string, string>>;
  readonly body: Uint8Array<ArrayBuffer>;
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

const NOT_ATTRIBUTES = new Set(['data', 'data_base64', 'datacontentencoding']);
const ATTRIBUTE_NAME = /^[a-z0-9]+$/;
const STRUCTURED = 'application/cloudevents';

/** Converts the SDK's event to the form in which it travels. */
export function toWireEvent(event: CloudEvent<unknown>): WireEvent {
  const attributes: Record<string, string> = {};
  for (const [name, value] of Object.entries(event)) {
    if (NOT_ATTRIBUTES.has(name) || value === undefined || value === null) continue;
    attributes[name] = typeof value === 'string' ? value : JSON.stringify(value).replaceAll('"', '');
  }
  return { attributes, body: toBytes(event.data) };
}

function toBytes(data: unknown): Uint8Array<ArrayBuffer> {
  if (data === undefined) return new Uint8Array();
  if (typeof data === 'string') return copyBytes(Buffer.from(data));
  if (ArrayBuffer.isView(data))
    return copyBytes(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  return copyBytes(Buffer.from(JSON.stringify(data)));
}

function copyBytes(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(bytes);
}

/** Converts an event to an HTTP message in binary mode. */
export function toHttpMessage(event: WireEvent): HttpMessage {
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(event.attributes)) {
    if (name === 'datacontenttype') headers['content-type'] = value;
    else headers[`ce-${name}`] = toHeaderValue(value);
  }
  return { headers, body: event.body };
}

// Knative's own senders write values as they are; only what no header can carry is percent-encoded, as the HTTP binding says.
function toHeaderValue(value: string): string {
  return value.replaceAll(/[^\u0020-\u007e]/gu, (character) => encodeURIComponent(character.toWellFormed()));
}

/** Parses an HTTP message in binary or structured mode; header names must be in lower case. */
export function parseHttpMessage(headers: Iterable<[string, string]>, body: Uint8Array): ParsedMessage {
  const byName = new Map(headers);
  const contentType = byName.get('content-type');
  if (contentType?.startsWith(`${STRUCTURED}-batch`)) {
    return malformed('a batch of events; send one event a request');
  }
  if (contentType?.startsWith(STRUCTURED)) return parseStructured(body);
  if (!byName.get('ce-specversion')) return { kind: 'no-event' };

  const attributes: Record<string, string> = {};
  for (const [name, value] of byName) {
    if (name.startsWith('ce-')) attributes[name.slice('ce-'.length)] = value;
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
    if (NOT_ATTRIBUTES.has(name) || value === null) continue;
    if (typeof value === 'object') return malformed(`attribute ${name} is an object; attributes are text`);
    attributes[name] = String(value);
  }
  return validate({ attributes, body: structuredData(parsed, attributes) });
}

function structuredData(parsed: object, attributes: Record<string, string>): Uint8Array<ArrayBuffer> {
  if ('data_base64' in parsed) return copyBytes(Buffer.from(String(parsed.data_base64), 'base64'));
  if (!('data' in parsed) || parsed.data === undefined) return new Uint8Array();
  attributes['datacontenttype'] ??= 'application/json';
  const isJson = /[/+]json\b/.test(attributes['datacontenttype']);
  return toBytes(typeof parsed.data === 'string' && !isJson ? parsed.data : JSON.stringify(parsed.data));
}

function validate(event: WireEvent): ParsedMessage {
  const { attributes } = event;
  for (const name of ['id', 'source', 'type']) {
    if (!attributes[name]) return malformed(`attribute ${name} is missing`);
  }
  if (attributes['specversion'] !== '1.0') {
    return malformed(`specversion is ${JSON.stringify(attributes['specversion'])}, expected "1.0"`);
  }
  const wrongName = Object.keys(attributes).find((name) => !ATTRIBUTE_NAME.test(name));
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
