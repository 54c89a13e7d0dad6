import { describe, expect, it } from 'vitest';
import { answer, scriptedApiServer, status } from '../../test/support/scripted-api-server.ts';
import type { Cluster, WriteResult } from './cluster.ts';
import { NotSentError, UncertainError } from '../api/uncertain-error.ts';

const bindingPath = '/apis/kleym.sonda.red/v1alpha1/namespaces/team-a/inferenceidentitybindings/chat';
const outputsPath = '/apis/spire.spiffe.io/v1alpha1/clusterspiffeids';
const eventsPath = '/apis/events.k8s.io/v1/namespaces/team-a/events';

const aim = { name: 'chat', uid: 'u-1', resourceVersion: '7' };
const binding = {
  metadata: { name: 'chat', namespace: 'team-a', uid: 'u-1', resourceVersion: '8' },
  spec: { poolRef: { name: 'llama' }, serviceAccountName: 'sa' },
};
const newOutput = {
  metadata: { name: 'chat-1', labels: { a: 'b' }, annotations: { c: 'd' } },
  spec: { hint: 'h' },
};
const output = {
  metadata: { name: 'chat-1', uid: 'u-2', resourceVersion: '9', annotations: { 'example.org/note': 'kept' } },
  spec: { hint: 'h', ttl: '1h', federatesWith: ['example.org'] },
};
const outputAim = { name: 'chat-1', uid: 'u-2', resourceVersion: '9' };
const announcement = {
  name: 'chat.0a1b2c',
  binding,
  type: 'Warning',
  reason: 'Conflict',
  message: 'shares its workloads with team-a/other',
} as const;

interface Verb {
  readonly verb: string;
  readonly method: 'get' | 'post' | 'put' | 'patch' | 'delete';
  readonly path: string;
  readonly returned: object;
  readonly write: (cluster: Cluster) => Promise<WriteResult<unknown>>;
}

const verbs: readonly Verb[] = [
  {
    verb: 'patchFinalizers',
    method: 'patch',
    path: bindingPath,
    returned: binding,
    write: (cluster) => cluster.patchFinalizers('team-a', aim, ['f']),
  },
  {
    verb: 'replaceStatus',
    method: 'put',
    path: `${bindingPath}/status`,
    returned: binding,
    write: (cluster) => cluster.replaceStatus('team-a', aim, {}),
  },
  {
    verb: 'createOutput',
    method: 'post',
    path: outputsPath,
    returned: output,
    write: (cluster) => cluster.createOutput(newOutput),
  },
  {
    verb: 'replaceOutput',
    method: 'put',
    path: `${outputsPath}/chat-1`,
    returned: output,
    write: (cluster) => cluster.replaceOutput(output),
  },
  {
    verb: 'deleteOutput',
    method: 'delete',
    path: `${outputsPath}/chat-1`,
    returned: { kind: 'Status', status: 'Success' },
    write: (cluster) => cluster.deleteOutput(outputAim),
  },
  {
    verb: 'createEvent',
    method: 'post',
    path: eventsPath,
    returned: { kind: 'Event' },
    write: (cluster) => cluster.createEvent(announcement),
  },
];

const stale = { kind: 'stale' };
const refused = (forbidden: boolean) => ({ kind: 'rejected', forbidden, message: 'the words' });
const causedByUid = { causes: [{ field: 'metadata.uid' }] };
const causedByTwo = { causes: [{ field: 'metadata.uid' }, { field: 'spec.hint' }] };

describe.each(verbs)('$verb', ({ method, path, returned, write }) => {
  it.each([
    ['409 Conflict', 409, status(409, 'Conflict', 'the words'), stale],
    [
      '409 AlreadyExists',
      409,
      status(409, 'AlreadyExists', 'the words'),
      method === 'post' ? { kind: 'exists' } : stale,
    ],
    ['409 without a ApiStatus', 409, 'conflict', stale],
    ['404 of the object', 404, status(404, 'NotFound', 'the words', { name: 'chat' }), stale],
    ['404 of the resource', 404, '404 page not found', stale],
    ['400', 400, status(400, 'BadRequest', 'the words'), refused(false)],
    ['403', 403, status(403, 'Forbidden', 'the words'), refused(true)],
    ['413', 413, status(413, 'RequestEntityTooLarge', 'the words'), refused(false)],
    ['422', 422, status(422, 'Invalid', 'the words'), refused(false)],
    ['422 that is only about the uid', 422, status(422, 'Invalid', 'the words', causedByUid), stale],
    ['422 that is also about the uid', 422, status(422, 'Invalid', 'the words', causedByTwo), refused(false)],
    ['403 of a proxy', 403, 'the words', refused(true)],
  ])('answered %s', async (_, code, body, expected) => {
    const { cluster } = scriptedApiServer(answer(method, path, code, body));
    expect(await write(cluster)).toEqual(expected);
  });

  it.each([200, 201, 202])('answered %i is written', async (code) => {
    const { cluster } = scriptedApiServer(answer(method, path, code, returned));
    expect(await write(cluster)).toHaveProperty('kind', 'written');
  });

  it.each([
    [
      401,
      ', the API server does not accept the token; check that it exists and has not expired (the words)',
      [0],
    ],
    [429, ', the API server is busy (the words)', [2000, 2000]],
  ])('answered %i was not carried out, and is sent again for a while', async (code, message, waits) => {
    const { cluster, sent, pauses } = scriptedApiServer(
      ...Array.from({ length: 9 }, () =>
        answer(method, path, code, status(code, 'No', 'the words'), { 'retry-after': '2' }),
      ),
    );
    await expect(write(cluster)).rejects.toThrow(
      new UncertainError(`${method.toUpperCase()} ${path}: answered ${code}${message}`),
    );
    expect({ sent: sent.length, pauses }).toEqual({ sent: waits.length + 1, pauses: waits });
  });

  it('answered 429 and then taken is written', async () => {
    const { cluster, sent } = scriptedApiServer(
      answer(method, path, 429, 'Too many requests, please try again later.', { 'retry-after': '1' }),
      answer(method, path, 200, returned),
    );
    expect(await write(cluster)).toHaveProperty('kind', 'written');
    expect(new Set(sent.map(({ body }) => JSON.stringify(body))).size).toBe(1);
  });

  it.each([
    [500, ' (the words); whether the write took effect is not known'],
    [503, ' (the words); whether the write took effect is not known'],
    [504, ' (the words); whether the write took effect is not known'],
  ])('answered %i is uncertain and never sent again', async (code, message) => {
    const { cluster, sent, pauses } = scriptedApiServer(
      answer(method, path, code, status(code, 'No', 'the words'), { 'retry-after': '1' }),
    );
    await expect(write(cluster)).rejects.toThrow(
      new UncertainError(`${method.toUpperCase()} ${path}: answered ${code}${message}`),
    );
    expect({ sent: sent.length, pauses }).toEqual({ sent: 1, pauses: [] });
  });
});

async function send(write: (cluster: Cluster) => Promise<unknown>, ...script: Parameters<typeof answer>) {
  const { cluster, sent } = scriptedApiServer(answer(...script));
  const written = await write(cluster);
  return {
    written,
    sent: sent.map(({ request, body, headers }) => ({ request, body, type: headers['Content-Type'] })),
  };
}

const requests = {
  putStatus: (cluster: Cluster) => cluster.replaceStatus('team-a', aim, { observedGeneration: 2 }),
  create: (cluster: Cluster) => cluster.createOutput(newOutput),
  dryRun: (cluster: Cluster) => cluster.createOutput(newOutput, { dryRun: true }),
  replace: (cluster: Cluster) => cluster.replaceOutput(output),
  remove: (cluster: Cluster) => cluster.deleteOutput(outputAim),
  createEvent: (cluster: Cluster) => cluster.createEvent(announcement),
};

it('replaces no list of finalizers that was too long to be kept whole', async () => {
  const { cluster } = scriptedApiServer();
  const finalizers = Array.from({ length: 101 }, (_, index) => `a/${index}`);
  expect(await cluster.patchFinalizers('team-a', aim, finalizers)).toEqual({
    kind: 'rejected',
    forbidden: false,
    message: 'it has over 100 finalizers',
  });
});

describe('what leaves', () => {
  it('finalizers: a merge patch that holds only for the object as it was read', async () => {
    const finalizers = ['example.org/other', 'kleym.sonda.red/inferenceidentitybinding-finalizer'];
    const patched = { ...binding, metadata: { ...binding.metadata, finalizers } };
    const patch = (cluster: Cluster) => cluster.patchFinalizers('team-a', aim, finalizers);
    expect(await send(patch, 'patch', bindingPath, 200, patched)).toEqual({
      written: { kind: 'written', object: patched },
      sent: [
        {
          request: `PATCH ${bindingPath}?fieldManager=kleym`,
          type: 'application/merge-patch+json',
          body: { metadata: { uid: 'u-1', resourceVersion: '7', finalizers } },
        },
      ],
    });
  });

  it('status: the whole status and nothing else of the binding', async () => {
    const { sent } = await send(requests.putStatus, 'put', `${bindingPath}/status`, 200, binding);
    expect(sent).toEqual([
      {
        request: `PUT ${bindingPath}/status?fieldManager=kleym&fieldValidation=Strict`,
        type: 'application/json',
        body: {
          apiVersion: 'kleym.sonda.red/v1alpha1',
          kind: 'InferenceIdentityBinding',
          metadata: { name: 'chat', namespace: 'team-a', uid: 'u-1', resourceVersion: '7' },
          status: { observedGeneration: 2 },
        },
      },
    ]);
  });

  it('a new output: what it is, and that we manage its fields', async () => {
    expect(await send(requests.create, 'post', outputsPath, 201, output)).toEqual({
      written: { kind: 'written', object: output },
      sent: [
        {
          request: `POST ${outputsPath}?fieldManager=kleym&fieldValidation=Strict`,
          type: 'application/json',
          body: { apiVersion: 'spire.spiffe.io/v1alpha1', kind: 'ClusterSPIFFEID', ...newOutput },
        },
      ],
    });
  });

  it('a dry run: what comes back was never stored and has no resourceVersion', async () => {
    const { resourceVersion: _, ...metadata } = output.metadata;
    const { written, sent } = await send(requests.dryRun, 'post', outputsPath, 201, { ...output, metadata });
    expect(written).toHaveProperty('object.metadata', { ...output.metadata, resourceVersion: '' });
    expect(sent).toHaveProperty(
      '0.request',
      `POST ${outputsPath}?fieldManager=kleym&fieldValidation=Strict&dryRun=All`,
    );
  });

  it('a replaced output: an item of a list, which does not say what it is, with all that others added', async () => {
    const { written, sent } = await send(requests.replace, 'put', `${outputsPath}/chat-1`, 200, {
      ...output,
      metadata: { ...output.metadata, resourceVersion: '10' },
    });
    expect(written).toHaveProperty('object.metadata.resourceVersion', '10');
    expect(sent).toEqual([
      {
        request: `PUT ${outputsPath}/chat-1?fieldManager=kleym&fieldValidation=Strict`,
        type: 'application/json',
        body: { ...output, apiVersion: 'spire.spiffe.io/v1alpha1', kind: 'ClusterSPIFFEID' },
      },
    ]);
  });

  it('a deletion: only of this object, only as it was read', async () => {
    expect(
      await send(requests.remove, 'delete', `${outputsPath}/chat-1`, 200, {
        kind: 'Status',
        status: 'Success',
      }),
    ).toEqual({
      written: { kind: 'written', object: undefined },
      sent: [
        {
          request: `DELETE ${outputsPath}/chat-1`,
          type: 'application/json',
          body: {
            apiVersion: 'v1',
            kind: 'DeleteOptions',
            preconditions: { uid: 'u-2', resourceVersion: '9' },
          },
        },
      ],
    });
  });

  it('an Event under its own name, in the namespace of the binding', async () => {
    const { sent } = await send(requests.createEvent, 'post', eventsPath, 201, { kind: 'Event' });
    expect(sent).toEqual([
      {
        request: `POST ${eventsPath}?fieldManager=kleym`,
        type: 'application/json',
        body: expect.objectContaining({
          metadata: { name: 'chat.0a1b2c', namespace: 'team-a' },
          reason: 'Conflict',
        }),
      },
    ]);
  });

  it('an Event has the time when it is written, however long its condition has stood', async () => {
    const before = Date.now();
    const { sent } = await send(requests.createEvent, 'post', eventsPath, 201, { kind: 'Event' });
    const [{ body } = {}] = sent;
    const { eventTime } = body as { eventTime: string };
    expect(Date.parse(eventTime)).toBeGreaterThanOrEqual(before);
    expect(Date.parse(eventTime)).toBeLessThanOrEqual(Date.now());
  });

  it('never to a name that would lead elsewhere', async () => {
    const { cluster, sent } = scriptedApiServer();
    await expect(cluster.deleteOutput({ ...outputAim, name: '..' })).rejects.toThrow(
      '".." cannot be part of a path to clusterspiffeids',
    );
    expect(sent).toEqual([]);
  });
});

it.each([
  ['a new output', (cluster: Cluster) => cluster.createOutput(newOutput, { sendBy: 0 })],
  ['a dry run', (cluster: Cluster) => cluster.createOutput(newOutput, { sendBy: 0, dryRun: true })],
  ['a replaced output', (cluster: Cluster) => cluster.replaceOutput(output, { sendBy: 0 })],
])('%s whose time to leave has passed is certainly not sent', async (_, write) => {
  const { cluster, sent } = scriptedApiServer();
  await expect(write(cluster)).rejects.toThrow(NotSentError);
  expect(sent).toEqual([]);
});

it.each([
  ['1000 characters', 1000, 'x'.repeat(1000)],
  ['of more the first 1000', 1001, `${'x'.repeat(1000)}…`],
])("has of the API server's words %s", async (_, length, message) => {
  const no = status(422, 'Invalid', 'x'.repeat(length));
  const { cluster } = scriptedApiServer(answer('post', outputsPath, 422, no));
  expect(await cluster.createOutput(newOutput)).toEqual({ kind: 'rejected', forbidden: false, message });
});

it('a write whose answer cannot be read is a fault, not an invitation to write again', async () => {
  const { cluster, sent } = scriptedApiServer(answer('post', outputsPath, 201, 'created'));
  await expect(cluster.createOutput(newOutput)).rejects.toThrow(
    `POST ${outputsPath}: answered 201 with a body that is not JSON`,
  );
  expect(sent).toHaveLength(1);
});
