import { CloudEvent } from 'cloudevents';
import { describe, expect, test } from 'vitest';
import { listCapturedCases, readCapturedRequests } from '../../test/support/captured-events.ts';
import { maxBytes, receiveEvent } from './receive-event.ts';

const attributes = { 'ce-specversion': '1.0', 'ce-id': 'id', 'ce-source': '/source', 'ce-type': 'type' };
const event = { specversion: '1.0', id: 'id', source: '/source', type: 'type' };

function post(headers: Record<string, string>, body: Uint8Array | ReadableStream | null = null): Request {
  return new Request('http://function/', { method: 'POST', headers, body, duplex: 'half' });
}

/** Reads an event whose body is bytes, so that no content type is added on the way. */
function receive(headers: Record<string, string>, body = '') {
  return receiveEvent(post(headers, body === '' ? null : Buffer.from(body)));
}

describe('binary mode', () => {
  test.each([
    ['JSON', { 'content-type': 'application/json' }, '{"a":1}', { a: 1 }],
    ['JSON with a charset', { 'content-type': 'application/json; charset=utf-8' }, '{"a":1}', { a: 1 }],
    [
      'JSON with a charset without a blank',
      { 'content-type': 'application/json;charset=UTF-8' },
      '{"a":1}',
      { a: 1 },
    ],
    ['JSON in capitals', { 'content-type': 'Application/JSON; Charset="UTF-8"' }, '{"a":1}', { a: 1 }],
    ['JSON of a suffix', { 'content-type': 'application/vnd.kleym+json' }, '{"a":1}', { a: 1 }],
    ['JSON behind blanks', { 'content-type': 'application/json' }, ' \n {"a":1}', { a: 1 }],
    ['a JSON string', { 'content-type': 'application/json' }, '"a"', 'a'],
    ['a JSON string of JSON', { 'content-type': 'application/json' }, '"{\\"a\\":1}"', '{"a":1}'],
    ['a JSON number', { 'content-type': 'application/json' }, '5', 5],
    ['JSON null', { 'content-type': 'application/json' }, 'null', null],
    ['JSON without a content type', {}, '{"a":1}', { a: 1 }],
    ['text without a content type', {}, 'hello', 'hello'],
    ['text', { 'content-type': 'text/plain' }, '{"a":1}', '{"a":1}'],
    ['no body', { 'content-type': 'application/json' }, '', undefined],
    ['no body and no content type', {}, '', undefined],
    ['letters outside of ASCII', { 'content-type': 'application/json' }, '{"ä":"€😀"}', { ä: '€😀' }],
  ])('carries %s', async (_what, headers, body, data) => {
    expect(await receive({ ...attributes, ...headers }, body)).toMatchObject({
      kind: 'done',
      value: { ...event, data },
    });
  });

  test('carries bytes', async () => {
    const headers = { ...attributes, 'content-type': 'application/octet-stream' };
    const received = await receiveEvent(post(headers, new Uint8Array([0xff, 0])));
    expect(received).toMatchObject({ kind: 'done', value: { data: Buffer.from([0xff, 0]) } });
  });

  // JetStream channels add these, and CloudEvents' tracing extension forbids them.
  test('takes attributes without a value', async () => {
    const headers = { ...attributes, 'ce-traceparent': '', 'ce-tracestate': '', 'ce-namespace': '' };
    expect(await receive(headers)).toMatchObject({
      kind: 'done',
      value: { ...event, traceparent: '', tracestate: '', namespace: '' },
    });
  });

  test('takes header names in any case', async () => {
    const headers = {
      'Ce-SpecVersion': '1.0',
      'CE-ID': 'id',
      'cE-Source': '/source',
      'Ce-Type': 'type',
      'CE-Kind': 'Pod',
    };
    expect(await receive(headers)).toMatchObject({ kind: 'done', value: { ...event, kind: 'Pod' } });
  });

  test('keeps an empty extension, which says that an object has no namespace', async () => {
    expect(await receive({ ...attributes, 'ce-namespace': '' })).toMatchObject({ value: { namespace: '' } });
  });

  test('decodes header values', async () => {
    expect(await receive({ ...attributes, 'ce-subject': 'Gr%C3%BCn%20%25' })).toMatchObject({
      value: { subject: 'Grün %' },
    });
  });

  test.each([
    ['no attributes at all', {}, '', 'no specversion'],
    ['no version', { ...attributes, 'ce-specversion': '' }, '', 'no specversion'],
    ['no id', { ...attributes, 'ce-id': '' }, '', 'no id'],
    ['no source', { ...attributes, 'ce-source': '' }, '', 'no source'],
    ['no type', { ...attributes, 'ce-type': '' }, '', 'no type'],
    ['an old version', { ...attributes, 'ce-specversion': '0.3' }, '', 'specversion "0.3"'],
    ['a version to come', { ...attributes, 'ce-specversion': '2.0' }, '', 'specversion "2.0"'],
    [
      'a time that is none',
      { ...attributes, 'ce-time': 'yesterday' },
      '',
      'time must match format "date-time"',
    ],
    [
      'a source that is no URI',
      { ...attributes, 'ce-source': 'a b' },
      '',
      'source must match format "uri-reference"',
    ],
    [
      'an empty subject',
      { ...attributes, 'ce-subject': '' },
      '',
      'subject must NOT have fewer than 1 characters',
    ],
    [
      'a header that is not UTF-8',
      { ...attributes, 'ce-subject': '%C0%A0' },
      '',
      'header ce-subject: "%C0%A0"',
    ],
    ['an attribute with an invalid name', { ...attributes, 'ce-a_b': 'x' }, '', 'an attribute named "a_b"'],
    ['data as an attribute', { ...attributes, 'ce-data': 'x' }, '', 'an attribute named "data"'],
    ['a prototype', { ...attributes, 'ce-__proto__': 'x' }, '', 'an attribute named "__proto__"'],
    [
      'an attribute that hides a method of the library',
      { ...attributes, 'ce-validate': 'x' },
      '',
      'an attribute with an invalid name',
    ],
    [
      'text for JSON',
      { ...attributes, 'content-type': 'application/json' },
      'secret',
      '6 bytes of other text',
    ],
    ['half of JSON', { ...attributes, 'content-type': 'application/json' }, '{"a":', '5 bytes of other text'],
    [
      'a charset that is not read',
      { ...attributes, 'content-type': 'application/json; charset=utf-16' },
      '{}',
      'charset "utf-16"',
    ],
    [
      'a batch',
      { ...attributes, 'content-type': 'application/cloudevents-batch+json' },
      '[]',
      'content type "application/cloudevents-batch+json"',
    ],
    [
      'a format that is not read',
      { ...attributes, 'content-type': 'application/cloudevents+avro' },
      'x',
      'content type "application/cloudevents+avro"',
    ],
  ])('with %s is refused', async (_what, headers, body, found) => {
    expect(await receive(headers, body)).toMatchObject({
      kind: 'refused-event',
      found,
      expected: expect.any(String),
    });
  });

  test.each([
    ['100 characters', 97, `header ce-${'n'.repeat(97)}: "%C0%A0"`],
    ['of longer ones the first 100', 98, `header ce-${'n'.repeat(97)}…: "%C0%A0"`],
  ])('has of the name of a header in a refusal %s', async (_what, length, found) => {
    const headers = { ...attributes, [`ce-${'n'.repeat(length)}`]: '%C0%A0' };
    expect(await receive(headers)).toMatchObject({ kind: 'refused-event', found });
  });

  test.each([
    ['JSON', 'application/json'],
    ['text', 'text/plain'],
    ['something', undefined],
  ])('with bytes that are not UTF-8 for %s is refused', async (_what, contentType) => {
    const headers = { ...attributes, ...(contentType && { 'content-type': contentType }) };
    const received = await receiveEvent(post(headers, new Uint8Array([0x22, 0xff, 0x22])));
    expect(received).toMatchObject({ kind: 'refused-event', found: 'bytes that are not UTF-8' });
  });

  test('with a prototype in its data changes no prototype', async () => {
    const received = await receive(
      { ...attributes, 'content-type': 'application/json' },
      '{"__proto__":{"polluted":true},"a":1}',
    );
    expect(received).toMatchObject({ kind: 'done', value: { data: { a: 1 } } });
    expect(Reflect.get({}, 'polluted')).toBeUndefined();
  });

  test('with data nested a million deep is read', async () => {
    const body = '['.repeat(1_000_000) + ']'.repeat(1_000_000);
    expect(await receive({ ...attributes, 'content-type': 'application/json' }, body)).toHaveProperty(
      'kind',
      'done',
    );
  });
});

describe('structured mode', () => {
  const structured = { 'content-type': 'application/cloudevents+json' };

  test.each([
    'application/cloudevents+json',
    'application/cloudevents+json; charset=utf-8',
    'application/cloudevents+json;charset=UTF-8',
    'Application/CloudEvents+JSON; charset="utf-8"',
  ])('is known by the content type %s', async (contentType) => {
    const body = JSON.stringify({ ...event, subject: 'Grün', namespace: '', data: { a: '€' } });
    const value = { ...event, subject: 'Grün', namespace: '', data: { a: '€' } };
    expect(await receive({ 'content-type': contentType }, body)).toMatchObject({ kind: 'done', value });
  });

  test.each([
    ['no data', {}, undefined],
    ['null', { data: null }, null],
    [
      'a string, which is not parsed again',
      { data: '{"a":1}', datacontenttype: 'application/json' },
      '{"a":1}',
    ],
    ['JSON in base64', { data_base64: 'eyJhIjoxfQ==', datacontenttype: 'application/json' }, { a: 1 }],
    ['text in base64', { data_base64: 'aGVsbG8=', datacontenttype: 'text/plain' }, 'hello'],
    ['bytes in base64', { data_base64: 'AP8=' }, Buffer.from([0, 0xff])],
    ['an attribute that is null, and so is not there', { subject: null, data: 1 }, 1],
  ])('carries %s', async (_what, members, data) => {
    const received = await receive(structured, JSON.stringify({ ...event, ...members }));
    expect(received).toMatchObject({ kind: 'done', value: { ...event, data } });
  });

  test.each([
    ['nothing', '', 'the body is not JSON'],
    ['half of it', '{"specversion":', 'the body is not JSON'],
    ['an array', JSON.stringify([event]), 'not a CloudEvent'],
    ['null', 'null', 'not a CloudEvent'],
    ['a string', '"event"', 'not a CloudEvent'],
    ['no id', JSON.stringify({ ...event, id: undefined }), 'not a CloudEvent'],
    ['an id that is a number', JSON.stringify({ ...event, id: 5 }), 'not a CloudEvent'],
    ['an old version', JSON.stringify({ ...event, specversion: '0.3' }), 'not a CloudEvent'],
    ['a version that is a number', JSON.stringify({ ...event, specversion: 1 }), 'not a CloudEvent'],
    ['an attribute with structure', JSON.stringify({ ...event, extension: { a: 1 } }), 'not a CloudEvent'],
    ['an attribute in capitals', JSON.stringify({ ...event, Kind: 'Pod' }), 'not a CloudEvent'],
    [
      'a prototype',
      '{"specversion":"1.0","id":"id","source":"/","type":"t","__proto__":{"a":1}}',
      'not a CloudEvent',
    ],
    ['data twice', JSON.stringify({ ...event, data: 1, data_base64: 'AA==' }), 'not a CloudEvent'],
    ['base64 that is none', JSON.stringify({ ...event, data_base64: 'not base64!' }), 'not a CloudEvent'],
    ['base64 that is a number', JSON.stringify({ ...event, data_base64: 5 }), 'not a CloudEvent'],
    [
      'base64 that is not the JSON it says',
      JSON.stringify({ ...event, data_base64: 'aGVsbG8=', datacontenttype: 'application/json' }),
      'the body is not JSON',
    ],
  ])('with %s is refused', async (_what, body, error) => {
    expect(await receive(structured, body)).toMatchObject({ kind: 'refused-event', error });
  });

  test.each([
    ['100 characters', 100, `${'n'.repeat(100)} that is an object or a list`],
    ['of longer ones the first 100', 101, `${'n'.repeat(100)}… that is an object or a list`],
  ])('has of the name of an attribute in a refusal %s', async (_what, length, found) => {
    const body = JSON.stringify({ ...event, ['n'.repeat(length)]: { a: 1 } });
    expect(await receive(structured, body)).toMatchObject({ kind: 'refused-event', found });
  });

  test.each([
    ['100 attributes', 96, 'done'],
    ['not 101', 97, 'refused-event'],
  ])('may have %s', async (_what, count, kind) => {
    const members = Object.fromEntries(Array.from({ length: count }, (_, index) => [`n${index}`, 'x']));
    expect(await receive(structured, JSON.stringify({ ...event, ...members }))).toHaveProperty('kind', kind);
  });

  test.each([
    ['4096 characters', 4096, { kind: 'done' }],
    ['not 4097', 4097, { kind: 'refused-event', found: 'id of 4097 characters' }],
  ])('may have in an attribute %s', async (_what, length, expected) => {
    const body = JSON.stringify({ ...event, id: 'i'.repeat(length) });
    expect(await receive(structured, body)).toMatchObject(expected);
  });

  test('is read as an event of the library', async () => {
    const received = await receive(structured, JSON.stringify(event));
    expect(received.kind === 'done' && received.value).toBeInstanceOf(CloudEvent);
  });
});

describe('the size of a request', () => {
  const json = { ...attributes, 'content-type': 'application/json' };

  test('may be 2 MiB', async () => {
    expect(await receive(json, JSON.stringify('x'.repeat(maxBytes - 2)))).toHaveProperty('kind', 'done');
  });

  test('may not be more', async () => {
    expect(await receive(json, JSON.stringify('x'.repeat(maxBytes - 1)))).toEqual({
      kind: 'too-large',
      limit: maxBytes,
    });
  });

  test('is refused unread where it is declared', async () => {
    let pulled = 0;
    const body = new ReadableStream({ pull: () => void pulled++ }, { highWaterMark: 0 });
    expect(
      await receiveEvent(post({ ...json, 'content-length': String(maxBytes + 1) }, body)),
    ).toHaveProperty('kind', 'too-large');
    expect(pulled).toBe(0);
  });

  test.each([
    ['not declared', {}],
    ['declared as less', { 'content-length': '10' }],
  ])(
    'is counted while it is read where it is %s, and no more is read than the limit',
    async (_what, headers) => {
      const chunk = new Uint8Array(64 * 1024).fill(0x20);
      let pulled = 0;
      const endless = new ReadableStream<Uint8Array>({
        pull: (controller) => {
          pulled += chunk.length;
          controller.enqueue(chunk);
        },
      });
      expect(await receiveEvent(post({ ...json, ...headers }, endless))).toHaveProperty('kind', 'too-large');
      expect(pulled).toBeLessThanOrEqual(maxBytes + 3 * chunk.length);
    },
  );

  test('is no reason to fail when the sender goes away', async () => {
    const broken = new ReadableStream({ pull: (controller) => controller.error(new Error('gone')) });
    expect(await receiveEvent(post(json, broken))).toMatchObject({
      kind: 'refused-event',
      error: 'the request ended early',
    });
  });
});

describe("the ticks of Knative's PingSource", () => {
  const ticks = {
    'ping.data-without-contenttype': { a: 1 },
    'ping.json': { sweep: true },
    'ping.nodata': undefined,
    'ping.over': undefined,
    'ping.retried': { a: 1 },
    'ping.text': 'hello',
  };

  test('are all known', () => {
    expect(listCapturedCases().filter((name) => name.startsWith('ping.'))).toEqual(Object.keys(ticks));
  });

  test.each(Object.entries(ticks))('%s is read', async (name, data) => {
    for (const { rawHeaders, body } of readCapturedRequests(name)) {
      const received = await receive(Object.fromEntries(rawHeaders), body);
      expect(received).toMatchObject({ kind: 'done', value: { type: 'dev.knative.sources.ping', data } });
    }
  });
});
