import {
  type FieldValidation,
  decodeObject,
  decodePatched,
  parseBody,
  parseJsonBody,
  parseYamlBody,
  requireKind,
} from './decode.ts';
import {
  listGroupVersions,
  toAggregatedDiscovery,
  toGroup,
  toGroupList,
  toResourceList,
} from './discovery.ts';
import { type Json, type JsonObject, isJsonObject } from './json.ts';
import { type Resource, groupVersionOf } from './kinds.ts';
import { type KubeObject, keyOf } from './kube-object.ts';
import { listPage, parseResourceVersion, requireReached } from './lists.ts';
import {
  patchTypesOf,
  swaggerProtobuf,
  swaggerProtobufType,
  toOpenApi,
  toOpenApiIndex,
  toSwagger,
} from './openapi.ts';
import { applyJsonPatch, applyMergePatch, applyStrategicPatch } from './patch.ts';
import {
  badRequest,
  invalidOptions,
  methodNotAllowed,
  notFound,
  notImplemented,
  StatusError,
  unknownResource,
  unsupportedMediaType,
} from './status-error.ts';
import { type ApiRequest, type ResourcePath, type Verb, parseResourcePath, verbOf } from './request.ts';
import { accessReview, reviewedAccess } from './access-review.ts';
import type { ServerState } from './server-state.ts';
import { type Showing, parseAccept, showAs } from './views.ts';
import { type WatchRequest, parseWatch } from './watches.ts';
import {
  type Preconditions,
  type Target,
  createObject,
  deleteObject,
  requireName,
  requireObject,
  updateObject,
} from './writes.ts';

/** What a client gets: one value, a text, or a stream of watch events. */
export type Answer =
  | { readonly kind: 'json'; readonly status: number; readonly body: Json; readonly headers: Headers }
  | { readonly kind: 'text'; readonly status: number; readonly body: string; readonly contentType: string }
  | { readonly kind: 'watch'; readonly watch: WatchRequest; readonly showing: Showing };

type Headers = Readonly<Record<string, string | readonly string[]>>;

/** Answers one request. What cannot be done is thrown as a StatusError. */
export function answerRequest(state: ServerState, request: ApiRequest): Answer {
  const path = parseResourcePath(request.path);
  if (path === undefined) {
    if (request.method === 'GET') return answerElsewhere(state, request);
    throw methodNotAllowed();
  }
  const isReview = path.group === accessReview.group && path.plural === accessReview.plural;
  if (isReview && request.method === 'POST') return json(reviewedAccess, 201);
  const resource = state.kinds.find(path.group, path.version, path.plural);
  if (resource === undefined) return answerUnknown(state, path);
  const verb = verbOf(request.method, path.name !== '', request.query);
  if (!isPlaceOf(resource, path, verb)) return answerUnknown(state, path);
  checkAddress(resource, path, verb);
  const part = path.subresource === 'status' ? 'status' : 'object';
  const target = { resource, namespace: path.namespace, name: path.name, part } as const;
  const showing = showAs(parseAccept(request.accept), resource, request.query);
  return perform(verb, { state, request, target, showing });
}

const version = {
  major: '1',
  minor: '35',
  gitVersion: 'v1.35.0-embedded',
  gitCommit: '',
  gitTreeState: '',
  buildDate: '1970-01-01T00:00:00Z',
  goVersion: '',
  compiler: '',
  platform: 'node',
};

/** What the real server says where nothing is served at all, a definition that is not installed for instance. */
const pageNotFound = text('404 page not found\n', 404);

function answerElsewhere(state: ServerState, request: ApiRequest): Answer {
  const { path } = request;
  if (/^\/(healthz|readyz|livez)(\/|$)/.test(path)) return text('ok');
  if (path === '/version') return json(version);
  if (path.startsWith('/openapi/')) return answerOpenApi(state, path, request.accept);
  if (/^\/apis?(\/|$)/.test(path)) return answerDiscovery(state, request);
  if (path === '/')
    return json({ paths: ['/api', '/apis', '/healthz', '/livez', '/openapi/v3', '/readyz', '/version'] });
  return pageNotFound;
}

function text(body: string, status = 200, contentType = 'text/plain; charset=utf-8'): Answer {
  return { kind: 'text', status, body, contentType };
}

function json(body: Json, status = 200, warnings: readonly string[] = []): Answer {
  const said = warnings.map((warning) => `299 - ${JSON.stringify(warning)}`);
  return { kind: 'json', status, body, headers: said.length === 0 ? {} : { warning: said } };
}

function answerOpenApi({ kinds }: ServerState, path: string, accept: string): Answer {
  if (path === '/openapi/v2') {
    // kubectl asks here about kinds that have no document of their own, before it says that there is no such kind.
    const isJson = accept === '' || accept.includes('json') || accept.includes('*/*');
    return isJson ? json(toSwagger()) : text(swaggerProtobuf, 200, swaggerProtobufType);
  }
  if (path === '/openapi/v3') return json(toOpenApiIndex(kinds));
  const found = toOpenApi(kinds, path.replace('/openapi/v3/', ''));
  return found === undefined ? pageNotFound : json(found);
}

function answerDiscovery({ kinds }: ServerState, request: ApiRequest): Answer {
  const all = listGroupVersions(kinds);
  const [root, first, second, ...rest] = request.path.split('/').filter((part) => part !== '');
  if (rest.length > 0) return pageNotFound;
  const isCore = root === 'api';
  if (first === undefined) {
    if (request.accept.includes('as=APIGroupDiscoveryList') && request.accept.includes('v=v2;')) {
      const contentType = 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList';
      const body = toAggregatedDiscovery(all, isCore);
      return { kind: 'json', status: 200, body, headers: { 'content-type': contentType } };
    }
    return json(isCore ? { kind: 'APIVersions', versions: ['v1'] } : toGroupList(all));
  }
  const [group, versionName] = isCore ? ['', first] : [first, second];
  const found = all.find((each) => each.group === group && each.version === versionName);
  if (found !== undefined) return json(toResourceList(found));
  if (isCore) throw unknownResource();
  const listed = versionName === undefined ? toGroup(group, all) : undefined;
  return listed === undefined ? pageNotFound : json(listed);
}

function answerUnknown({ kinds }: ServerState, path: ResourcePath): Answer {
  if (path.version === 'watch' || path.plural === 'watch') {
    throw notImplemented('the old /watch/ addresses: use ?watch=true');
  }
  if (kinds.isBuiltInGroup(path.group)) throw unknownResource();
  return pageNotFound;
}

/** Objects of a namespace are only written and read there; across namespaces they are only listed. */
function isPlaceOf(resource: Resource, path: ResourcePath, verb: Verb): boolean {
  if (!resource.isNamespaced) return path.namespace === '';
  return path.namespace !== '' || verb === 'list' || verb === 'watch';
}

function checkAddress(found: Resource, path: ResourcePath, verb: Verb): void {
  const { name, subresource } = path;
  const isStatus = subresource === 'status' && found.hasStatus;
  if (subresource !== '' && !isStatus) {
    if (found.storage === 'namespaces' && subresource === 'finalize')
      throw notImplemented('the finalize subresource');
    throw found.isCustom ? notFound(found, name) : unknownResource();
  }
  // Custom resources can be created at an address with their name, as on the real server.
  if (verb === 'create' && name !== '' && !found.isCustom) throw methodNotAllowed();
  const isForOne = !['list', 'watch', 'create', 'deletecollection'].includes(verb);
  if (isForOne && name === '' && verb !== 'other') throw badRequest('name must be provided');
  if (isStatus && !['get', 'update', 'patch'].includes(verb)) throw methodNotAllowed();
}

interface Call {
  readonly state: ServerState;
  readonly request: ApiRequest;
  readonly target: Target;
  readonly showing: Showing;
}

function perform(verb: Verb, call: Call): Answer {
  switch (verb) {
    case 'get':
      return get(call);
    case 'list':
      return list(call);
    case 'watch':
      return watch(call);
    case 'create':
      return create(call);
    case 'update':
      return replace(call);
    case 'patch':
      return patch(call);
    case 'delete':
      return remove(call);
    case 'deletecollection':
      return removeCollection(call);
    case 'other':
      throw methodNotAllowed();
  }
}

function get({ state, request, target, showing }: Call): Answer {
  requireReached(state.store, parseResourceVersion(request.query));
  return json(showing.one(requireObject(state.store, target)));
}

function list({ state, request, target, showing }: Call): Answer {
  const { objects, metadata } = listPage(state.store, target.resource, target.namespace, request.query);
  return json(showing.many(objects, metadata));
}

function watch({ request, target, showing }: Call): Answer {
  const watching = parseWatch(target.resource, target.namespace, request.query);
  return { kind: 'watch', watch: watching, showing };
}

function create({ state, request, target, showing }: Call): Answer {
  const { query } = request;
  const isDryRun = parseDryRun(query.getAll('dryRun'), 'CreateOptions');
  const validation = parseValidation(query, 'CreateOptions');
  const body = parseBody(request.body, request.contentType);
  const { object, warnings } = decodeObject(body, target.resource, validation);
  return json(showing.one(createObject(state.store, target, object, isDryRun)), 201, [
    ...warnings,
    ...finalizerWarnings(object),
  ]);
}

function parseDryRun(asked: readonly string[], options: string): boolean {
  const other = asked.filter((each) => each !== 'All' && each !== '');
  if (other.length === 0) return asked.includes('All');
  const says = `Unsupported value: ${JSON.stringify(other)}: supported values: "All"`;
  throw invalidOptions(options, 'dryRun', 'FieldValueNotSupported', says);
}

function parseValidation(query: URLSearchParams, options: string): FieldValidation {
  const asked = query.get('fieldValidation') ?? '';
  if (asked === '') return 'Warn';
  if (asked === 'Strict' || asked === 'Warn' || asked === 'Ignore') return asked;
  const says = `Unsupported value: ${JSON.stringify(asked)}: supported values: "", "Ignore", "Strict", "Warn"`;
  throw invalidOptions(options, 'fieldValidation', 'FieldValueNotSupported', says);
}

/** Finalizers share one name space, so the real server warns of plain words. */
function finalizerWarnings({ metadata }: KubeObject): string[] {
  return (metadata.finalizers ?? [])
    .filter((each) => !each.includes('/'))
    .map((each) => {
      const shown = `metadata.finalizers: ${JSON.stringify(each)}`;
      return `${shown}: prefer a domain-qualified finalizer name to avoid accidental conflicts with other finalizer writers`;
    });
}

function replace({ state, request, target, showing }: Call): Answer {
  const { query } = request;
  const isDryRun = parseDryRun(query.getAll('dryRun'), 'UpdateOptions');
  const validation = parseValidation(query, 'UpdateOptions');
  const body = parseBody(request.body, request.contentType);
  const { object, warnings } = decodeObject(body, target.resource, validation);
  const stored = updateObject(state.store, target, object, { isDryRun, isPatch: false });
  return json(showing.one(stored), 200, warnings);
}

function patch(call: Call): Answer {
  const { state, request, target, showing } = call;
  const { resource } = target;
  const type = request.contentType.split(';')[0]?.trim() ?? '';
  const accepted = patchTypesOf(resource);
  if (!accepted.includes(type)) throw unsupportedMediaType(accepted);
  const isDryRun = parseDryRun(request.query.getAll('dryRun'), 'PatchOptions');
  const validation = parseValidation(request.query, 'PatchOptions');
  if (type === 'application/apply-patch+yaml') return apply(call, isDryRun);
  const current = requireObject(state.store, target);
  const patched = applyPatch(resource.present(current), request.body, type);
  const { object, warnings } = decodePatched(patched, resource, validation);
  const stored = updateObject(state.store, target, object, { isDryRun, isPatch: true });
  return json(showing.one(stored), 200, warnings);
}

/**
 * Server-side apply without owners: what is said is merged over what is there, and nothing is taken away
 * because it is no longer said.
 */
function apply({ state, request, target, showing }: Call, isDryRun: boolean): Answer {
  const { resource, name } = target;
  if ((request.query.get('fieldManager') ?? '') === '') {
    const says = 'Required value: is required for apply patch';
    throw invalidOptions('PatchOptions', 'fieldManager', 'FieldValueRequired', says);
  }
  const written = requireKind(parseYamlBody(request.body), resource);
  const { object, warnings } = decodeObject(written, resource, 'Warn');
  if (warnings.length > 0) {
    const { namespace = '' } = object.metadata;
    const where = `(${namespace}/${object.metadata.name}; ${groupVersionOf(resource)}, Kind=${resource.kind})`;
    throw new StatusError(500, '', `failed to create typed patch object ${where}: ${warnings.join(', ')}`);
  }
  requireName(object, name);
  const current = state.store.get(resource.storage, keyOf(target.namespace, name));
  if (current === undefined) {
    if (target.part === 'status') throw notFound(resource, name);
    return json(showing.one(createObject(state.store, target, object, isDryRun)), 201);
  }
  const merged = decodeObject(applyMergePatch(resource.present(current), written), resource, 'Ignore');
  return json(showing.one(updateObject(state.store, target, merged.object, { isDryRun, isPatch: true })));
}

function applyPatch(current: KubeObject, body: string, type: string): Json {
  switch (type) {
    case 'application/merge-patch+json':
      return applyMergePatch(current, readPatch(body));
    case 'application/strategic-merge-patch+json':
      return applyStrategicPatch(current, readPatch(body));
    default:
      return applyJsonPatch(current, parseJsonBody(body, 'error decoding patch: '));
  }
}

function readPatch(body: string): JsonObject {
  const patch = parseJsonBody(body, 'error decoding patch: ');
  if (isJsonObject(patch)) return patch;
  throw badRequest(
    'error decoding patch: json: cannot unmarshal array into Go value of type map[string]interface {}',
  );
}

function remove({ state, request, target, showing }: Call): Answer {
  const { preconditions, isDryRun } = parseDeleteOptions(request);
  const { gone, object } = deleteObject(state.store, target, preconditions, isDryRun);
  if (!gone) return json(showing.one(object));
  const { group, plural } = target.resource;
  const details = {
    name: target.name,
    ...(group === '' ? {} : { group }),
    kind: plural,
    uid: object.metadata.uid,
  };
  return json({ kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', details });
}

interface DeleteOptions {
  readonly preconditions: Preconditions;
  readonly isDryRun: boolean;
}

function parseDeleteOptions({ body, contentType, query }: ApiRequest): DeleteOptions {
  const read = body.trim() === '' ? {} : parseBody(body, contentType);
  const options = isJsonObject(read) ? read : {};
  checkPolicy(options['propagationPolicy'] ?? query.get('propagationPolicy'));
  const asked = Array.isArray(options['dryRun']) ? options['dryRun'].map(String) : query.getAll('dryRun');
  const said = isJsonObject(options['preconditions']) ? options['preconditions'] : {};
  const uid = textOrNothing(said['uid']);
  const resourceVersion = textOrNothing(said['resourceVersion']);
  return {
    preconditions: {
      ...(uid === undefined ? {} : { uid }),
      ...(resourceVersion === undefined ? {} : { resourceVersion }),
    },
    isDryRun: parseDryRun(asked, 'DeleteOptions'),
  };
}

const policies = ['Foreground', 'Background', 'Orphan'];

function checkPolicy(policy: Json | undefined): void {
  // Nothing here depends on its owner, so all policies come to the same.
  if (policy === undefined || policy === null || policies.includes(String(policy))) return;
  const supported = policies.map((each) => JSON.stringify(each)).join(', ');
  const says = `Unsupported value: ${JSON.stringify(policy)}: supported values: ${supported}, "nil"`;
  throw invalidOptions('DeleteOptions', 'propagationPolicy', 'FieldValueNotSupported', says);
}

function textOrNothing(value: Json | undefined): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}

function removeCollection({ state, request, target, showing }: Call): Answer {
  const { preconditions, isDryRun } = parseDeleteOptions(request);
  const { objects, metadata } = listPage(state.store, target.resource, target.namespace, request.query);
  for (const { metadata: each } of objects) {
    const one = { ...target, namespace: each.namespace ?? '', name: each.name };
    deleteObject(state.store, one, preconditions, isDryRun);
  }
  return json(showing.many(objects, metadata));
}
