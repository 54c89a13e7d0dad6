import { expect, test } from 'vitest';
import { type Subject, bindingOf, causesOf, made, newPlace, outputOf, outputsPath } from './subject.ts';

const bindingsPath = '/apis/kleym.sonda.red/v1alpha1/inferenceidentitybindings';

/** What is refused, and in what form: by it we tell what is not there from what cannot be known. */
export function describeRefusals(subject: () => Subject): void {
  test('an object that is not there is a 404 with a Status that names it', async () => {
    const { api } = subject();
    const { bindings } = await newPlace(api);
    const { status, headers, body } = await api.get(`${bindings}/nobody`);
    expect([status, headers['content-type']]).toEqual([404, 'application/json']);
    expect(body).toEqual({
      kind: 'Status',
      apiVersion: 'v1',
      metadata: {},
      status: 'Failure',
      message: 'inferenceidentitybindings.kleym.sonda.red "nobody" not found',
      reason: 'NotFound',
      details: { name: 'nobody', group: 'kleym.sonda.red', kind: 'inferenceidentitybindings' },
      code: 404,
    });
  });

  test.each([
    '/api/v1/things',
    '/api/v1/namespaces/default/things',
    '/api/v9',
    '/apis/events.k8s.io/v1/things',
    '/apis/events.k8s.io/v9/events',
  ])('what a built-in group does not have (%s) is a 404 with a Status that names nothing', async (path) => {
    const { api } = subject();
    const { status, body } = await api.get(path);
    expect([status, body.message, body.details]).toEqual([
      404,
      'the server could not find the requested resource',
      {},
    ]);
  });

  test.each([
    ['a group', '/apis/nothing.example.org/v1/things'],
    ['a version', '/apis/kleym.sonda.red/v9/inferenceidentitybindings'],
    ['a plural', '/apis/kleym.sonda.red/v1alpha1/things'],
    ['an object of a group', '/apis/nothing.example.org/v1/namespaces/default/things/a'],
  ])('%s that is not served is a plain 404, which names nothing', async (_title, path) => {
    const { api } = subject();
    const { status, headers, text } = await api.get(path);
    expect([status, headers['content-type'], text]).toEqual([
      404,
      'text/plain; charset=utf-8',
      '404 page not found\n',
    ]);
  });

  test('a namespace that is not there takes nothing', async () => {
    const { api } = subject();
    const { status, body } = await api.post(
      '/apis/kleym.sonda.red/v1alpha1/namespaces/nowhere/inferenceidentitybindings',
      bindingOf('a'),
    );
    expect([status, body.message]).toEqual([404, 'namespaces "nowhere" not found']);
  });

  test('an object of a namespace cannot be made outside of one', async () => {
    const { api } = subject();
    const { status } = await api.post(bindingsPath, bindingOf('a'));
    expect(status).toBeGreaterThanOrEqual(400);
    expect(status).toBeLessThan(500);
  });

  test('a body must be what its address says', async () => {
    const { api } = subject();
    const { namespace, bindings } = await newPlace(api);
    const stored = await made(api, bindings, bindingOf('a'));
    const answers = [
      await api.put(`${bindings}/b`, stored),
      await api.post(bindings, { ...bindingOf('c'), apiVersion: 'kleym.sonda.red/v2' }),
      await api.post(bindings, bindingOf('c', { namespace: 'default' })),
      await api.post(bindings, { metadata: { name: 'c' } }),
    ];
    expect(
      answers.map(({ status, body }) => [
        status,
        body.reason,
        body.message?.replace(/(missing in) .*/, '$1'),
      ]),
    ).toEqual([
      [400, 'BadRequest', 'the name of the object (a) does not match the name on the URL (b)'],
      [
        400,
        'BadRequest',
        'the API version in the data (kleym.sonda.red/v2) does not match the expected API version (kleym.sonda.red/v1alpha1)',
      ],
      [
        400,
        'BadRequest',
        'the namespace of the provided object does not match the namespace sent on the request',
      ],
      [
        400,
        'BadRequest',
        "the object provided is unrecognized (must be of type InferenceIdentityBinding): Object 'Kind' is missing in",
      ],
    ]);
    expect(namespace).not.toBe('default');
  });

  test('a body of another kind is invalid', async () => {
    const { api } = subject();
    const { bindings } = await newPlace(api);
    const { status, body } = await api.post(bindings, { ...bindingOf('a'), kind: 'Other' });
    expect([status, causesOf(body)]).toEqual([
      422,
      [
        {
          reason: 'FieldValueInvalid',
          field: 'kind',
          message: 'Invalid value: "Other": must be InferenceIdentityBinding',
        },
      ],
    ]);
  });

  test.each(['', '{', '[]', 'nonsense'])('the body %j is refused', async (text) => {
    const { api } = subject();
    const { bindings } = await newPlace(api);
    const { status, body } = await api.send('POST', bindings, { body: text });
    expect([status, body.reason]).toEqual([400, 'BadRequest']);
  });

  test('a body of a type that nobody reads is refused', async () => {
    const { api } = subject();
    const { bindings } = await newPlace(api);
    await made(api, bindings, bindingOf('a'));
    const created = await api.send('POST', bindings, { body: bindingOf('b'), type: 'text/html' });
    const patched = await api.send('PATCH', `${bindings}/a`, { body: {}, type: 'application/json' });
    expect([created.status, created.body.reason]).toEqual([415, 'UnsupportedMediaType']);
    expect([patched.status, patched.body.reason]).toEqual([415, 'UnsupportedMediaType']);
  });

  test('a body may be YAML', async () => {
    const { api } = subject();
    const { configMaps } = await newPlace(api);
    const body = 'metadata:\n  name: a\ndata:\n  b: "1"\n';
    const { status, body: stored } = await api.send('POST', configMaps, { body, type: 'application/yaml' });
    expect([status, stored['data']]).toEqual([201, { b: '1' }]);
  });

  test('a body that is too large is refused unread', async () => {
    const { api } = subject();
    const { configMaps } = await newPlace(api);
    const body = { metadata: { name: 'a' }, data: { a: 'x'.repeat(3 * 1024 * 1024) } };
    const { status, body: refusal } = await api.post(configMaps, body);
    expect([status, refusal.reason, refusal.message]).toEqual([
      413,
      'RequestEntityTooLarge',
      'Request entity too large: limit is 3145728',
    ]);
  });

  const longName = 'a'.repeat(254);
  test.each([
    ['Upper', 'a lowercase RFC 1123 subdomain must consist of'],
    ['a_b', 'a lowercase RFC 1123 subdomain must consist of'],
    ['-a', 'a lowercase RFC 1123 subdomain must consist of'],
    ['a..b', 'a lowercase RFC 1123 subdomain must consist of'],
    [longName, 'must be no more than 253 '],
  ])('the name %s is refused', async (name, says) => {
    const { api } = subject();
    const { status, body } = await api.post(outputsPath, outputOf(name));
    expect([status, body.reason, causesOf(body)]).toEqual([
      422,
      'Invalid',
      [
        expect.objectContaining({
          field: 'metadata.name',
          reason: 'FieldValueInvalid',
          message: expect.stringContaining(says),
        }),
      ],
    ]);
  });

  test('an object without a name is refused', async () => {
    const { api } = subject();
    const { status, body } = await api.post(outputsPath, outputOf(''));
    expect([status, causesOf(body)]).toEqual([
      422,
      [
        {
          field: 'metadata.name',
          reason: 'FieldValueRequired',
          message: 'Required value: name or generateName is required',
        },
      ],
    ]);
  });

  test.each([
    [{ labels: { a: 'b c' } }, 'metadata.labels', 'a valid label must be an empty string or consist of'],
    [{ labels: { a: 'x'.repeat(64) } }, 'metadata.labels', 'must be no more than 63 '],
    [{ labels: { 'a b': 'c' } }, 'metadata.labels', 'name part must consist of alphanumeric characters'],
    [{ labels: { 'a/b/c': 'd' } }, 'metadata.labels', 'must consist of alphanumeric characters'],
    [{ labels: { [`x.y/${'a'.repeat(64)}`]: 'b' } }, 'metadata.labels', 'name part must be no more than 63 '],
    [
      { annotations: { 'a b': 'c' } },
      'metadata.annotations',
      'name part must consist of alphanumeric characters',
    ],
    [{ finalizers: ['a b'] }, 'metadata.finalizers', 'name part must consist of alphanumeric characters'],
  ])('the metadata %j is refused', async (metadata, field, says) => {
    const { api } = subject();
    const { status, body } = await api.post(outputsPath, outputOf('a', metadata));
    expect([status, causesOf(body)]).toEqual([
      422,
      [expect.objectContaining({ field, message: expect.stringContaining(says) })],
    ]);
  });

  test('annotations of more than 256 KiB are refused', async () => {
    const { api } = subject();
    const { status, body } = await api.post(
      outputsPath,
      outputOf('a', { annotations: { a: 'x'.repeat(256 * 1024) } }),
    );
    expect([status, causesOf(body)]).toEqual([
      422,
      [expect.objectContaining({ field: 'metadata.annotations', reason: 'FieldValueTooLong' })],
    ]);
  });

  test('metadata of another type is refused', async () => {
    const { api } = subject();
    const { status, body } = await api.post(outputsPath, outputOf('a', { labels: { a: 1 } }));
    expect([status, body.reason]).toEqual([400, 'BadRequest']);
    expect(body.message).toContain(
      'ClusterSPIFFEID in version "v1alpha1" cannot be handled as a ClusterSPIFFEID',
    );
  });

  test.each(['5s', '1m0s', '2m30s'])('a request may say that it waits %s', async (timeout) => {
    const { api } = subject();
    const { bindings } = await newPlace(api);
    const { status } = await api.post(bindings, bindingOf('a'), { timeout });
    expect(status).toBe(201);
  });

  test('a request cannot wait for nonsense', async () => {
    const { api } = subject();
    const { bindings } = await newPlace(api);
    const { status, text } = await api.post(bindings, bindingOf('a'), { timeout: 'soon' });
    expect(status).toBe(400);
    expect(text).toContain('invalid timeout specified in the request URL');
  });

  test('nothing is created at the address of an object', async () => {
    const { api } = subject();
    const { configMaps } = await newPlace(api);
    const { status, body } = await api.post(`${configMaps}/a`, { metadata: { name: 'a' } });
    expect([status, body.reason]).toEqual([405, 'MethodNotAllowed']);
  });

  test('whoever asks may do everything, and is told so', async () => {
    const { api } = subject();
    const resourceAttributes = { verb: 'create', group: 'spire.spiffe.io', resource: 'clusterspiffeids' };
    const { status, body } = await api.post('/apis/authorization.k8s.io/v1/selfsubjectaccessreviews', {
      apiVersion: 'authorization.k8s.io/v1',
      kind: 'SelfSubjectAccessReview',
      spec: { resourceAttributes },
    });
    expect([status, body['status']]).toEqual([201, expect.objectContaining({ allowed: true })]);
  });

  test.each(['/readyz', '/livez', '/healthz'])('%s says ok', async (path) => {
    const { api } = subject();
    const { status, text } = await api.get(path);
    expect([status, text]).toEqual([200, 'ok']);
  });

  test('the version is told', async () => {
    const { api } = subject();
    const { body } = await api.get('/version');
    expect(body).toMatchObject({ major: '1', gitVersion: expect.stringMatching(/^v1\.\d+\.\d+/) });
  });
}
