import { expect, test } from 'vitest';
import { type Place, type Subject, bindingOf, made, newName, newPlace } from './subject.ts';

/** An Event as the functions write it. */
function eventOf({ namespace }: Place, name: string, more: object = {}) {
  return {
    apiVersion: 'events.k8s.io/v1',
    kind: 'Event',
    metadata: { name, namespace },
    eventTime: '2026-01-02T03:04:05.678000Z',
    reportingController: 'kleym.sonda.red/reconcile',
    reportingInstance: 'instance-1',
    action: 'Reconciled',
    reason: 'Reconciled',
    type: 'Normal',
    note: 'all is well',
    regarding: {
      apiVersion: 'kleym.sonda.red/v1alpha1',
      kind: 'InferenceIdentityBinding',
      name: 'binding-a',
      namespace,
      uid: 'uid-1',
    },
    ...more,
  };
}

/** Events: written through one API, read by people through another. */
export function describeEvents(subject: () => Subject): void {
  test('an Event written through events.k8s.io is read through the core API, field by field', async () => {
    const { api } = subject();
    const place = await newPlace(api);
    await made(api, place.events, eventOf(place, 'e'));
    const { status, body } = await api.get(`${place.coreEvents}/e`);
    expect(status).toBe(200);
    expect(body).toMatchObject({
      apiVersion: 'v1',
      kind: 'Event',
      eventTime: '2026-01-02T03:04:05.678000Z',
      involvedObject: eventOf(place, 'e').regarding,
      message: 'all is well',
      reason: 'Reconciled',
      action: 'Reconciled',
      type: 'Normal',
      reportingComponent: 'kleym.sonda.red/reconcile',
      reportingInstance: 'instance-1',
      firstTimestamp: null,
      lastTimestamp: null,
      source: {},
    });
    expect((await api.get(`${place.events}/e`)).body).toMatchObject(eventOf(place, 'e'));
  });

  test('the same Event cannot be written twice', async () => {
    const { api } = subject();
    const place = await newPlace(api);
    await made(api, place.events, eventOf(place, 'e'));
    const { status, body } = await api.post(place.events, eventOf(place, 'e'));
    expect([status, body.reason]).toEqual([409, 'AlreadyExists']);
  });

  test('Events are found by what they are about', async () => {
    const { api } = subject();
    const place = await newPlace(api);
    await made(api, place.events, eventOf(place, 'one'));
    const { regarding } = eventOf(place, 'two');
    await made(
      api,
      place.events,
      eventOf(place, 'two', {
        regarding: { ...regarding, name: 'binding-b', uid: 'uid-2' },
        type: 'Warning',
        reason: 'Refused',
      }),
    );
    const selectors: [selector: string, path: string, names: string][] = [
      ['involvedObject.name=binding-a', place.coreEvents, 'one'],
      ['involvedObject.uid=uid-2', place.coreEvents, 'two'],
      [`involvedObject.namespace=${place.namespace}`, place.coreEvents, 'one two'],
      ['involvedObject.kind=InferenceIdentityBinding,involvedObject.name=binding-b', place.coreEvents, 'two'],
      ['involvedObject.kind=Pod', place.coreEvents, ''],
      ['reason=Refused', place.coreEvents, 'two'],
      ['type=Warning', place.coreEvents, 'two'],
      ['reportingComponent=kleym.sonda.red/reconcile', place.coreEvents, 'one two'],
      ['regarding.name=binding-a', place.events, 'one'],
      ['regarding.uid=uid-2', place.events, 'two'],
      ['reportingController=kleym.sonda.red/reconcile,type=Normal', place.events, 'one'],
    ];
    const found: [string, string, string][] = [];
    for (const [fieldSelector, path] of selectors) {
      const { body } = await api.get(path, { fieldSelector });
      found.push([fieldSelector, path, (body.items ?? []).map(({ metadata }) => metadata.name).join(' ')]);
    }
    expect(found).toEqual(selectors);
  });

  test.each([
    ['no time', { eventTime: undefined }, 'eventTime'],
    ['no controller', { reportingController: undefined }, 'reportingController'],
    ['a controller that is no qualified name', { reportingController: 'a b' }, 'reportingController'],
    ['no instance', { reportingInstance: undefined }, 'reportingInstance'],
    ['no action', { action: undefined }, 'action'],
    ['no reason', { reason: undefined }, 'reason'],
    ['a reason that is too long', { reason: 'r'.repeat(129) }, 'reason'],
    ['a type that is neither Normal nor Warning', { type: 'Error' }, 'type'],
    ['a note of more than 1024 bytes', { note: 'ö'.repeat(513) }, 'message'],
    ['a count of the older API', { deprecatedCount: 1 }, 'count'],
  ])('an Event with %s is refused', async (_title, wrong, field) => {
    const { api } = subject();
    const place = await newPlace(api);
    const { status, body } = await api.post(place.events, eventOf(place, 'e', wrong));
    expect([status, body.reason]).toEqual([422, 'Invalid']);
    expect(body.details?.causes).toEqual(expect.arrayContaining([expect.objectContaining({ field })]));
  });

  test('a note of 1024 bytes is taken', async () => {
    const { api } = subject();
    const place = await newPlace(api);
    const { status } = await api.post(place.events, eventOf(place, 'e', { note: 'ö'.repeat(512) }));
    expect(status).toBe(201);
  });

  test('an Event about an object of no namespace is at home in default', async () => {
    const { api } = subject();
    const place = await newPlace(api);
    const regarding = {
      apiVersion: 'spire.spiffe.io/v1alpha1',
      kind: 'ClusterSPIFFEID',
      name: 'o',
      uid: 'u',
    };
    const elsewhere = await api.post(place.events, eventOf(place, 'e', { regarding }));
    const name = newName('event');
    const home = await api.post(
      '/apis/events.k8s.io/v1/namespaces/default/events',
      eventOf({ ...place, namespace: 'default' }, name, { regarding }),
    );
    expect([elsewhere.status, home.status]).toEqual([422, 201]);
  });

  test('an Event need not be about something that is there', async () => {
    const { api } = subject();
    const place = await newPlace(api);
    await made(api, place.bindings, bindingOf('binding-z'));
    const { status } = await api.post(place.events, eventOf(place, 'e'));
    expect(status).toBe(201);
  });

  test('an Event can be repeated by its series, and says nothing else anew', async () => {
    const { api } = subject();
    const place = await newPlace(api);
    await made(api, place.events, eventOf(place, 'e'));
    const series = { count: 2, lastObservedTime: '2026-01-02T03:05:05.000000Z' };
    const repeated = await api.patch(`${place.events}/e`, 'merge', { series });
    const reworded = await api.patch(`${place.events}/e`, 'merge', { note: 'other' });
    expect([repeated.status, repeated.body['series']]).toEqual([200, series]);
    expect([reworded.status, reworded.body.reason]).toEqual([422, 'Invalid']);
  });
}
