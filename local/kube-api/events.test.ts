import { describe, expect, test } from 'vitest';
import {
  validateCoreEvent,
  validateNewEvent,
  presentCoreEvent,
  presentNewEvent,
  storeCoreEvent,
  storeNewEvent,
} from './events.ts';
import type { KubeObject } from './kube-object.ts';

const regarding = { apiVersion: 'test.dev/v1', kind: 'Thing', namespace: 'a', name: 'one' };

const written: KubeObject = {
  apiVersion: 'events.k8s.io/v1',
  kind: 'Event',
  metadata: { name: 'e', namespace: 'a' },
  regarding,
  reason: 'Made',
  note: 'it was made',
  type: 'Normal',
  action: 'Make',
  eventTime: '2026-01-02T03:04:05Z',
  reportingController: 'test.dev/maker',
  reportingInstance: 'maker-1',
};

const core: KubeObject = {
  apiVersion: 'v1',
  kind: 'Event',
  metadata: { name: 'e', namespace: 'a' },
  involvedObject: regarding,
  reason: 'Made',
  message: 'it was made',
  type: 'Normal',
  source: { component: 'maker' },
  firstTimestamp: '2026-01-02T03:04:05Z',
  lastTimestamp: '2026-01-02T03:04:06Z',
  count: 2,
};

test('an Event of events.k8s.io is shown by the core API in its own words', () => {
  expect(presentCoreEvent(storeNewEvent(written))).toEqual({
    apiVersion: 'v1',
    kind: 'Event',
    metadata: { name: 'e', namespace: 'a' },
    involvedObject: regarding,
    reason: 'Made',
    message: 'it was made',
    type: 'Normal',
    action: 'Make',
    eventTime: '2026-01-02T03:04:05.000000Z',
    reportingComponent: 'test.dev/maker',
    reportingInstance: 'maker-1',
    source: {},
    firstTimestamp: null,
    lastTimestamp: null,
  });
});

test('a core Event is shown by events.k8s.io in its own words', () => {
  expect(presentNewEvent(storeCoreEvent(core))).toEqual({
    apiVersion: 'events.k8s.io/v1',
    kind: 'Event',
    metadata: { name: 'e', namespace: 'a' },
    regarding,
    reason: 'Made',
    note: 'it was made',
    type: 'Normal',
    eventTime: null,
    deprecatedSource: { component: 'maker' },
    deprecatedFirstTimestamp: '2026-01-02T03:04:05Z',
    deprecatedLastTimestamp: '2026-01-02T03:04:06Z',
    deprecatedCount: 2,
  });
});

test('what is shown and written back is stored as before', () => {
  const stored = storeNewEvent(written);
  expect(storeNewEvent(presentNewEvent(stored))).toEqual(stored);
  expect(storeCoreEvent(presentCoreEvent(stored))).toEqual(stored);
});

/** What is wrong with the Event above when it says some things otherwise. */
function problems(changes: Record<string, string | number | object | undefined>): string[] {
  const object = storeNewEvent({ ...written, ...changes } as KubeObject);
  return validateNewEvent(object, undefined).map(({ field, message }) => `${field}: ${message}`);
}

describe('an Event of events.k8s.io', () => {
  test.each<[string, Record<string, string | number | object | undefined>, string[]]>([
    ['is well as it is', {}, []],
    ['must say its time', { eventTime: undefined }, ['eventTime: Required value']],
    ['must say its action', { action: undefined }, ['action: Required value']],
    ['is Normal or Warning', { type: 'Odd' }, ['type: Invalid value: "": has invalid value: Odd']],
    [
      'has 1024 bytes for its note',
      { note: 'é'.repeat(513) },
      ['message: Invalid value: "": can have at most 1024 characters'],
    ],
    [
      'leaves counting to its series',
      { deprecatedCount: 2 },
      ['count: Invalid value: "": needs to be unset'],
    ],
    ['may be about another namespace', { regarding: { ...regarding, namespace: 'b' } }, []],
    [
      'about no namespace is at home in default',
      { regarding: { ...regarding, namespace: undefined } },
      ['involvedObject.namespace: Invalid value: "": does not match event.namespace'],
    ],
  ])('%s', (_title, changes, expected) => {
    expect(problems(changes)).toEqual(expected);
  });

  test('changes only in its series', () => {
    const old = storeNewEvent(written);
    const series = { count: 2, lastObservedTime: '2026-01-02T03:05:05.000000Z' };
    expect(validateNewEvent({ ...old, series }, old)).toEqual([]);
    expect(validateNewEvent({ ...old, message: 'other' }, old).map(({ message }) => message)).toEqual([
      'Invalid value: "other": field is immutable',
    ]);
  });
});

test('a core Event is about its own namespace', () => {
  expect(validateCoreEvent(core)).toEqual([]);
  const other = { ...core, involvedObject: { ...regarding, namespace: 'b' } };
  expect(validateCoreEvent(other).map(({ field }) => field)).toEqual(['involvedObject.namespace']);
});
