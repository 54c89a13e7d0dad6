import { expect, test } from 'vitest';
import type { Body } from './api.ts';
import { type Subject, bindingOf, made, newPlace } from './subject.ts';

const asTable = 'application/json;as=Table;v=v1;g=meta.k8s.io,application/json';
const asMetadata = 'application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io,application/json';

interface Table extends Body {
  readonly columnDefinitions: readonly {
    readonly name: string;
    readonly type: string;
    readonly priority: number;
  }[];
  readonly rows: readonly { readonly cells: readonly unknown[]; readonly object: Body | null }[];
}

/** What `kubectl get` prints comes from the server. */
export function describeTables(subject: () => Subject): void {
  test('a list of bindings as a table has the columns of the definition', async () => {
    const { api } = subject();
    const { bindings } = await newPlace(api);
    await made(api, bindings, bindingOf('a', {}, { objectiveRef: { name: 'objective-a' } }));
    await made(api, bindings, bindingOf('b'));
    const condition = {
      type: 'Ready',
      status: 'True',
      reason: 'Reconciled',
      message: 'm',
      observedGeneration: 1,
      lastTransitionTime: '2026-01-02T03:04:05Z',
    };
    const computedSpiffeIDs = [{ mode: 'PoolOnly', spiffeID: 'spiffe://a.b/c' }];
    const conflicts = ['x', 'y', 'z'].map((name) => ({
      name,
      uid: name,
      reason: name === 'x' ? 'IdentityCollision' : 'PossibleOverlap',
    }));
    await api.patch(`${bindings}/a/status`, 'merge', {
      status: { conditions: [condition], computedSpiffeIDs, conflicts },
    });
    const { body } = await api.send('GET', bindings, { accept: asTable });
    const { kind, columnDefinitions, rows } = body as Table;
    expect(kind).toBe('Table');
    expect(columnDefinitions.map(({ name, type, priority }) => `${name} ${type} ${priority}`)).toEqual([
      'Name string 0',
      'MODE string 0',
      'POOL string 0',
      'OBJECTIVE string 0',
      'READY string 0',
      'REASON string 0',
      'SPIFFE ID string 0',
      'AGE date 0',
      'MAY OVERLAP string 1',
      'MESSAGE string 1',
    ]);
    const age = expect.stringMatching(/^\d+s$/);
    expect(rows.map(({ cells }) => cells)).toEqual([
      ['a', 'PoolOnly', 'pool-a', 'objective-a', 'True', 'Reconciled', 'spiffe://a.b/c', age, 'y', 'm'],
      ['b', 'PoolOnly', 'pool-a', null, null, null, null, age, null, null],
    ]);
    expect(rows[0]?.object).toMatchObject({ kind: 'PartialObjectMetadata', metadata: { name: 'a' } });
  });

  test('a table shows whole objects, or none, where it is asked to', async () => {
    const { api } = subject();
    const { bindings } = await newPlace(api);
    await made(api, bindings, bindingOf('a'));
    const whole = await api.send('GET', bindings, { accept: asTable, query: { includeObject: 'Object' } });
    const none = await api.send('GET', bindings, { accept: asTable, query: { includeObject: 'None' } });
    expect((whole.body as Table).rows[0]?.object).toMatchObject({
      kind: 'InferenceIdentityBinding',
      spec: { mode: 'PoolOnly' },
    });
    expect((none.body as Table).rows[0]?.object).toBeNull();
  });

  test('Events as a table have the columns that people know', async () => {
    const { api } = subject();
    const { coreEvents } = await newPlace(api);
    const { body } = await api.send('GET', coreEvents, { accept: asTable });
    expect((body as Table).columnDefinitions.map(({ name, priority }) => `${name} ${priority}`)).toEqual([
      'Last Seen 0',
      'Type 0',
      'Reason 0',
      'Object 0',
      'Subobject 1',
      'Source 1',
      'Message 0',
      'First Seen 1',
      'Count 1',
      'Name 1',
    ]);
  });

  test('a list may be of metadata alone', async () => {
    const { api } = subject();
    const { bindings } = await newPlace(api);
    await made(api, bindings, bindingOf('a', { labels: { a: 'b' } }));
    const { body } = await api.send('GET', bindings, { accept: asMetadata });
    expect([body.kind, body.apiVersion]).toEqual(['PartialObjectMetadataList', 'meta.k8s.io/v1']);
    expect(body.items).toEqual([
      expect.objectContaining({ metadata: expect.objectContaining({ name: 'a', labels: { a: 'b' } }) }),
    ]);
    expect(body.items[0]?.['spec']).toBeUndefined();
  });
}
