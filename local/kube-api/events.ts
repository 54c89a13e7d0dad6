import { type Json, type JsonObject, getAt, isSameJson } from './json.ts';
import type { KubeObject } from './kube-object.ts';
import { qualifiedNameErrors } from './names.ts';
import type { FieldError, FieldReason } from './status-error.ts';
import { type Column, toAge } from './tables.ts';

/** An Event written through core/v1, as it is stored. */
export function storeCoreEvent(object: KubeObject): KubeObject {
  return store(object);
}

function store(object: KubeObject): KubeObject {
  const present = Object.entries(object).filter(([, value]) => !isUnsaid(value));
  return {
    ...Object.fromEntries(present),
    apiVersion: 'v1',
    kind: 'Event',
    metadata: object.metadata,
    eventTime: toMicroTime(object['eventTime'] ?? undefined),
  };
}

/** What is shown of an Event that does not say it, and must not be stored when it comes back. */
function isUnsaid(value: Json | undefined): boolean {
  return value === null || value === undefined || value === '' || isSameJson(value, {});
}

/** A MicroTime always has six digits behind the point. */
function toMicroTime(time: Json | undefined): Json | undefined {
  if (typeof time !== 'string') return time;
  return time.replace(/(?:\.(\d+))?(Z|[+-]\d{2}:\d{2})$/, (_, digits: string | undefined, zone: string) => {
    return `.${(digits ?? '').slice(0, 6).padEnd(6, '0')}${zone}`;
  });
}

/** How events.k8s.io/v1 names what core/v1 stores; every other field has one name in both. */
const renamed: Readonly<Record<string, string>> = {
  regarding: 'involvedObject',
  note: 'message',
  reportingController: 'reportingComponent',
  deprecatedSource: 'source',
  deprecatedFirstTimestamp: 'firstTimestamp',
  deprecatedLastTimestamp: 'lastTimestamp',
  deprecatedCount: 'count',
};

/** An Event written through events.k8s.io/v1, as it is stored. */
export function storeNewEvent(object: KubeObject): KubeObject {
  return store(rename(object, renamed, 'v1'));
}

function rename(object: KubeObject, names: Readonly<Record<string, string>>, apiVersion: string): KubeObject {
  const { kind, metadata, ...fields } = object;
  const entries = Object.entries(fields).map(([field, value]) => [names[field] ?? field, value] as const);
  return { ...Object.fromEntries(entries), apiVersion, kind, metadata };
}

/** The real server writes these out even when they say nothing. */
export function presentCoreEvent(object: KubeObject): KubeObject {
  const empty = { source: {}, firstTimestamp: null, lastTimestamp: null, eventTime: null };
  const { eventTime = null } = object;
  return { ...empty, reportingComponent: '', reportingInstance: '', ...object, eventTime };
}

const renamedBack = Object.fromEntries(Object.entries(renamed).map(([now, before]) => [before, now]));

/** A stored Event as events.k8s.io/v1 shows it. */
export function presentNewEvent(object: KubeObject): KubeObject {
  const empty = { deprecatedSource: {}, deprecatedFirstTimestamp: null, deprecatedLastTimestamp: null };
  return {
    ...empty,
    ...rename(object, renamedBack, 'events.k8s.io/v1'),
    eventTime: object['eventTime'] ?? null,
  };
}

/** What is wrong with a stored Event by the older rules, which core/v1 keeps. */
export function validateCoreEvent(object: KubeObject): FieldError[] {
  return namespaceErrors(object, false);
}

function namespaceErrors(object: KubeObject, mayDiffer: boolean): FieldError[] {
  const about = getAt(object, ['involvedObject', 'namespace']) ?? '';
  const own = object.metadata.namespace ?? '';
  const isRight = about === '' ? own === 'default' : mayDiffer || about === own;
  const says = `Invalid value: ${JSON.stringify(about)}: does not match event.namespace`;
  return isRight ? [] : [error('involvedObject.namespace', 'FieldValueInvalid', says)];
}

function error(field: string, reason: FieldReason, message: string): FieldError {
  return { reason, message, field };
}

/** What is wrong with a stored Event by the rules of events.k8s.io/v1: complete when made, then only its series changes. */
export function validateNewEvent(object: KubeObject, old: KubeObject | undefined): FieldError[] {
  if (old !== undefined) return validateChange(object, old);
  const time = required(object, 'eventTime');
  return time.length > 0 ? time : [...namespaceErrors(object, true), ...validateCreation(object)];
}

const fixed = ['involvedObject', 'reason', 'message', 'count', 'type', 'eventTime', 'action', 'related'];
const fixedToo = ['reportingComponent', 'reportingInstance', 'firstTimestamp', 'lastTimestamp', 'source'];

function validateChange(object: KubeObject, old: KubeObject): FieldError[] {
  return [...fixed, ...fixedToo]
    .filter((field) => !isSameJson(object[field], old[field]))
    .map((field) => {
      const shown = JSON.stringify(object[field] ?? null);
      return error(field, 'FieldValueInvalid', `Invalid value: ${shown}: field is immutable`);
    });
}

function required(object: KubeObject, field: string, shownAs = field): FieldError[] {
  return (object[field] ?? '') === '' ? [error(shownAs, 'FieldValueRequired', 'Required value')] : [];
}

function validateCreation(object: KubeObject): FieldError[] {
  const type = object['type'];
  const isTyped = type === 'Normal' || type === 'Warning';
  const legacy = ['count', 'firstTimestamp', 'lastTimestamp'].filter((field) => object[field] !== undefined);
  return [
    ...required(object, 'reportingComponent', 'reportingController'),
    ...controllerErrors(object),
    ...required(object, 'reportingInstance'),
    ...required(object, 'action'),
    ...required(object, 'reason'),
    ...lengthErrors(object),
    ...(isTyped
      ? []
      : [error('type', 'FieldValueInvalid', `Invalid value: "": has invalid value: ${String(type ?? '')}`)]),
    ...legacy.map((field) => error(field, 'FieldValueInvalid', 'Invalid value: "": needs to be unset')),
  ];
}

function controllerErrors(object: KubeObject): FieldError[] {
  const controller = String(object['reportingComponent'] ?? '');
  return qualifiedNameErrors(controller).map((each) =>
    error(
      'reportingController',
      'FieldValueInvalid',
      `Invalid value: ${JSON.stringify(controller)}: ${each}`,
    ),
  );
}

function lengthErrors(object: KubeObject): FieldError[] {
  const limits: [string, number][] = [
    ['reportingInstance', 128],
    ['action', 128],
    ['reason', 128],
    ['message', 1024],
  ];
  return (
    limits
      // The real server says characters and counts bytes.
      .filter(([field, limit]) => Buffer.byteLength(String(object[field] ?? '')) > limit)
      .map(([field, limit]) =>
        error(field, 'FieldValueInvalid', `Invalid value: "": can have at most ${limit} characters`),
      )
  );
}

/** The columns of Events, read from their stored shape. */
export const eventColumns: readonly Column[] = [
  column('Last Seen', (event, now) => toAge(lastSeen(event), now)),
  column('Type', (event) => text(event['type'])),
  column('Reason', (event) => text(event['reason'])),
  column('Object', objectOf),
  column('Subobject', (event) => text(getAt(event, ['involvedObject', 'fieldPath'])), 1),
  column('Source', sourceOf, 1),
  column('Message', (event) => text(event['message']).trim()),
  column('First Seen', (event, now) => toAge(event['firstTimestamp'] ?? event['eventTime'], now), 1),
  column('Count', (event) => Number(getAt(event, ['series', 'count']) ?? event['count'] ?? 1), 1),
  column('Name', (event) => event.metadata.name, 1),
];

function column(name: string, cell: Column['cell'], priority = 0): Column {
  return { name, type: 'string', description: name, priority, cell };
}

function lastSeen(event: KubeObject): Json | undefined {
  return (
    getAt(event, ['series', 'lastObservedTime']) ??
    event['lastTimestamp'] ??
    event['firstTimestamp'] ??
    event['eventTime']
  );
}

function text(value: Json | undefined): string {
  return typeof value === 'string' ? value : '';
}

function objectOf(event: KubeObject): string {
  const kind = text(getAt(event, ['involvedObject', 'kind'])).toLowerCase();
  return `${kind}/${text(getAt(event, ['involvedObject', 'name']))}`;
}

function sourceOf(event: KubeObject): string {
  const source = (event['source'] ?? {}) as JsonObject;
  const component = text(source['component']) || text(event['reportingComponent']);
  return [component, text(source['host']) || text(event['reportingInstance'])]
    .filter((each) => each !== '')
    .join(', ');
}
