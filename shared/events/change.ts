import type { CloudEvent } from 'cloudevents';
import { z } from 'zod';
import { ObjectMeta, type Resource, toApiVersion } from '../api/object-meta.ts';
import { type Done, done } from '../api/outcome.ts';
import { describeIssues } from '../text/describe-issues.ts';
import { isDnsLabel, isDnsSubdomain } from '../identity/object-names.ts';
import { type RefusedEvent, refusedEvent } from './answers.ts';
import { quote } from './quote.ts';

/** An object in an event. Its metadata is parsed, and the rest is left to the reader. */
export const ChangedObject = z.looseObject({ metadata: ObjectMeta.loose() });
export type ChangedObject = z.infer<typeof ChangedObject>;

/** A change that an ApiServerSource reports. A source in Reference mode sends no object. */
export interface Change {
  /** `delete` may also mean that an object left the source's label selector. */
  readonly verb: (typeof verbs)[number];
  readonly resource: Resource;
  /** Empty for an object outside of namespaces. */
  readonly namespace: string;
  readonly name: string;
  readonly object?: ChangedObject;
}

const verbs = ['add', 'update', 'delete'] as const;
const prefix = 'dev.knative.apiserver';
const ChangeType = z
  .string()
  .startsWith(`${prefix}.`)
  .transform((type) => type.slice(prefix.length + 1).split('.'))
  .pipe(z.tuple([z.enum(['resource', 'ref']), z.enum(verbs)]));

/** The objects that a function reads. */
export interface WantedKinds {
  readonly resources: readonly Resource[];
  readonly scope: 'namespaced' | 'cluster';
}

/** Reads an ApiServerSource event about one of the wanted kinds. */
export function parseChange(event: CloudEvent<unknown>, wanted: WantedKinds): Done<Change> | RefusedEvent {
  const type = ChangeType.safeParse(event.type);
  if (!type.success) {
    const expected = `${prefix}.{resource,ref}.{add,update,delete}`;
    return refusedEvent('not an event that this function reads', {
      found: `type ${quote(event.type)}`,
      expected,
    });
  }
  const subject = parseNamedObject(event, wanted);
  if (subject.kind !== 'done') return subject;
  const [mode, verb] = type.data;
  if (mode === 'ref') return done({ verb, ...subject.value });

  const object = parseObject(event.data, subject.value);
  return object.kind === 'done' ? done({ verb, ...subject.value, object: object.value }) : object;
}

/** Whether the object is gone or being deleted. */
export function isLeaving(
  verb: Change['verb'],
  metadata: Pick<ObjectMeta, 'deletionTimestamp'> | undefined,
): boolean {
  return verb === 'delete' || metadata?.deletionTimestamp !== undefined;
}

type NamedObject = Pick<Change, 'resource' | 'namespace' | 'name'>;

function parseNamedObject(
  event: CloudEvent<unknown>,
  { resources, scope }: WantedKinds,
): Done<NamedObject> | RefusedEvent {
  // For an object outside of namespaces the source sends an empty namespace, and a broker may drop the empty header.
  const { apiversion, kind, name, namespace = '' } = event;
  const resource = resources.find((one) => toApiVersion(one) === apiversion && one.kind === kind);
  if (!resource) {
    return refusedEvent('not a kind that this function reads', {
      found: `apiversion ${quote(apiversion)}, kind ${quote(kind)}`,
      expected: resources.map((one) => `${toApiVersion(one)} ${one.kind}`).join(' or '),
    });
  }
  if (typeof name !== 'string' || !isDnsSubdomain(name)) {
    return refusedEvent('the event names no object', {
      found: `name ${quote(name)}`,
      expected: 'the name of an object',
    });
  }
  if (typeof namespace !== 'string' || (scope === 'namespaced' ? !isDnsLabel(namespace) : namespace !== '')) {
    const expected = scope === 'namespaced' ? 'the name of a namespace' : 'an empty namespace';
    return refusedEvent('the event names no object', { found: `namespace ${quote(namespace)}`, expected });
  }
  return done({ resource, namespace, name });
}

function parseObject(data: unknown, { namespace, name }: NamedObject): Done<ChangedObject> | RefusedEvent {
  const object = ChangedObject.safeParse(data);
  if (!object.success) return toRefusedObject(object.error);
  const { metadata } = object.data;
  if (metadata.name === name && (metadata.namespace ?? '') === namespace) return done(object.data);
  return refusedEvent('the event contradicts itself', {
    found: `data about ${quote(`${metadata.namespace ?? ''}/${metadata.name}`)}`,
    expected: `data about ${quote(`${namespace}/${name}`)}, which the attributes name`,
  });
}

/** The data of an event is not the object that its attributes name. */
export function toRefusedObject(error: Pick<z.ZodError, 'issues'>): RefusedEvent {
  return refusedEvent('the data is not an object of this kind', {
    found: describeIssues(error, 'data'),
    expected: 'the whole object as JSON, as an ApiServerSource in Resource mode sends it',
  });
}
