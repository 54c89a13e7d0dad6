import { setImmediate } from 'node:timers/promises';
import { CloudEvent, HTTP } from 'cloudevents';
import { pino } from 'pino';
import { describe, expect, test } from 'vitest';
import { UncertainError } from '../api/uncertain-error.ts';
import type { EventWork } from '../telemetry/span.ts';
import { recordLog } from '../../test/support/recorded-log.ts';
import { type Answer, nothing, refusedEvent, reply, waiting } from './answers.ts';
import { poolResources } from '../api/pool.ts';
import { parseChange } from './change.ts';
import { type Handler, functionApp } from './function-app.ts';
import { maxBytes } from './receive-event.ts';

const silent = pino({ level: 'silent' });
const headers = {
  'ce-specversion': '1.0',
  'ce-id': 'id',
  'ce-source': '/source',
  'ce-type': 'type',
  'content-type': 'application/json',
};

/** What a function answers to a well-formed event when its handler answers this. */
async function answer(handler: Handler) {
  const response = await functionApp('test', handler, { log: silent }).request('/', {
    method: 'POST',
    headers,
  });
  return { status: response.status, headers: response.headers, body: await response.text() };
}

function fail(error: unknown): Promise<Answer> {
  return Promise.reject(error);
}

const traceId = '4bf92f3577b34da6a3ce929d0e0e4736';
const spanId = '00f067aa0ba902b7';
const parent = `00-${traceId}-${spanId}-01`;
const otherParent = `00-${'a'.repeat(32)}-${'b'.repeat(16)}-00`;

describe('the trace of an event', () => {
  const consequence = new CloudEvent({ type: 't', source: '/s', id: 'i' });

  /** What a reply and the log line say of the trace of an event that came with these headers. */
  async function trace(more: Readonly<Record<string, string>>) {
    const { log, lines } = recordLog();
    const app = functionApp('test', async () => reply(consequence), { log });
    const { headers: sent } = await app.request('/', { method: 'POST', headers: { ...headers, ...more } });
    const { trace_id, span_id } = JSON.parse(lines[0] ?? '') as Record<string, unknown>;
    const names = ['traceparent', 'tracestate', 'ce-traceparent', 'ce-tracestate'];
    return { sent: names.map((name) => sent.get(name)), logged: [trace_id, span_id] };
  }

  test.each<[string, Record<string, string>]>([
    ['headers', { traceparent: parent, tracestate: 'vendor=1' }],
    ['attributes', { 'ce-traceparent': parent, 'ce-tracestate': 'vendor=1' }],
    [
      'headers before attributes',
      { traceparent: parent, tracestate: 'vendor=1', 'ce-traceparent': otherParent },
    ],
    [
      'attributes, where the header says nothing',
      { traceparent: 'nonsense', 'ce-traceparent': parent, 'ce-tracestate': 'vendor=1' },
    ],
  ])('is read from its %s, logged, and handed on', async (_, more) => {
    expect(await trace(more)).toEqual({
      sent: [parent, 'vendor=1', parent, 'vendor=1'],
      logged: [traceId, spanId],
    });
  });

  test.each<[string, Record<string, string>]>([
    ['says nothing', {}],
    ['has empty attributes, as some channels write them', { 'ce-traceparent': '', 'ce-tracestate': '' }],
    ['says nonsense', { traceparent: 'x'.repeat(4000), 'ce-traceparent': '00-0-0-0' }],
  ])('is none where the event %s', async (_, more) => {
    expect(await trace(more)).toEqual({ sent: [null, null, null, null], logged: [undefined, undefined] });
  });

  test('is in each line about it, also where it is no event of ours', async () => {
    const { log, lines } = recordLog();
    const app = functionApp(
      'test',
      async (_event, context) => {
        context.log.info('within');
        await setImmediate();
        log.info('of somebody who knows nothing of the event');
        return nothing();
      },
      { log },
    );
    await app.request('/', { method: 'POST', headers: { ...headers, traceparent: parent } });
    await app.request('/', { method: 'POST', headers: { traceparent: parent } });
    const logged = lines.map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(logged.map(({ msg, trace_id }) => [msg, trace_id])).toEqual([
      ['within', traceId],
      ['of somebody who knows nothing of the event', traceId],
      ['handled', traceId],
      ['refused', traceId],
    ]);
  });

  test('ends its span with what the log line says', async () => {
    const ended: unknown[] = [];
    const span = {
      context: { traceId, spanId, flags: '01' },
      startCall: () => undefined,
      addLink: () => undefined,
      end: (...args: unknown[]) => void ended.push(args),
    };
    const begun: EventWork[] = [];
    const app = functionApp('test', async () => waiting('not yet'), {
      log: silent,
      startSpan: (work) => {
        begun.push(work);
        return span;
      },
    });
    await app.request('/', { method: 'POST', headers: { ...headers, traceparent: otherParent } });
    expect(begun).toMatchObject([
      {
        name: 'process',
        parent: { traceId: 'a'.repeat(32), spanId: 'b'.repeat(16), flags: '00' },
        attributes: { 'http.request.method': 'POST', 'cloudevents.event_type': 'type' },
      },
    ]);
    expect(ended).toEqual([
      [
        {
          'http.response.status_code': 503,
          'kleym.outcome': 'waiting',
          'kleym.reason': 'not yet',
          'error.type': '503',
        },
        'not yet',
      ],
    ]);
  });
});

describe('the answer to an event', () => {
  test('that was handled without a word is 204 with nothing in it', async () => {
    const { status, headers: sent, body } = await answer(async () => nothing());
    expect({ status, body, contentType: sent.get('content-type') }).toEqual({
      status: 204,
      body: '',
      contentType: null,
    });
  });

  test('that has a consequence is 200 with one CloudEvent in binary mode', async () => {
    const event = new CloudEvent({
      type: 't',
      source: '/s',
      id: 'i',
      subject: 'Grün %',
      count: 3,
      flag: false,
      data: { a: '€' },
    });
    const { status, headers: sent, body } = await answer(async () => reply(event));
    expect(status).toBe(200);
    expect(sent.get('content-type')).toBe('application/json');
    expect(sent.get('ce-subject')).toBe('Gr%C3%BCn%20%25');
    expect(HTTP.toEvent({ headers: Object.fromEntries(sent), body })).toMatchObject({
      specversion: '1.0',
      type: 't',
      source: '/s',
      id: 'i',
      count: '3',
      flag: 'false',
      data: { a: '€' },
    });
  });

  test('that is not ours is 400 and says what was found and what was expected', async () => {
    const { status, body } = await answer(async () =>
      refusedEvent('not ours', { found: 'this', expected: 'that' }),
    );
    expect({ status, body: JSON.parse(body) }).toEqual({
      status: 400,
      body: { error: 'not ours', found: 'this', expected: 'that' },
    });
  });

  test('that must wait is 503 and asks to come again', async () => {
    const { status, headers: sent, body } = await answer(async () => waiting('the CRD is not installed'));
    expect({ status, body: JSON.parse(body) }).toEqual({
      status: 503,
      body: { error: 'not now', reason: 'the CRD is not installed' },
    });
    expect(sent.get('retry-after')).toBe('2');
  });

  test('of which the API server leaves us uncertain is 503', async () => {
    const { status, body } = await answer(() => fail(new UncertainError('GET of pool "p" timed out')));
    expect({ status, body: JSON.parse(body) }).toEqual({
      status: 503,
      body: { error: 'not now', reason: 'GET of pool "p" timed out' },
    });
  });

  test.each([
    ['an error', new Error('password=hunter2 at /srv/app.ts')],
    ['a text', 'hunter2'],
    ['nothing', undefined],
  ])('over which a handler throws %s is 500 and tells nothing of the inside', async (_what, error) => {
    const { status, body } = await answer(() => fail(error));
    expect({ status, body: JSON.parse(body) }).toEqual({ status: 500, body: { error: 'internal error' } });
  });

  test.each([
    ['a reason of letters', 'a'.repeat(4000)],
    ['a reason that is longer in bytes', '€'.repeat(4000)],
    ['a reason that is longer in JSON', '\u0001'.repeat(4000)],
  ])('is never longer than 768 bytes, which is all that Knative has room for: %s', async (_, words) => {
    for (const said of [waiting(words), refusedEvent(words, { found: words, expected: words })]) {
      const { body } = await answer(async () => said);
      expect(Buffer.byteLength(body)).toBeLessThanOrEqual(768);
      expect(JSON.parse(body)).toMatchObject({ error: expect.stringMatching(/./) });
    }
  });

  test('for which a handler throws at once is 500 too', async () => {
    const { status } = await answer(() => {
      throw new Error('at once');
    });
    expect(status).toBe(500);
  });
});

describe('a request', () => {
  const app = functionApp('test', async () => nothing(), { log: silent });

  test.each([
    ['is a CloudEvent', 'POST', '/', { ...headers }, '{}', 204, null],
    ['is a CloudEvent with a query', 'POST', '/?a=b', { ...headers }, '{}', 204, null],
    ['is no CloudEvent', 'POST', '/', {}, '{}', 400, null],
    ['is no JSON though it says so', 'POST', '/', { ...headers }, '{', 400, null],
    ['is too large', 'POST', '/', { ...headers }, ' '.repeat(maxBytes + 1), 413, null],
    ['asks for health', 'GET', '/healthz', {}, null, 200, null],
    ['asks for health without a body', 'HEAD', '/healthz', {}, null, 200, null],
    ['is a redirected POST that became a GET', 'GET', '/', { ...headers }, null, 405, 'POST'],
    ['is a PUT', 'PUT', '/', { ...headers }, '{}', 405, 'POST'],
    ['is a DELETE', 'DELETE', '/', {}, null, 405, 'POST'],
    ['is an OPTIONS', 'OPTIONS', '/', {}, null, 405, 'POST'],
    ['posts to the health path', 'POST', '/healthz', { ...headers }, '{}', 405, 'GET, HEAD'],
    ['goes to another path', 'POST', '/events', { ...headers }, '{}', 404, null],
    ['goes to a path behind a slash', 'GET', '/healthz/', {}, null, 404, null],
  ])('that %s: %s %s', async (_what, method, path, sent, body, status, allow) => {
    const response = await app.request(path, { method, headers: sent, body });
    expect({ status: response.status, allow: response.headers.get('allow') }).toEqual({ status, allow });
  });

  test.each([
    ['POST', '/', 400],
    ['PUT', '/', 405],
    ['POST', '/events', 404],
  ])('that is refused is told why in JSON: %s %s', async (method, path, status) => {
    const response = await app.request(path, { method, body: '{}' });
    expect({ status: response.status, body: await response.json() }).toEqual({
      status,
      body: expect.objectContaining({ error: expect.any(String), expected: expect.any(String) }),
    });
  });

  test('for health is answered with ok', async () => {
    const response = await app.request('/healthz');
    expect(await response.text()).toBe('ok');
  });
});

/** A function whose handler waits until it is told to end, each event under its id. */
function slowFunction() {
  const running = new Map<string, (answer: Answer) => void>();
  const started: string[] = [];
  const app = functionApp(
    'test',
    (event) => {
      started.push(event.id);
      const answered = Promise.withResolvers<Answer>();
      running.set(event.id, answered.resolve);
      return answered.promise;
    },
    { log: silent },
  );
  async function post(id: string, body: string | ReadableStream, init: RequestInit = {}) {
    const length = typeof body === 'string' ? { 'content-length': String(Buffer.byteLength(body)) } : {};
    const sent = { ...headers, ...length, 'ce-id': id };
    const request = new Request('http://function/', {
      method: 'POST',
      headers: sent,
      body,
      duplex: 'half',
      ...init,
    });
    return (await app.fetch(request)).status;
  }
  async function untilStarted(id: string) {
    await expect.poll(() => started, { timeout: 10_000 }).toContain(id);
  }
  return { post, started, untilStarted, end: (id: string) => running.get(id)?.(nothing()) };
}

describe('the bodies in memory at once', () => {
  const large = JSON.stringify('x'.repeat(maxBytes - 2));

  test('are at most 3 MiB: a large one waits for the answer to the one before it', async () => {
    const { post, started, untilStarted, end } = slowFunction();
    const first = post('first', large);
    await untilStarted('first');
    const second = post('second', large);
    for (let turn = 0; turn < 20; turn += 1) await setImmediate();
    expect(started).toEqual(['first']);
    end('first');
    await untilStarted('second');
    end('second');
    expect(await Promise.all([first, second])).toEqual([204, 204]);
  });

  test('are many where they are small, whether they say their length or not', async () => {
    const { post, untilStarted, end } = slowFunction();
    const ids = Array.from({ length: 100 }, (_, index) => String(index));
    const answers = ids.map((id) => post(id, Number(id) % 2 ? '{}' : new Blob(['{}']).stream()));
    for (const id of ids) await untilStarted(id);
    ids.forEach(end);
    expect(new Set(await Promise.all(answers))).toEqual(new Set([204]));
  });

  test('do not count one that is refused for its size, nor one whose sender has gone', async () => {
    const { post, untilStarted, end } = slowFunction();
    const going = new AbortController();
    const first = post('first', large);
    await untilStarted('first');
    const gone = post('gone', large, { signal: going.signal });
    expect(await post('too large', `${large}x`)).toBe(413);
    going.abort();
    expect(await gone).toBe(400);
    end('first');
    expect(await first).toBe(204);
  });

  test('go with a bug of the handler too', async () => {
    const app = functionApp('test', () => fail(new Error('a bug')), { log: silent });
    const post = () => app.request('/', { method: 'POST', headers, body: large });
    const answers = [await post(), await post(), await post()];
    expect(answers.map(({ status }) => status)).toEqual([500, 500, 500]);
  });
});

const readPool: Handler = async (event) => {
  const change = parseChange(event, { resources: poolResources, scope: 'namespaced' });
  return change.kind === 'done' ? nothing() : change;
};

describe('the log', () => {
  const token = 'eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJrbGV5bSJ9.c2lnbmF0dXJl';
  const secret = 'do-not-log-me';

  /** The lines that one request leaves in the log. */
  async function record(
    handler: Handler,
    body: string = JSON.stringify({ metadata: { name: secret } }),
    path = '/',
  ) {
    const { log, lines } = recordLog();
    const sent = { ...headers, authorization: `Bearer ${token}`, 'ce-extension': secret };
    await functionApp('test', handler, { log }).request(path, { method: 'POST', headers: sent, body });
    return lines.map((line) => JSON.parse(line) as Record<string, unknown>);
  }
  const aboutEvent = {
    service: 'test',
    function: 'test',
    event: { id: 'id', type: 'type' },
    durationMs: expect.any(Number),
    time: expect.any(String),
  };

  test('has one line for an event that was handled, with the facts beside a constant message', async () => {
    const lines = await record(async () => nothing({ bindings: 0, dropped: 2 }));
    expect(lines).toEqual([
      {
        ...aboutEvent,
        level: 'info',
        status: 204,
        outcome: 'nothing',
        bindings: 0,
        dropped: 2,
        msg: 'handled',
      },
    ]);
  });

  test('has the correlation of an event that follows from another', async () => {
    const { log, lines } = recordLog();
    const app = functionApp('test', async () => nothing(), { log });
    await app.request('/', { method: 'POST', headers: { ...headers, 'ce-correlationid': 'first' } });
    await app.request('/', { method: 'POST', headers: { ...headers, 'ce-correlationid': 'a%0Ab' } });
    const events = lines.map((line) => (JSON.parse(line) as { event: object }).event);
    expect(events).toEqual([
      { id: 'id', type: 'type', correlationId: 'first' },
      { id: 'id', type: 'type' },
    ]);
  });

  test('has the time as ISO 8601', async () => {
    const [line] = await record(async () => nothing());
    expect(line?.['time']).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
  });

  test('warns of an event that was refused', async () => {
    const lines = await record(async () => refusedEvent('not ours', { found: 'x' }));
    expect(lines).toEqual([
      {
        ...aboutEvent,
        level: 'warn',
        status: 400,
        outcome: 'refused-event',
        error: 'not ours',
        found: 'x',
        msg: 'refused',
      },
    ]);
  });

  test('warns of an event that must wait', async () => {
    const lines = await record(() => fail(new UncertainError('no answer')));
    expect(lines).toEqual([
      { ...aboutEvent, level: 'warn', status: 503, outcome: 'waiting', reason: 'no answer', msg: 'waiting' },
    ]);
  });

  const most = 'x'.repeat(500);
  const cut = `${most}…`;

  test.each([
    ['an event that was refused', refusedEvent(most, { found: `${most}x`, expected: most })],
    ['an event that must wait', waiting(`${most}x`)],
    ['an event that was handled', nothing({ sharedWith: `${most}x` })],
  ])('is never longer than 500 characters a text: %s', async (_, said) => {
    const [line = {}] = await record(async () => said);
    const longest = Object.values(line).filter((value) => typeof value === 'string' && value.length > 400);
    expect(longest).toContain(cut);
    expect(new Set([...longest, most, cut])).toEqual(new Set([most, cut]));
  });

  test('is short although the data of an event has a key of 1.9 MB, and so is the answer', async () => {
    const labels = { ['k'.repeat(1_900_000)]: 1 };
    const data = { metadata: { name: 'p', namespace: 'a', uid: 'u', resourceVersion: '1', labels } };
    const { log, lines } = recordLog();
    const about = {
      ...headers,
      'ce-type': 'dev.knative.apiserver.resource.update',
      'ce-apiversion': 'inference.networking.k8s.io/v1',
      'ce-kind': 'InferencePool',
      'ce-name': 'p',
      'ce-namespace': 'a',
    };
    const response = await functionApp('test', readPool, { log }).request('/', {
      method: 'POST',
      headers: about,
      body: JSON.stringify(data),
    });
    expect(await response.json()).toMatchObject({
      error: 'the data is not an object of this kind',
      found: 'data.metadata.labels: expected texts by keys',
    });
    expect(lines).toHaveLength(1);
    expect(lines.join('').length).toBeLessThan(1000);
  });

  test('warns of a path that does not exist', async () => {
    const lines = await record(async () => nothing(), '{}', '/events');
    expect(lines).toMatchObject([
      { level: 'warn', status: 404, method: 'POST', path: '/events', msg: 'refused' },
    ]);
  });

  test('has a bug once, with its causes', async () => {
    const lines = await record(() => fail(new TypeError('x is undefined', { cause: new Error('deep') })));
    expect(lines).toEqual([
      {
        ...aboutEvent,
        level: 'error',
        status: 500,
        outcome: 'failed',
        msg: 'failed',
        err: {
          type: 'TypeError',
          message: 'x is undefined',
          at: expect.arrayContaining([expect.stringContaining('function-app.test.ts')]),
          cause: { type: 'Error', message: 'deep', at: expect.any(Array) },
        },
      },
    ]);
  });

  test.each<[string, Handler, string?]>([
    ['is handled', async () => nothing()],
    ['has a reply', async () => reply(new CloudEvent({ type: 't', source: '/s', data: { secret } }))],
    ['is refused', async () => refusedEvent('not ours')],
    ['is not JSON', async () => nothing(), `{"metadata": "${secret}", `],
    ['must wait', async () => waiting('later')],
    ['is uncertain', () => fail(new UncertainError(`401 for Bearer ${token}`))],
    [
      'is a bug',
      () =>
        fail(
          Object.assign(new Error(`sent Bearer ${token}`), {
            body: { secret },
            headers: { authorization: token },
          }),
        ),
    ],
  ])('has no token and no object when an event %s', async (_what, handler, body) => {
    const text = JSON.stringify(await record(handler, body));
    expect(text).toContain('durationMs');
    expect(text).not.toContain(secret);
    expect(text).not.toContain(token);
  });
});
