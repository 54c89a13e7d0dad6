import { expect, test } from 'vitest';
import { toHeaders } from './flow-client.ts';
import type { Received } from './recording-subscriber.ts';
import type { OpenFlow } from './delivery-specification.ts';

const traced = { specversion: '1.0', source: '/test', type: 'wanted' };

/** What is left of an event when it arrives. */
export function describePassing(openFlow: OpenFlow): void {
  const client = openFlow({ name: 'passing', brokers: { entry: {} }, triggers: { f: {} } });
  const passed = async (id: string): Promise<Received> => {
    const [first] = await client().received('f', id);
    if (first === undefined) throw new Error(`${id} did not arrive`);
    return first;
  };

  test('a subscriber gets the trace context of the request with which the event came', async () => {
    const trace = {
      traceparent: '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01',
      tracestate: 'vendor=1',
    };
    await client().request({ headers: { ...toHeaders({ ...traced, id: 'traced' }), ...trace } });
    expect((await passed('traced')).headers).toMatchObject(trace);
  });

  test('a subscriber gets no trace context where the event came without one', async () => {
    await client().send({ id: 'untraced' });
    const { headers } = await passed('untraced');
    expect(headers).not.toHaveProperty('traceparent');
    expect(headers['ce-traceparent'] ?? '').toBe('');
  });

  test('a subscriber gets the event in binary mode, with all attributes, the arrival time and Prefer: reply', async () => {
    await client().send(
      {
        id: 'whole',
        source: 'https://10.96.0.1:443',
        type: 'dev.knative.apiserver.resource.update',
        subject: '/apis/spire.spiffe.io/v1alpha1/namespaces//clusterspiffeids/a',
        datacontenttype: 'application/json',
        dataschema: 'http://example.org/schema',
        name: 'a',
        flag: 'true',
        number: '42',
      },
      '{ "a": 1.0 }',
    );
    const { method, headers, body } = await passed('whole');
    expect(method).toBe('POST');
    expect(ownHeaders(headers)).toEqual({
      ...client().traits.addedHeaders,
      'ce-specversion': '1.0',
      'ce-id': 'whole',
      'ce-source': 'https://10.96.0.1:443',
      'ce-type': 'dev.knative.apiserver.resource.update',
      'ce-subject': '/apis/spire.spiffe.io/v1alpha1/namespaces//clusterspiffeids/a',
      'ce-dataschema': 'http://example.org/schema',
      'ce-name': 'a',
      'ce-flag': 'true',
      'ce-number': '42',
      'ce-knativearrivaltime': headers['ce-knativearrivaltime'],
      'content-type': 'application/json',
      prefer: 'reply',
    });
    expect(headers['ce-knativearrivaltime']).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/);
    expect(body).toBe(client().traits.compactsJson ? '{"a":1.0}' : '{ "a": 1.0 }');
  });

  test('the time attribute keeps its instant', async () => {
    await client().send({ id: 'time', time: '2026-01-01T12:00:00.500+02:00' });
    const { headers } = await passed('time');
    expect(new Date(headers['ce-time'] ?? '').toISOString()).toBe('2026-01-01T10:00:00.500Z');
  });

  test('the hop count is not passed on', async () => {
    await client().send({ id: 'hops', knativebrokerttl: '7' });
    expect((await passed('hops')).headers).not.toHaveProperty('ce-knativebrokerttl');
  });

  test('the arrival time is that at this Broker, whatever the sender says', async () => {
    await client().send({ id: 'arrival', knativearrivaltime: '2001-01-01T00:00:00Z' });
    const { headers } = await passed('arrival');
    expect(Date.parse(headers['ce-knativearrivaltime'] ?? '')).toBeGreaterThan(Date.parse('2026-01-01'));
  });

  test('an empty extension is passed on', async () => {
    await client().send({ id: 'empty', namespace: '' });
    expect((await passed('empty')).headers).toHaveProperty('ce-namespace', '');
  });

  test('an event without data has an empty body and no content type', async () => {
    await client().send({ id: 'tick' });
    const { headers, body } = await passed('tick');
    expect(headers).not.toHaveProperty('content-type');
    expect(body).toBe('');
  });

  test('JSON without a content type is passed on', async () => {
    await client().send({ id: 'untyped JSON' }, '{"a":1}');
    const { headers, body } = await passed('untyped JSON');
    expect(headers).not.toHaveProperty('content-type');
    expect(body).toBe('{"a":1}');
  });

  test('text without a content type is passed on, or its sender hears that it is not', async () => {
    const status = await client().send({ id: 'untyped' }, 'hello');
    expect(status).toBe(client().traits.answersUntypedText);
    await client().expectReceivers('untyped', status === 202 ? { f: 1 } : {});
    const bodies = (await client().received('f', 'untyped', 0)).map(({ body }) => body);
    expect(bodies).toEqual(status === 202 ? ['hello'] : []);
  });

  test('binary data is passed on unchanged', async () => {
    const data = Uint8Array.from([0, 255, 13, 10, 128]);
    await client().send({ id: 'bytes', datacontenttype: 'application/octet-stream' }, data);
    const { headers, base64 } = await passed('bytes');
    expect(headers['content-type']).toBe('application/octet-stream');
    expect(base64).toBe('AP8NCoA=');
  });

  // No event of ours has more data than this; what is a megabyte of somebody else's depends on the Broker.
  test('768 KiB of data are passed on', async () => {
    const data = 'x'.repeat(768 * 1024);
    expect(await client().send({ id: 'much', datacontenttype: 'text/plain' }, data)).toBe(202);
    expect((await passed('much')).body.length).toBe(data.length);
  });

  test('a megabyte of data is passed on, or its sender hears that it is not', async () => {
    const data = 'x'.repeat(1024 * 1024);
    const status = await client().send({ id: 'more', datacontenttype: 'text/plain' }, data);
    expect(status).toBe(client().traits.answersMegabyte);
    await client().expectReceivers('more', status === 202 ? { f: 1 } : {});
  });

  test.each([
    ['JSON', { data: { a: [1, 'x', null] } }, '{"a":[1,"x",null]}', undefined],
    ['JSON that says so', { datacontenttype: 'application/json', data: 'x' }, '"x"', 'application/json'],
    ['a string', { data: 'x' }, '"x"', undefined],
    [
      'JSON of another name',
      { datacontenttype: 'application/a+json', data: '{}' },
      '{}',
      'application/a+json',
    ],
    ['text', { datacontenttype: 'text/plain', data: 'x\n"y"' }, 'x\n"y"', 'text/plain'],
    ['base64', { datacontenttype: 'text/plain', data_base64: 'eA==' }, 'x', 'text/plain'],
    ['nothing', {}, '', undefined],
  ])('the data of a structured event is passed on: %s', async (id, parts, expected, contentType) => {
    const event = {
      specversion: '1.0',
      id,
      source: '/test',
      type: 'wanted',
      flag: true,
      number: 42,
      ...parts,
    };
    const headers = { 'content-type': 'application/cloudevents+json' };
    expect(await client().request({ headers, body: JSON.stringify(event) })).toMatchObject({ status: 202 });
    const received = await passed(id);
    expect(received.body).toBe(expected);
    expect(received.headers['content-type']).toBe(contentType);
    expect(received.headers).toMatchObject({ 'ce-flag': 'true', 'ce-number': '42' });
  });

  // Node shows the two bytes of é as two characters.
  test('attributes that are not ASCII are passed on as UTF-8', async () => {
    const headers = { 'content-type': 'application/cloudevents+json' };
    const event = { specversion: '1.0', source: '/test', type: 'wanted', subject: 'é' };
    await client().request({ headers, body: JSON.stringify({ ...event, id: 'in JSON' }) });
    await client().send({ id: 'in a header', subject: '\u00C3\u00A9' });
    expect((await passed('in JSON')).headers['ce-subject']).toBe('\u00C3\u00A9');
    expect((await passed('in a header')).headers['ce-subject']).toBe('\u00C3\u00A9');
  });

  test.each(['a%20b', 'a  b', '"a"'])('an attribute is passed on as it was sent: %s', async (subject) => {
    const id = `sent ${subject}`;
    await client().send({ id, subject });
    expect((await passed(id)).headers['ce-subject']).toBe(subject);
  });
}

// Beside these a client adds its own (host, user-agent, accept-encoding), and both brokers name the namespace.
function ownHeaders(headers: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).filter(
      ([name]) => name.startsWith('ce-') || name === 'content-type' || name === 'prefer',
    ),
  );
}
