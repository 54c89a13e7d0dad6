import { CloudEvent, ValidationError } from 'cloudevents';
import { type Waiting, done } from '../api/outcome.ts';
import { type RefusedEvent, type TooLarge, refusedEvent } from './answers.ts';
import { type Parsed, parseData, parseJsonBody, toMediaType } from './parse-data.ts';
import { decodeHeaderValue } from './header-values.ts';
import type { EventRequest, RequestHeaders } from './http-answer.ts';
import { shorten } from '../text/shorten.ts';
import { quote } from './quote.ts';
import { declaredLength, readBody } from './read-body.ts';

/**
 * etcd takes no object of more than 1.5 MiB, and custom resources are stored as the JSON that an event carries. The rest is
 * for a definition's defaults, which are added when an object is read. Our own events have at most 768 KiB (cut-names.ts).
 */
export const maxBytes = 2 * 1024 * 1024;

/** To send 2 MiB takes a fraction of a second. Whoever is slower has stalled, and its sender repeats what is answered 503. */
const bodyMs = 10_000;

/**
 * How many bytes a body may take in memory. Of one that is too large nothing is read; one that does not say its length may
 * have all that is allowed.
 */
export function toRoomFor(request: EventRequest): number {
  if (!request.body) return 0;
  const declared = declaredLength(request);
  if (declared > maxBytes) return 0;
  return declared >= 0 ? declared : maxBytes;
}

// Headers have room for 16 kB together (Node's limit); in the structured mode attributes are a part of the body, and could
// be all of it. Knative's have less than 20, of which a name of 253 characters with its path is the longest.
const mostAttributes = 100;
const longestAttribute = 4096;

// Names of attributes are the sender's, too.
const longestName = 100;

const notAnEvent = 'not a CloudEvent';
const required = ['specversion', 'id', 'source', 'type'] as const;

/**
 * The one CloudEvent that a request carries, in either content mode. The library's parser is not asked, only its
 * validation, because that parser invents what is missing (id, version, time), takes text that is not JSON for a JSON
 * string, compares content types letter by letter and decodes no header value.
 */
export async function receiveEvent(
  request: EventRequest,
  /** Hears how long the body was, when it is read. */
  onRead: (bytes: number) => void = () => {},
): Promise<Parsed<CloudEvent<unknown>> | TooLarge | Waiting> {
  const body = await readBody(request, { bytes: maxBytes, ms: bodyMs });
  if (body.kind !== 'done') return body;
  onRead(body.value.length);

  const contentType = request.headers.get('content-type') ?? undefined;
  const mode = toMode(toMediaType(contentType));
  if (mode === 'binary') return fromBinaryMode(request.headers, contentType, body.value);
  if (mode === 'structured') return fromStructuredMode(contentType, body.value);
  return refusedEvent(notAnEvent, {
    found: `content type ${quote(contentType)}`,
    expected: 'one event, in binary mode or as application/cloudevents+json',
  });
}

function toMode(mediaType: string | undefined): 'binary' | 'structured' | 'unknown' {
  if (mediaType === 'application/cloudevents+json' || mediaType === 'application/cloudevents')
    return 'structured';
  return mediaType?.startsWith('application/cloudevents') ? 'unknown' : 'binary';
}

function fromBinaryMode(
  headers: RequestHeaders,
  contentType: string | undefined,
  body: Uint8Array,
): Parsed<CloudEvent<unknown>> {
  const attributes = new Map<string, unknown>();
  for (const [header, value] of headers) {
    if (!header.startsWith('ce-')) continue;
    const decoded = decodeHeaderValue(value);
    if (decoded === undefined) {
      return refusedEvent(notAnEvent, {
        found: `header ${shorten(header, longestName)}: ${quote(value)}`,
        expected: 'percent-encoded UTF-8',
      });
    }
    attributes.set(header.slice('ce-'.length), decoded);
  }
  if (contentType !== undefined) attributes.set('datacontenttype', contentType);
  return toEvent(attributes, () => parseData(body, contentType));
}

function fromStructuredMode(contentType: string | undefined, body: Uint8Array): Parsed<CloudEvent<unknown>> {
  const json = parseJsonBody(body, contentType);
  if (json.kind !== 'done') return json;
  const { value } = json;
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return refusedEvent(notAnEvent, {
      found: Array.isArray(value) ? 'a JSON array' : 'a plain JSON value',
      expected: 'a JSON object',
    });
  }
  // The JSON event format takes null for an attribute that is not there.
  const members = new Map(
    Object.entries(value).filter(([name, member]) => name === 'data' || member !== null),
  );
  const data: unknown = members.get('data');
  const base64: unknown = members.get('data_base64');
  const dataContentType: unknown = members.get('datacontenttype');
  members.delete('data');
  members.delete('data_base64');
  if (base64 === undefined) return toEvent(members, () => done(data));
  return toEvent(members, () =>
    parseBase64(base64, data, typeof dataContentType === 'string' ? dataContentType : undefined),
  );
}

function toEvent(
  attributes: ReadonlyMap<string, unknown>,
  readData: () => Parsed<unknown>,
): Parsed<CloudEvent<unknown>> {
  const wrong = findWrongAttribute(attributes);
  if (wrong) return wrong;
  const data = readData();
  if (data.kind !== 'done') return data;
  try {
    return done(new CloudEvent<unknown>({ ...Object.fromEntries(attributes), data: data.value }));
  } catch (error) {
    return refusedEvent(notAnEvent, {
      found: toViolation(error),
      expected: 'valid attributes of CloudEvents 1.0',
    });
  }
}

function findWrongAttribute(attributes: ReadonlyMap<string, unknown>): RefusedEvent | undefined {
  const missing = required.find((name) => !attributes.get(name));
  if (missing)
    return refusedEvent(notAnEvent, {
      found: `no ${missing}`,
      expected: `the attributes ${required.join(', ')}`,
    });
  if (attributes.get('specversion') !== '1.0') {
    const found = `specversion ${quote(attributes.get('specversion'))}`;
    return refusedEvent(notAnEvent, { found, expected: 'specversion "1.0"' });
  }
  if (attributes.size > mostAttributes) {
    const expected = `at most ${mostAttributes}`;
    return refusedEvent(notAnEvent, { found: `${attributes.size} attributes`, expected });
  }
  for (const [name, value] of attributes) {
    if (typeof value === 'string' && value.length > longestAttribute) {
      return refusedEvent(notAnEvent, {
        found: `${shorten(name, longestName)} of ${value.length} characters`,
        expected: `at most ${longestAttribute}`,
      });
    }
    if (!/^[a-z0-9]+$/.test(name) || name === 'data') {
      const expected = 'names of lower-case letters and digits';
      return refusedEvent(notAnEvent, { found: `an attribute named ${quote(name)}`, expected });
    }
    if (typeof value === 'object')
      return refusedEvent(notAnEvent, {
        found: `${shorten(name, longestName)} that is an object or a list`,
        expected: `a plain value`,
      });
  }
  return undefined;
}

function parseBase64(base64: unknown, data: unknown, contentType: string | undefined): Parsed<unknown> {
  if (data !== undefined)
    return refusedEvent(notAnEvent, { found: 'data and data_base64', expected: 'one of them' });
  const bytes = Buffer.from(String(base64), 'base64');
  // Buffer.from skips what is not base64, so only the way back tells.
  if (bytes.toString('base64') !== base64) {
    return refusedEvent(notAnEvent, {
      found: 'data_base64 that is not base64',
      expected: 'padded base64 text',
    });
  }
  return parseData(bytes, contentType ?? 'application/octet-stream');
}

function toViolation(error: unknown): string {
  if (!(error instanceof ValidationError) || !Array.isArray(error.errors))
    return 'an attribute with an invalid name';
  const violations: readonly unknown[] = error.errors;
  return violations.map(toViolationText).join('; ') || error.message;
}

function toViolationText(violation: unknown): string {
  if (typeof violation !== 'object' || violation === null) return String(violation);
  const { instancePath, message } = violation as {
    readonly instancePath?: string;
    readonly message?: string;
  };
  return `${instancePath?.slice(1) ?? ''} ${message ?? ''}`.trim();
}
