import { CloudEvent } from 'cloudevents';
import { describe, expect, test } from 'vitest';
import { findMissing, parseHttpMessage, toHttpMessage, toWireEvent } from './wire-event.ts';

const required = { 'ce-specversion': '1.0', 'ce-id': '1', 'ce-source': '/s', 'ce-type': 't' };
const attributes = { specversion: '1.0', id: '1', source: '/s', type: 't' };

function parse(headers: Record<string, string>, body = '') {
  return parseHttpMessage(Object.entries(headers), Buffer.from(body));
}

test('data passes through a broker byte for byte', () => {
  const body = '{ "a" : 1.0, "b":"\\u00e9" }';
  const message = parse({ ...required, 'content-type': 'application/json;charset=UTF-8' }, body);
  if (message.kind !== 'event') throw new Error(JSON.stringify(message));
  const sent = toHttpMessage(message.event);
  expect(Buffer.from(sent.body).toString()).toBe(body);
  expect(sent.headers).toEqual({ ...required, 'content-type': 'application/json;charset=UTF-8' });
});

test('an event without a content type gets none on the way', () => {
  const message = parse(required, '{"a":1}');
  if (message.kind !== 'event') throw new Error(JSON.stringify(message));
  expect(toHttpMessage(message.event).headers).not.toHaveProperty('content-type');
});

test('an empty attribute stays, as the namespace of cluster-scoped objects', () => {
  expect(parse({ ...required, 'ce-namespace': '' })).toMatchObject({
    event: { attributes: { namespace: '' } },
  });
});

test('headers that are no attributes are left behind', () => {
  expect(parse({ ...required, prefer: 'reply', 'kn-namespace': 'x' })).toMatchObject({
    event: { attributes: attributes },
  });
});

test('a structured event becomes the same as a binary one', () => {
  const structured = {
    ...attributes,
    namespace: '',
    attempts: 3,
    datacontenttype: 'application/json',
    data: { a: [1] },
  };
  for (const contentType of ['application/cloudevents+json', 'application/cloudevents+json; charset=UTF-8']) {
    expect(parse({ 'content-type': contentType }, JSON.stringify(structured))).toEqual({
      kind: 'event',
      event: {
        attributes: { ...attributes, namespace: '', attempts: '3', datacontenttype: 'application/json' },
        body: Uint8Array.from(Buffer.from('{"a":[1]}')),
      },
    });
  }
});

test.each([
  ['text', { datacontenttype: 'text/plain', data: 'hello' }, 'hello'],
  ['a JSON string', { datacontenttype: 'application/json', data: 'hello' }, '"hello"'],
  ['base64', { datacontenttype: 'image/png', data_base64: 'aGVsbG8=' }, 'hello'],
  ['nothing', {}, ''],
])('structured data that is %s', (_, parts, body) => {
  const message = parse(
    { 'content-type': 'application/cloudevents+json' },
    JSON.stringify({ ...attributes, ...parts }),
  );
  if (message.kind !== 'event') throw new Error(JSON.stringify(message));
  expect(Buffer.from(message.event.body).toString()).toBe(body);
});

describe('what is not an event', () => {
  test.each([
    ['no attributes', { 'content-type': 'application/json' }, 'no-event'],
    ['nothing at all', {}, 'no-event'],
    ['attributes without specversion', { 'ce-id': '1', 'ce-type': 't', 'ce-source': '/s' }, 'no-event'],
    ['another specversion', { ...required, 'ce-specversion': '2.0' }, 'no-event'],
    ['an empty id', { ...required, 'ce-id': '' }, 'malformed'],
    ['a time that is none', { ...required, 'ce-time': 'soon' }, 'malformed'],
    ['an attribute with a dash', { ...required, 'ce-my-thing': '1' }, 'malformed'],
    ['a batch', { 'content-type': 'application/cloudevents-batch+json' }, 'malformed'],
    ['structured, not JSON', { 'content-type': 'application/cloudevents+json' }, 'malformed'],
  ])('%s', (_, headers, kind) => {
    expect(parse(headers, '[').kind).toBe(kind);
  });
});

test.each([
  ['id', { 'ce-specversion': '1.0', 'ce-source': '/s', 'ce-type': 't' }],
  ['source', { ...required, 'ce-source': '' }],
  ['type', { 'ce-specversion': '1.0', 'ce-id': '1', 'ce-source': '/s' }],
])('an event without its %s can be read, and it is told what is missing', (name, headers) => {
  const message = parse(headers, '');
  if (message.kind !== 'event') throw new Error(JSON.stringify(message));
  expect(findMissing(message.event)).toBe(name);
});

test('a value travels in UTF-8, and what no header can carry is percent-encoded', () => {
  const { headers } = toHttpMessage({
    attributes: { ...attributes, subject: 'a b/é\n' },
    body: new Uint8Array(),
  });
  expect(headers['ce-subject']).toBe('a b/\u00C3\u00A9%0A');
  const message = parse(headers, '');
  expect(message.kind === 'event' && message.event.attributes['subject']).toBe('a b/é%0A');
});

test.each([
  ['an object', { data: { a: 1 }, datacontenttype: 'application/json' }, '{"a":1}'],
  ['text', { data: 'hello', datacontenttype: 'text/plain' }, 'hello'],
  ['bytes', { data: Buffer.from('hello') }, 'hello'],
  ['nothing', {}, ''],
])('an event of the SDK with %s as data', (_, parts, body) => {
  const event = new CloudEvent<unknown>({
    ...attributes,
    time: '2026-01-01T00:00:00.000Z',
    count: 3,
    final: true,
    ...parts,
  });
  const wire = toWireEvent(event);
  expect(Buffer.from(wire.body).toString()).toBe(body);
  expect(wire.attributes).toEqual({
    ...attributes,
    time: '2026-01-01T00:00:00.000Z',
    count: '3',
    final: 'true',
    ...('datacontenttype' in parts ? { datacontenttype: parts.datacontenttype } : {}),
  });
});
