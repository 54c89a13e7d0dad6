import { randomInt, randomUUID } from 'node:crypto';
import { ruleErrors } from './cel.ts';
import { cleanupFinalizer } from './definitions.ts';
import { lastingNamespaces } from './built-in-kinds.ts';
import { isSameJson } from './json.ts';
import type { Resource } from './kinds.ts';
import { type KubeObject, type Metadata, isDeleting, keyOf, withMetadata } from './kube-object.ts';
import { metadataErrors, metadataUpdateErrors } from './names.ts';
import {
  type FieldError,
  alreadyExists,
  badRequest,
  conflict,
  failedPrecondition,
  forbidden,
  invalid,
  notFound,
  StatusError,
} from './status-error.ts';
import { schemaErrors } from './schema.ts';
import type { Store } from './store.ts';

/** The object a request is about. */
export interface Target {
  readonly resource: Resource;
  readonly namespace: string;
  readonly name: string;
  readonly part: 'object' | 'status';
}

/** Stores a new object. */
export function createObject(
  store: Store,
  target: Target,
  written: KubeObject,
  isDryRun: boolean,
): KubeObject {
  const { resource } = target;
  const placed = placeAt(written, target);
  if (target.name !== '') requireName(placed, target.name);
  if (placed.metadata.resourceVersion !== undefined) {
    throw new StatusError(500, '', 'resourceVersion should not be set on objects to be created');
  }
  const named = withMetadata(placed, newMetadata(placed.metadata, resource));
  const { name, namespace } = named.metadata;
  requireNamespace(store, target, name);
  requireLivingDefinition(store, resource, name);
  const object = resource.prepare(resource.hasStatus ? { ...named, status: undefined } : named, undefined);
  requireValid(object, resource, undefined);
  const existing = store.get(resource.storage, keyOf(namespace, name));
  if (existing !== undefined) {
    throw alreadyExists(resource, name, isDeleting(existing) ? 'object is being deleted: ' : '');
  }
  return isDryRun ? object : store.put(resource.storage, object);
}

/** The namespace of an object is that of its address; saying another one is a mistake. */
function placeAt(object: KubeObject, { resource, namespace }: Target): KubeObject {
  const said = object.metadata.namespace ?? '';
  if (!resource.isNamespaced) return withMetadata(object, { namespace: undefined });
  if (said !== '' && said !== namespace) {
    throw badRequest('the namespace of the provided object does not match the namespace sent on the request');
  }
  return withMetadata(object, { namespace });
}

function newMetadata(metadata: Metadata, resource: Resource): Parameters<typeof withMetadata>[1] {
  const isNamed = metadata.name !== '' || metadata.generateName === undefined;
  return {
    name: isNamed ? metadata.name : `${metadata.generateName}${randomSuffix()}`,
    uid: randomUUID(),
    creationTimestamp: timestamp(),
    generation: resource.hasGeneration ? 1 : undefined,
    deletionTimestamp: undefined,
    deletionGracePeriodSeconds: undefined,
  };
}

const nameLetters = 'bcdfghjklmnpqrstvwxz2456789';

function randomSuffix(): string {
  return Array.from({ length: 5 }, () => nameLetters[randomInt(nameLetters.length)]).join('');
}

function timestamp(): string {
  return new Date().toISOString().replace(/\.\d+Z$/, 'Z');
}

function requireNamespace(store: Store, { resource, namespace }: Target, name: string): void {
  if (!resource.isNamespaced) return;
  const found = store.get('namespaces', namespace);
  if (found === undefined) throw notFound({ group: '', plural: 'namespaces', kind: 'Namespace' }, namespace);
  if (!isDeleting(found)) return;
  const why = `unable to create new content in namespace ${namespace} because it is being terminated`;
  throw forbidden(resource, name, why, [
    {
      reason: 'NamespaceTerminating',
      message: `namespace ${namespace} is being terminated`,
      field: 'metadata.namespace',
    },
  ]);
}

function requireLivingDefinition(store: Store, resource: Resource, name: string): void {
  const definition = resource.isCustom ? store.get('customresourcedefinitions', resource.storage) : undefined;
  if (definition === undefined || !isDeleting(definition)) return;
  throw forbidden(resource, name, 'create not allowed while custom resource definition is terminating');
}

function requireValid(object: KubeObject, resource: Resource, old: KubeObject | undefined): void {
  const errors = [
    ...metadataErrors(object.metadata, resource.nameErrors),
    ...(old === undefined ? [] : metadataUpdateErrors(object.metadata, old)),
    ...resource.validate(object, old),
  ];
  errors.push(...customErrors(object, resource, old, errors));
  if (errors.length === 0) return;
  const group = resource.plural === 'events' ? '' : resource.group;
  throw invalid(resource.kind, group, object.metadata.name, errors);
}

const isBlocking: Partial<Record<FieldError['reason'], true>> = {
  FieldValueNotSupported: true,
  FieldValueRequired: true,
  FieldValueTooLong: true,
  FieldValueTooMany: true,
  FieldValueTypeInvalid: true,
};

const rulesNotChecked: FieldError = {
  reason: 'FieldValueInvalid',
  message:
    'Invalid value: null: some validation rules were not checked because the object was invalid; correct the existing errors to complete validation',
  field: '<nil>',
};

/** Rules see only values of the types they were written for, so nothing that breaks the schema reaches them. */
function customErrors(
  object: KubeObject,
  resource: Resource,
  old: KubeObject | undefined,
  soFar: FieldError[],
): FieldError[] {
  if (!resource.isCustom) return [];
  const errors = schemaErrors(object, resource.schema, old);
  if (resource.rules.size === 0) return errors;
  if ([...soFar, ...errors].some(({ reason }) => isBlocking[reason])) return [...errors, rulesNotChecked];
  return [...errors, ...ruleErrors(object, resource.schema, resource.rules, old)];
}

/** An object that is written at an address bears the name of that address. */
export function requireName({ metadata }: KubeObject, addressed: string): void {
  if (metadata.name === addressed) return;
  if (metadata.name === '') {
    throw badRequest(
      `the name of the object (${addressed} based on URL) was undeterminable: name must be provided`,
    );
  }
  throw badRequest(
    `the name of the object (${metadata.name}) does not match the name on the URL (${addressed})`,
  );
}

/** The object of a target, or the error that it is not there. */
export function requireObject(store: Store, { resource, namespace, name }: Target): KubeObject {
  const found = store.get(resource.storage, keyOf(namespace, name));
  if (found === undefined) throw notFound(resource, name);
  return found;
}

export interface UpdateOptions {
  readonly isDryRun: boolean;
  readonly isPatch: boolean;
}

/** Puts a written object in the place of the current one, if nothing speaks against it. */
export function updateObject(
  store: Store,
  target: Target,
  written: KubeObject,
  options: UpdateOptions,
): KubeObject {
  const { resource, name } = target;
  const placed = placeAt(written, target);
  requireName(placed, name);
  const current = requireObject(store, target);
  if (!options.isPatch) checkUid(placed, current, resource);
  checkVersion(placed, current, resource, options.isPatch);
  const combined = combine(placed, current, target);
  const generation = (current.metadata.generation ?? 0) + 1;
  const isRespecified = resource.hasGeneration && !isSameSpec(combined, current, resource);
  const { resourceVersion } = current.metadata;
  const next = withMetadata(combined, { resourceVersion, ...(isRespecified ? { generation } : {}) });
  requireValid(next, resource, current);
  if (isSameJson(next, current)) return current;
  if (options.isDryRun) return next;
  if (!isDeleting(current) || isHeld(next, resource)) return store.put(resource.storage, next);
  store.remove(resource.storage, keyOf(target.namespace, name));
  return next;
}

/** A replaced object names the one it means; a patch that changes the uid is refused later, as the real server does. */
function checkUid(written: KubeObject, current: KubeObject, resource: Resource): void {
  const { uid = '', name, namespace } = written.metadata;
  if (uid === '' || uid === current.metadata.uid) return;
  const key = `/registry/${resource.group}/${resource.plural}/${keyOf(namespace, name)}`;
  const said = `Precondition failed: UID in precondition: ${uid}, UID in object meta: ${current.metadata.uid}`;
  const why = `StorageError: invalid object, Code: 4, Key: ${key}, ResourceVersion: 0, AdditionalErrorMsg: ${said}`;
  throw conflict(resource, name, why);
}

function checkVersion(written: KubeObject, current: KubeObject, resource: Resource, isPatch: boolean): void {
  const { resourceVersion = '', name } = written.metadata;
  if (resourceVersion === '' || resourceVersion === '0') {
    if (!resource.isCustom || isPatch) return;
    const message = 'Invalid value: 0: must be specified for an update';
    throw invalid(resource.plural, resource.group, name, [
      { reason: 'FieldValueInvalid', message, field: 'metadata.resourceVersion' },
    ]);
  }
  if (!/^\d+$/.test(resourceVersion)) {
    throw new StatusError(
      500,
      '',
      `strconv.ParseUint: parsing ${JSON.stringify(resourceVersion)}: invalid syntax`,
    );
  }
  if (resourceVersion === current.metadata.resourceVersion) return;
  throw conflict(
    resource,
    name,
    'the object has been modified; please apply your changes to the latest version and try again',
  );
}

/** Each part of an object changes only through its own address. */
function combine(written: KubeObject, current: KubeObject, { resource, part }: Target): KubeObject {
  if (part === 'status') return { ...current, status: written['status'] };
  const { uid, creationTimestamp, generation, deletionTimestamp, deletionGracePeriodSeconds } =
    current.metadata;
  const said = written.metadata;
  const next = withMetadata(written, {
    uid: said.uid ?? uid,
    creationTimestamp,
    generation,
    deletionTimestamp: said.deletionTimestamp ?? deletionTimestamp,
    deletionGracePeriodSeconds: said.deletionGracePeriodSeconds ?? deletionGracePeriodSeconds,
  });
  const combined = resource.hasStatus ? { ...next, status: current['status'] } : next;
  return resource.prepare(combined, current);
}

function isSameSpec(left: KubeObject, right: KubeObject, resource: Resource): boolean {
  const ignored = { metadata: undefined, ...(resource.hasStatus ? { status: undefined } : {}) };
  return isSameJson({ ...left, ...ignored }, { ...right, ...ignored });
}

function isHeld(object: KubeObject, resource: Resource): boolean {
  // A namespace is held by its contents too; whoever empties it removes it.
  return (object.metadata.finalizers ?? []).length > 0 || resource.storage === 'namespaces';
}

export interface Preconditions {
  readonly uid?: string;
  readonly resourceVersion?: string;
}

/** What a deletion came to: the object is gone, or it stays until what holds it lets go. */
export type Deletion = { readonly gone: boolean; readonly object: KubeObject };

/** Deletes an object, or begins to. */
export function deleteObject(
  store: Store,
  target: Target,
  preconditions: Preconditions,
  isDryRun: boolean,
): Deletion {
  const { resource, namespace, name } = target;
  const object = requireObject(store, target);
  if (resource.storage === 'namespaces' && lastingNamespaces.includes(name)) {
    throw forbidden(resource, name, 'this namespace may not be deleted');
  }
  checkPreconditions(object, resource, preconditions);
  if (isDeleting(object)) return { gone: false, object };
  if (isHeld(object, resource) || resource.storage === 'customresourcedefinitions') {
    const deleting = toDeleting(object, resource);
    return { gone: false, object: isDryRun ? deleting : store.put(resource.storage, deleting) };
  }
  if (!isDryRun) store.remove(resource.storage, keyOf(namespace, name));
  return { gone: true, object };
}

function checkPreconditions(
  current: KubeObject,
  resource: Resource,
  { uid, resourceVersion }: Preconditions,
): void {
  const { metadata } = current;
  if (uid !== undefined && uid !== metadata.uid) {
    const why = `the UID in the precondition (${uid}) does not match the UID in record (${metadata.uid}). The object might have been deleted and then recreated`;
    throw failedPrecondition(resource, metadata.name, why);
  }
  if (resourceVersion !== undefined && resourceVersion !== metadata.resourceVersion) {
    const why = `the ResourceVersion in the precondition (${resourceVersion}) does not match the ResourceVersion in record (${metadata.resourceVersion}). The object might have been modified`;
    throw failedPrecondition(resource, metadata.name, why);
  }
}

const terminating = {
  type: 'Terminating',
  status: 'True',
  reason: 'InstanceDeletionInProgress',
  message: 'CustomResource deletion is in progress',
};

/** The object as it waits for what holds it. Namespaces and definitions are held by what is in them. */
function toDeleting(object: KubeObject, resource: Resource): KubeObject {
  const deletionTimestamp = timestamp();
  const { generation = 0, finalizers = [] } = object.metadata;
  if (resource.storage === 'namespaces') {
    return { ...withMetadata(object, { deletionTimestamp }), status: { phase: 'Terminating' } };
  }
  if (resource.storage === 'customresourcedefinitions') {
    const held = withMetadata(object, { deletionTimestamp, finalizers: [...finalizers, cleanupFinalizer] });
    const status = (object['status'] ?? {}) as { conditions?: [] };
    const conditions = [
      ...(status.conditions ?? []),
      { ...terminating, lastTransitionTime: deletionTimestamp },
    ];
    return { ...held, status: { ...status, conditions } };
  }
  return withMetadata(object, {
    deletionTimestamp,
    deletionGracePeriodSeconds: 0,
    generation: resource.hasGeneration ? generation + 1 : undefined,
  });
}
