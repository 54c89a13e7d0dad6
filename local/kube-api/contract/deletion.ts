import { expect, test } from 'vitest';
import {
  type Subject,
  bindingOf,
  causesOf,
  made,
  newName,
  newPlace,
  outputOf,
  outputsPath,
} from './subject.ts';

const finalizer = 'kleym.sonda.red/test';
const otherUid = '00000000-0000-4000-8000-000000000000';

/** How objects go, and what holds them. */
export function describeDeletion(subject: () => Subject): void {
  test('an object that nothing holds is gone at once', async () => {
    const { api } = subject();
    const name = newName('output');
    const { metadata } = await made(api, outputsPath, outputOf(name));
    const { status, body } = await api.delete(`${outputsPath}/${name}`);
    expect([status, body.kind, body['status']]).toEqual([200, 'Status', 'Success']);
    expect(body.details).toEqual({
      name,
      group: 'spire.spiffe.io',
      kind: 'clusterspiffeids',
      uid: metadata.uid,
    });
    expect((await api.get(`${outputsPath}/${name}`)).status).toBe(404);
  });

  test('deleting what is not there is a 404 that names it', async () => {
    const { api } = subject();
    const { status, body } = await api.delete(`${outputsPath}/nobody`);
    expect([status, body.reason, body.details?.name]).toEqual([404, 'NotFound', 'nobody']);
  });

  test.each([
    ['uid', { uid: otherUid }, 'the UID in the precondition'],
    [
      'resourceVersion',
      { resourceVersion: '1' },
      'the ResourceVersion in the precondition (1) does not match',
    ],
  ])('a deletion that means another %s is refused', async (_field, wrong, message) => {
    const { api } = subject();
    const name = newName('output');
    const { metadata } = await made(api, outputsPath, outputOf(name));
    const { uid, resourceVersion } = metadata;
    const { status, body } = await api.delete(`${outputsPath}/${name}`, {
      apiVersion: 'v1',
      kind: 'DeleteOptions',
      preconditions: { uid, resourceVersion, ...wrong },
    });
    expect([status, body.reason]).toEqual([409, 'Conflict']);
    expect(body.message).toContain(message);
    expect((await api.get(`${outputsPath}/${name}`)).body.metadata.resourceVersion).toBe(resourceVersion);
  });

  test('a deletion that means this very version is done', async () => {
    const { api } = subject();
    const name = newName('output');
    const { metadata } = await made(api, outputsPath, outputOf(name));
    const { uid, resourceVersion } = metadata;
    const { status } = await api.delete(`${outputsPath}/${name}`, {
      preconditions: { uid, resourceVersion },
    });
    expect(status).toBe(200);
    expect((await api.get(`${outputsPath}/${name}`)).status).toBe(404);
  });

  test('the preconditions hold for an object that is already being deleted', async () => {
    const { api } = subject();
    const { bindings } = await newPlace(api);
    await made(api, bindings, bindingOf('a', { finalizers: [finalizer] }));
    await api.delete(`${bindings}/a`);
    const { status } = await api.delete(`${bindings}/a`, { preconditions: { uid: otherUid } });
    expect(status).toBe(409);
  });

  test('a finalizer holds an object, which shows that it is being deleted', async () => {
    const { api } = subject();
    const { bindings } = await newPlace(api);
    const { metadata: before } = await made(api, bindings, bindingOf('a', { finalizers: [finalizer] }));
    const { status, body } = await api.delete(`${bindings}/a`);
    expect([status, body.kind]).toEqual([200, 'InferenceIdentityBinding']);
    expect(body.metadata).toMatchObject({
      uid: before.uid,
      generation: 2,
      deletionGracePeriodSeconds: 0,
      deletionTimestamp: expect.stringMatching(/Z$/),
      finalizers: [finalizer],
    });
    const again = await api.delete(`${bindings}/a`);
    expect([again.status, again.body.metadata.resourceVersion]).toEqual([200, body.metadata.resourceVersion]);
  });

  test.each(['merge', 'json', 'put'] as const)(
    'the object goes with its last finalizer, taken away by %s',
    async (verb) => {
      const { api } = subject();
      const { bindings } = await newPlace(api);
      await made(api, bindings, bindingOf('a', { finalizers: [finalizer] }));
      const { body } = await api.delete(`${bindings}/a`);
      const { uid, resourceVersion } = body.metadata;
      const path = `${bindings}/a`;
      const { status } =
        verb === 'put'
          ? await api.put(path, { ...body, metadata: { ...body.metadata, finalizers: [] } })
          : verb === 'merge'
            ? await api.patch(path, 'merge', { metadata: { uid, resourceVersion, finalizers: [] } })
            : await api.patch(path, 'json', [{ op: 'remove', path: '/metadata/finalizers' }]);
      expect(status).toBe(200);
      expect((await api.get(path)).status).toBe(404);
    },
  );

  test('what holds one finalizer less still holds', async () => {
    const { api } = subject();
    const { bindings } = await newPlace(api);
    await made(api, bindings, bindingOf('a', { finalizers: ['x.y/1', 'x.y/2'] }));
    await api.delete(`${bindings}/a`);
    const { status, body } = await api.patch(`${bindings}/a`, 'merge', {
      metadata: { finalizers: ['x.y/2'] },
    });
    expect([status, body.metadata.finalizers]).toEqual([200, ['x.y/2']]);
    expect((await api.get(`${bindings}/a`)).status).toBe(200);
  });

  test('nobody may add a finalizer to an object that is being deleted', async () => {
    const { api } = subject();
    const { bindings } = await newPlace(api);
    await made(api, bindings, bindingOf('a', { finalizers: [finalizer] }));
    await api.delete(`${bindings}/a`);
    const { status, body } = await api.patch(`${bindings}/a`, 'merge', {
      metadata: { finalizers: [finalizer, 'x.y/z'] },
    });
    expect([status, body.reason]).toEqual([422, 'Invalid']);
    expect(causesOf(body)).toEqual([
      {
        reason: 'FieldValueForbidden',
        field: 'metadata.finalizers',
        message:
          'Forbidden: no new finalizers can be added if the object is being deleted, found new finalizers []string{"x.y/z"}',
      },
    ]);
  });

  test('spec and status of an object that is being deleted may still be written', async () => {
    const { api } = subject();
    const { bindings } = await newPlace(api);
    await made(api, bindings, bindingOf('a', { finalizers: [finalizer] }));
    await api.delete(`${bindings}/a`);
    const spec = await api.patch(`${bindings}/a`, 'merge', { spec: { serviceAccountName: 'other' } });
    const status = await api.patch(`${bindings}/a/status`, 'merge', { status: { observedGeneration: 3 } });
    expect([spec.status, spec.body.metadata.generation, status.status]).toEqual([200, 3, 200]);
    expect(status.body.metadata.deletionTimestamp).toBe(spec.body.metadata.deletionTimestamp);
  });

  test('the deletion of an object cannot be taken back', async () => {
    const { api } = subject();
    const { bindings } = await newPlace(api);
    await made(api, bindings, bindingOf('a', { finalizers: [finalizer] }));
    const { body } = await api.delete(`${bindings}/a`);
    const { status, body: patched } = await api.patch(`${bindings}/a`, 'merge', {
      metadata: { deletionTimestamp: null },
    });
    expect([status, patched.metadata.deletionTimestamp]).toEqual([200, body.metadata.deletionTimestamp]);
  });

  test('a name is free when its object is gone, not before, and the next one has another uid', async () => {
    const { api } = subject();
    const { bindings } = await newPlace(api);
    const first = await made(api, bindings, bindingOf('a', { finalizers: [finalizer] }));
    await api.delete(`${bindings}/a`);
    const early = await api.post(bindings, bindingOf('a'));
    expect([early.status, early.body.reason, early.body.message]).toEqual([
      409,
      'AlreadyExists',
      'object is being deleted: inferenceidentitybindings.kleym.sonda.red "a" already exists',
    ]);
    await api.patch(`${bindings}/a`, 'merge', { metadata: { finalizers: null } });
    const second = await made(api, bindings, bindingOf('a'));
    expect(second.metadata.uid).not.toBe(first.metadata.uid);
    expect(second.metadata.generation).toBe(1);
  });

  test.each(['Background', 'Orphan'])(
    'the propagation policy %s is understood',
    async (propagationPolicy) => {
      const { api } = subject();
      const { configMaps } = await newPlace(api);
      await made(api, configMaps, { metadata: { name: 'a' } });
      const { status } = await api.delete(`${configMaps}/a`, { propagationPolicy });
      expect(status).toBe(200);
    },
  );

  test('a collection is deleted by its selector, finalizers honoured', async () => {
    const { api } = subject();
    const { bindings } = await newPlace(api);
    await made(api, bindings, bindingOf('a', { labels: { set: 'one' } }));
    await made(api, bindings, bindingOf('b', { labels: { set: 'one' }, finalizers: [finalizer] }));
    await made(api, bindings, bindingOf('c', { labels: { set: 'two' } }));
    const { status, body } = await api.delete(bindings, undefined, { labelSelector: 'set=one' });
    expect([status, body.kind]).toEqual([200, 'InferenceIdentityBindingList']);
    const { body: list } = await api.get(bindings);
    expect(
      list.items.map(({ metadata }) => [metadata.name, metadata.deletionTimestamp !== undefined]),
    ).toEqual([
      ['b', true],
      ['c', false],
    ]);
  });

  test('a namespace that is being deleted takes nothing new and lets the old be changed', async () => {
    const { api } = subject();
    const { namespace, bindings, events } = await newPlace(api);
    await made(api, bindings, bindingOf('a', { finalizers: [finalizer] }));
    const deleted = await api.delete(`/api/v1/namespaces/${namespace}`);
    expect([deleted.status, deleted.body['status']]).toEqual([200, { phase: 'Terminating' }]);
    const event = {
      metadata: { name: 'e' },
      eventTime: '2026-01-01T00:00:00.000000Z',
      reportingController: 'a.b/c',
      reportingInstance: 'i',
      action: 'A',
      reason: 'R',
      type: 'Normal',
      regarding: { namespace },
    };
    const refusals = [await api.post(bindings, bindingOf('b')), await api.post(events, event)];
    for (const { status, body } of refusals) {
      expect([status, body.reason]).toEqual([403, 'Forbidden']);
      expect(body.message).toContain(
        `unable to create new content in namespace ${namespace} because it is being terminated`,
      );
      expect(body.details?.causes).toEqual([
        {
          reason: 'NamespaceTerminating',
          message: `namespace ${namespace} is being terminated`,
          field: 'metadata.namespace',
        },
      ]);
    }
    const status = await api.patch(`${bindings}/a/status`, 'merge', { status: { observedGeneration: 1 } });
    const released = await api.patch(`${bindings}/a`, 'merge', { metadata: { finalizers: null } });
    expect([status.status, released.status]).toEqual([200, 200]);
  });
}
