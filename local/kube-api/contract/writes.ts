import { describe, expect, test } from 'vitest';
import type { PatchKind } from './api.ts';
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

const status = { observedGeneration: 1 };

/** What becomes of objects that are created, replaced and patched. */
export function describeWrites(subject: () => Subject): void {
  describe('generation and status', () => {
    describeGeneration(subject);
  });
  describe('compare-and-swap', () => {
    describeConflicts(subject);
  });
  describe('creating', () => {
    describeCreation(subject);
  });
  describe('dry runs', () => {
    describeDryRuns(subject);
  });
  describe('patching', () => {
    describePatches(subject);
  });
}

function describeGeneration(subject: () => Subject): void {
  test('a new object has a uid, a time, a resourceVersion, generation 1 and no status', async () => {
    const { api } = subject();
    const { bindings } = await newPlace(api);
    const { metadata, ...others } = await made(api, bindings, { ...bindingOf('a'), status });
    expect(metadata).toMatchObject({
      name: 'a',
      generation: 1,
      resourceVersion: expect.stringMatching(/^[1-9]\d*$/),
    });
    expect(metadata.uid).toMatch(/^[0-9a-f-]{36}$/);
    expect(metadata.creationTimestamp).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
    expect(others['status']).toBeUndefined();
  });

  test('a change of the spec raises the generation; labels, annotations, finalizers and the status do not', async () => {
    const { api } = subject();
    const { bindings } = await newPlace(api);
    await made(api, bindings, bindingOf('a'));
    const generations: unknown[] = [];
    for (const patch of [
      { metadata: { labels: { a: 'b' } } },
      { metadata: { annotations: { a: 'b' } } },
      { metadata: { finalizers: ['kleym.sonda.red/test'] } },
      { spec: { serviceAccountName: 'other' } },
      { metadata: { finalizers: null } },
    ]) {
      const { body } = await api.patch(`${bindings}/a`, 'merge', patch);
      generations.push(body.metadata.generation);
    }
    const { body } = await api.patch(`${bindings}/a/status`, 'merge', { status });
    expect([...generations, body.metadata.generation]).toEqual([1, 1, 1, 2, 2, 2]);
  });

  test('a write of the object leaves its status alone', async () => {
    const { api } = subject();
    const { bindings } = await newPlace(api);
    await made(api, bindings, bindingOf('a'));
    const { body } = await api.patch(`${bindings}/a/status`, 'merge', { status });
    const replaced = await api.put(`${bindings}/a`, { ...body, status: { observedGeneration: 7 } });
    const patched = await api.patch(`${bindings}/a`, 'merge', { status: { observedGeneration: 8 } });
    expect([replaced.status, replaced.body['status']]).toEqual([200, status]);
    expect([patched.status, patched.body['status']]).toEqual([200, status]);
    expect(patched.body.metadata.resourceVersion).toBe(body.metadata.resourceVersion);
  });

  test('a write of the status changes nothing but the status', async () => {
    const { api } = subject();
    const { bindings } = await newPlace(api);
    const { metadata, spec } = await made(api, bindings, bindingOf('a', { labels: { a: 'b' } }));
    const { uid, resourceVersion } = metadata;
    const written = {
      ...bindingOf(
        'a',
        { uid, resourceVersion, labels: { a: 'c' }, finalizers: ['x.y/z'] },
        { serviceAccountName: 'other' },
      ),
      status,
    };
    const { status: code, body } = await api.put(`${bindings}/a/status`, written);
    expect([code, body['status'], body['spec']]).toEqual([200, status, spec]);
    expect(body.metadata).toMatchObject({ labels: { a: 'b' }, generation: 1 });
    expect(body.metadata.finalizers).toBeUndefined();
  });

  test('a status may be written without a word about the spec', async () => {
    const { api } = subject();
    const { bindings } = await newPlace(api);
    const { apiVersion, kind, metadata, spec } = await made(api, bindings, bindingOf('a'));
    const { name, namespace, uid, resourceVersion } = metadata;
    const identity = { apiVersion, kind, metadata: { name, namespace, uid, resourceVersion } };
    const { status: code, body } = await api.put(
      `${bindings}/a/status`,
      { ...identity, status },
      { fieldValidation: 'Strict' },
    );
    expect([code, body['status'], body['spec']]).toEqual([200, status, spec]);
  });

  test('a status that is put takes the place of the whole status', async () => {
    const { api } = subject();
    const { bindings } = await newPlace(api);
    await made(api, bindings, bindingOf('a'));
    const { body } = await api.patch(`${bindings}/a/status`, 'merge', {
      status: { ...status, trustDomain: 'a.b' },
    });
    const replaced = await api.put(`${bindings}/a/status`, { ...body, status });
    expect(replaced.body['status']).toEqual(status);
  });

  test('an object can be read at the address of its status', async () => {
    const { api } = subject();
    const { bindings } = await newPlace(api);
    const stored = await made(api, bindings, bindingOf('a'));
    const { status: code, body } = await api.get(`${bindings}/a/status`);
    expect([code, body.metadata.uid]).toEqual([200, stored.metadata.uid]);
  });

  test('writes that change nothing write nothing', async () => {
    const { api } = subject();
    const { bindings } = await newPlace(api);
    const stored = await made(api, bindings, bindingOf('a', { labels: { a: 'b' }, finalizers: ['x.y/z'] }));
    const withStatus = await api.put(`${bindings}/a/status`, { ...stored, status });
    const { resourceVersion } = withStatus.body.metadata;
    const answers = [
      await api.put(`${bindings}/a`, withStatus.body),
      await api.put(`${bindings}/a/status`, withStatus.body),
      await api.patch(`${bindings}/a`, 'merge', { metadata: { labels: { a: 'b' }, finalizers: ['x.y/z'] } }),
      await api.patch(`${bindings}/a`, 'merge', {}),
      await api.patch(`${bindings}/a/status`, 'merge', { status }),
      await api.patch(`${bindings}/a`, 'json', [{ op: 'replace', path: '/metadata/labels/a', value: 'b' }]),
    ];
    expect(answers.map((answer) => [answer.status, answer.body.metadata.resourceVersion])).toEqual(
      answers.map(() => [200, resourceVersion]),
    );
  });
}

interface Write {
  readonly title: string;
  readonly part: '' | '/status';
  readonly verb: 'put' | PatchKind;
}

const swaps: Write[] = (['', '/status'] as const).flatMap((part) =>
  (['put', 'merge', 'json'] as const).map((verb) => ({
    title: `a ${verb} of the ${part || 'object'}`,
    part,
    verb,
  })),
);

function describeConflicts(subject: () => Subject): void {
  /** Writes with a uid and a resourceVersion that the caller believes in. */
  async function swap(
    { part, verb }: Write,
    path: string,
    believed: { uid: string; resourceVersion: string },
  ) {
    const { api } = subject();
    const { body: current } = await api.get(path);
    const change = part === '' ? { labels: { changed: 'yes' } } : {};
    const metadata = { ...current.metadata, ...believed, ...change };
    if (verb === 'put') return await api.put(`${path}${part}`, { ...current, metadata, status });
    if (verb === 'merge') {
      return await api.patch(`${path}${part}`, 'merge', {
        metadata: { ...believed, ...change },
        ...(part && { status }),
      });
    }
    const operations = [
      { op: 'replace', path: '/metadata/uid', value: believed.uid },
      { op: 'replace', path: '/metadata/resourceVersion', value: believed.resourceVersion },
      part === ''
        ? { op: 'add', path: '/metadata/labels', value: { changed: 'yes' } }
        : { op: 'add', path: '/status', value: status },
    ];
    return await api.patch(`${path}${part}`, 'json', operations);
  }

  test.each(swaps)('$title is taken where its resourceVersion is the present one', async (write) => {
    const { api } = subject();
    const { bindings } = await newPlace(api);
    const { metadata } = await made(api, bindings, bindingOf('a'));
    const answer = await swap(write, `${bindings}/a`, metadata);
    expect(answer.status).toBe(200);
    expect(answer.body.metadata.resourceVersion).not.toBe(metadata.resourceVersion);
  });

  test.each(swaps)('$title is refused where its resourceVersion is an older one', async (write) => {
    const { api } = subject();
    const { bindings } = await newPlace(api);
    const { metadata } = await made(api, bindings, bindingOf('a'));
    await api.patch(`${bindings}/a`, 'merge', { metadata: { annotations: { a: 'b' } } });
    const { status: code, body } = await swap(write, `${bindings}/a`, metadata);
    expect([code, body]).toEqual([409, expect.objectContaining({ kind: 'Status', reason: 'Conflict' })]);
    expect(body.message).toBe(
      'Operation cannot be fulfilled on inferenceidentitybindings.kleym.sonda.red "a": the object has been modified; please apply your changes to the latest version and try again',
    );
    expect(body.details).toEqual({ name: 'a', group: 'kleym.sonda.red', kind: 'inferenceidentitybindings' });
  });

  const otherUid = '00000000-0000-4000-8000-000000000000';

  test.each(swaps.filter(({ verb }) => verb === 'put'))(
    '$title is refused where it means another uid',
    async (write) => {
      const { api } = subject();
      const { bindings } = await newPlace(api);
      const { metadata } = await made(api, bindings, bindingOf('a'));
      const { resourceVersion } = metadata;
      const { status: code, body } = await swap(write, `${bindings}/a`, { uid: otherUid, resourceVersion });
      expect([code, body.reason]).toEqual([409, 'Conflict']);
      expect(body.message).toContain(
        `Precondition failed: UID in precondition: ${otherUid}, UID in object meta: ${metadata.uid}`,
      );
    },
  );

  test.each(swaps.filter(({ part, verb }) => part === '' && verb !== 'put'))(
    '$title is refused as a change of the uid where it means another uid',
    async (write) => {
      const { api } = subject();
      const { bindings } = await newPlace(api);
      const { metadata } = await made(api, bindings, bindingOf('a'));
      const { resourceVersion } = metadata;
      const { status: code, body } = await swap(write, `${bindings}/a`, { uid: otherUid, resourceVersion });
      expect([code, body.reason]).toEqual([422, 'Invalid']);
      expect(causesOf(body)).toEqual([
        {
          reason: 'FieldValueInvalid',
          field: 'metadata.uid',
          message: `Invalid value: "${otherUid}": field is immutable`,
        },
      ]);
    },
  );

  test.each(swaps.filter(({ part, verb }) => part !== '' && verb !== 'put'))(
    '$title lands although it means another uid',
    async (write) => {
      const { api } = subject();
      const { bindings } = await newPlace(api);
      const { metadata } = await made(api, bindings, bindingOf('a'));
      const { resourceVersion } = metadata;
      const { status: code, body } = await swap(write, `${bindings}/a`, { uid: otherUid, resourceVersion });
      expect([code, body.metadata.uid]).toEqual([200, metadata.uid]);
    },
  );

  test('a patch without a resourceVersion always lands', async () => {
    const { api } = subject();
    const { bindings } = await newPlace(api);
    await made(api, bindings, bindingOf('a'));
    await api.patch(`${bindings}/a`, 'merge', { metadata: { labels: { a: '1' } } });
    const { status: code, body } = await api.patch(`${bindings}/a`, 'merge', {
      metadata: { labels: { b: '2' } },
    });
    expect([code, body.metadata.labels]).toEqual([200, { a: '1', b: '2' }]);
  });

  test.each(['', '/status'])('a put of a custom object%s must say its resourceVersion', async (part) => {
    const { api } = subject();
    const { bindings } = await newPlace(api);
    await made(api, bindings, bindingOf('a'));
    const { status: code, body } = await api.put(`${bindings}/a${part}`, bindingOf('a'));
    expect([code, body.reason]).toEqual([422, 'Invalid']);
    expect(body.message).toBe(
      'inferenceidentitybindings.kleym.sonda.red "a" is invalid: metadata.resourceVersion: Invalid value: 0: must be specified for an update',
    );
  });

  test('a put of a built-in object need not', async () => {
    const { api } = subject();
    const { configMaps } = await newPlace(api);
    await made(api, configMaps, { metadata: { name: 'a' } });
    const { status: code, body } = await api.put(`${configMaps}/a`, {
      metadata: { name: 'a' },
      data: { b: 'c' },
    });
    expect([code, body['data']]).toEqual([200, { b: 'c' }]);
  });

  test.each(['put', 'merge'] as const)(
    'a %s of an object that is not there is a 404 that names it',
    async (verb) => {
      const { api } = subject();
      const { bindings } = await newPlace(api);
      const written = bindingOf('a', { uid: otherUid, resourceVersion: '1' });
      const answers = await Promise.all(
        ['', '/status'].map((part) =>
          verb === 'put'
            ? api.put(`${bindings}/a${part}`, written)
            : api.patch(`${bindings}/a${part}`, verb, written),
        ),
      );
      expect(answers.map((answer) => [answer.status, answer.body.reason, answer.body.details?.name])).toEqual(
        answers.map(() => [404, 'NotFound', 'a']),
      );
    },
  );

  test('of two writers that read the same version one gets through', async () => {
    const { api } = subject();
    const { bindings } = await newPlace(api);
    const stored = await made(api, bindings, bindingOf('a'));
    const answers = await Promise.all(
      Array.from({ length: 8 }, (_, index) =>
        api.put(`${bindings}/a`, {
          ...stored,
          metadata: { ...stored.metadata, labels: { writer: `${index}` } },
        }),
      ),
    );
    const codes = answers.map((answer) => answer.status);
    expect(codes.toSorted((a, b) => a - b)).toEqual([200, 409, 409, 409, 409, 409, 409, 409]);
  });
}

function describeCreation(subject: () => Subject): void {
  test('a name can be taken once, by whoever it was', async () => {
    const { api } = subject();
    const name = newName('output');
    await made(api, outputsPath, outputOf(name));
    const { status: code, body } = await api.post(outputsPath, outputOf(name));
    expect([code, body.kind, body.reason]).toEqual([409, 'Status', 'AlreadyExists']);
    expect(body.message).toBe(`clusterspiffeids.spire.spiffe.io "${name}" already exists`);
    expect(body.details).toEqual({ name, group: 'spire.spiffe.io', kind: 'clusterspiffeids' });
  });

  test('of two creations of one name at once one gets through', async () => {
    const { api } = subject();
    const name = newName('output');
    const answers = await Promise.all(Array.from({ length: 6 }, () => api.post(outputsPath, outputOf(name))));
    const codes = answers.map((answer) => answer.status);
    expect(codes.toSorted((a, b) => a - b)).toEqual([201, 409, 409, 409, 409, 409]);
  });

  test('a prefix for a name is made a name', async () => {
    const { api } = subject();
    const { configMaps } = await newPlace(api);
    const { metadata } = await made(api, configMaps, { metadata: { generateName: 'a-' } });
    expect(metadata).toMatchObject({ name: expect.stringMatching(/^a-[a-z0-9]{5}$/), generateName: 'a-' });
  });

  test('an object cannot be created with a resourceVersion', async () => {
    const { api } = subject();
    const { bindings } = await newPlace(api);
    const { status: code, body } = await api.post(bindings, bindingOf('a', { resourceVersion: '1' }));
    expect([code, body.message]).toEqual([500, 'resourceVersion should not be set on objects to be created']);
  });

  test("uid, times and generation are the server's to say", async () => {
    const { api } = subject();
    const { bindings } = await newPlace(api);
    const said = {
      uid: 'u',
      generation: 7,
      creationTimestamp: '2001-01-01T00:00:00Z',
      deletionTimestamp: '2001-01-01T00:00:00Z',
    };
    const { metadata } = await made(api, bindings, bindingOf('a', said));
    expect(metadata.uid).not.toBe('u');
    expect(metadata.generation).toBe(1);
    expect(metadata.creationTimestamp).not.toBe(said.creationTimestamp);
    expect(metadata.deletionTimestamp).toBeUndefined();
  });

  test("every answer tells the server's time", async () => {
    const { api } = subject();
    const { headers } = await api.get(outputsPath);
    expect(Date.parse(headers.date ?? '')).not.toBeNaN();
  });
}

function describeDryRuns(subject: () => Subject): void {
  const dryRun = { dryRun: 'All' };

  test('a dry run of a creation shows the object and leaves nothing', async () => {
    const { api } = subject();
    const { bindings } = await newPlace(api);
    const { status: code, body } = await api.post(bindings, bindingOf('a', {}, { mode: 'PoolOnly' }), dryRun);
    expect([code, body.metadata.name, body.metadata.resourceVersion]).toEqual([201, 'a', undefined]);
    expect((await api.get(`${bindings}/a`)).status).toBe(404);
  });

  test('a dry run is refused as the creation would be', async () => {
    const { api } = subject();
    const name = newName('output');
    await made(api, outputsPath, outputOf(name));
    const taken = await api.post(outputsPath, outputOf(name), dryRun);
    const invalid = await api.post(outputsPath, outputOf('x', {}, { podSelector: 'all' }), dryRun);
    expect([taken.status, taken.body.reason]).toEqual([409, 'AlreadyExists']);
    expect([invalid.status, invalid.body.reason]).toEqual([422, 'Invalid']);
  });

  test('dry runs of changes and deletions change and delete nothing', async () => {
    const { api } = subject();
    const { bindings } = await newPlace(api);
    const stored = await made(api, bindings, bindingOf('a'));
    const changed = { ...stored, spec: { ...(stored['spec'] as object), serviceAccountName: 'other' } };
    const answers = [
      await api.put(`${bindings}/a`, changed, dryRun),
      await api.patch(`${bindings}/a`, 'merge', { spec: { serviceAccountName: 'other' } }, dryRun),
      await api.patch(`${bindings}/a/status`, 'merge', { status }, dryRun),
      await api.delete(`${bindings}/a`, undefined, dryRun),
      await api.delete(`${bindings}/a`, { dryRun: ['All'] }),
    ];
    expect(answers.map((answer) => answer.status)).toEqual([200, 200, 200, 200, 200]);
    expect(answers[1]?.body['spec']).toMatchObject({ serviceAccountName: 'other' });
    const { managedFields: _fields, ...metadata } = stored.metadata as unknown as Record<string, unknown>;
    const { body } = await api.get(`${bindings}/a`);
    expect(body).toMatchObject({ metadata, spec: stored['spec'] as object });
  });

  test('any other dry run is refused', async () => {
    const { api } = subject();
    const { status: code, body } = await api.post(outputsPath, outputOf('x'), { dryRun: 'Some' });
    expect([code, body.reason]).toEqual([422, 'Invalid']);
    expect(body.message).toContain('dryRun: Unsupported value:');
  });
}

function describePatches(subject: () => Subject): void {
  test('a merge patch merges objects, replaces lists and takes away what is null', async () => {
    const { api } = subject();
    const { configMaps } = await newPlace(api);
    await made(api, configMaps, {
      metadata: { name: 'a', finalizers: ['x.y/1', 'x.y/2'] },
      data: { a: '1', b: '2' },
    });
    const { body } = await api.patch(`${configMaps}/a`, 'merge', {
      metadata: { finalizers: ['x.y/3'] },
      data: { b: null, c: '3' },
    });
    expect([body.metadata.finalizers, body['data']]).toEqual([['x.y/3'], { a: '1', c: '3' }]);
    await api.patch(`${configMaps}/a`, 'merge', { metadata: { finalizers: null } });
  });

  test('a JSON patch does all it says or nothing', async () => {
    const { api } = subject();
    const { configMaps } = await newPlace(api);
    const { metadata } = await made(api, configMaps, { metadata: { name: 'a' }, data: { a: '1' } });
    const path = `${configMaps}/a`;
    const add = { op: 'add', path: '/data/b', value: '2' };
    const failed = await api.patch(path, 'json', [add, { op: 'test', path: '/data/a', value: '2' }]);
    const missing = await api.patch(path, 'json', [add, { op: 'remove', path: '/data/c' }]);
    expect([failed.status, failed.body.reason, missing.status]).toEqual([422, 'Invalid', 422]);
    expect((await api.get(path)).body.metadata.resourceVersion).toBe(metadata.resourceVersion);
    const done = await api.patch(path, 'json', [
      { op: 'test', path: '/data/a', value: '1' },
      add,
      { op: 'copy', from: '/data/b', path: '/data/c' },
      { op: 'move', from: '/data/a', path: '/data/d' },
      { op: 'remove', path: '/data/b' },
    ]);
    expect([done.status, done.body['data']]).toEqual([200, { c: '2', d: '1' }]);
  });

  test('a strategic merge patch is for built-in kinds only', async () => {
    const { api } = subject();
    const { bindings, configMaps } = await newPlace(api);
    await made(api, configMaps, { metadata: { name: 'a', finalizers: ['x.y/1'] } });
    await made(api, bindings, bindingOf('a'));
    const builtIn = await api.patch(`${configMaps}/a`, 'strategic', { metadata: { finalizers: ['x.y/2'] } });
    const custom = await api.patch(`${bindings}/a`, 'strategic', { metadata: { labels: { a: 'b' } } });
    expect(builtIn.body.metadata.finalizers?.toSorted()).toEqual(['x.y/1', 'x.y/2']);
    expect([custom.status, custom.body.reason]).toEqual([415, 'UnsupportedMediaType']);
    expect(custom.body.message).toContain(
      'application/json-patch+json, application/merge-patch+json, application/apply-patch+yaml',
    );
    await api.patch(`${configMaps}/a`, 'merge', { metadata: { finalizers: null } });
  });

  test('an apply patch creates what is not there and changes what is', async () => {
    const { api } = subject();
    const { bindings } = await newPlace(api);
    const manager = { fieldManager: 'test', force: 'true' };
    const created = await api.patch(`${bindings}/a`, 'apply', bindingOf('a'), manager);
    const changed = await api.patch(
      `${bindings}/a`,
      'apply',
      bindingOf('a', { labels: { a: 'b' } }),
      manager,
    );
    const again = await api.patch(`${bindings}/a`, 'apply', bindingOf('a', { labels: { a: 'b' } }), manager);
    expect([created.status, changed.status, again.status]).toEqual([201, 200, 200]);
    expect(changed.body.metadata).toMatchObject({
      uid: created.body.metadata.uid,
      labels: { a: 'b' },
      generation: 1,
    });
    expect(again.body.metadata.resourceVersion).toBe(changed.body.metadata.resourceVersion);
  });

  test('an apply patch without a field manager is refused', async () => {
    const { api } = subject();
    const { bindings } = await newPlace(api);
    const { status: code, body } = await api.patch(`${bindings}/a`, 'apply', bindingOf('a'));
    expect([code, body.message]).toEqual([
      422,
      'PatchOptions.meta.k8s.io "" is invalid: fieldManager: Required value: is required for apply patch',
    ]);
  });
}
