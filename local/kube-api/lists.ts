import type { JsonObject } from './json.ts';
import type { Resource } from './kinds.ts';
import { type KubeObject, keyOf } from './kube-object.ts';
import {
  type StatusError,
  badRequest,
  gone,
  invalidOptions,
  tooLargeResourceVersion,
} from './status-error.ts';
import { type Selector, parseFieldSelector, parseLabelSelector } from './selectors.ts';
import type { Store } from './store.ts';

/** A part of a list, and what it takes to read on. */
export interface Page {
  readonly objects: readonly KubeObject[];
  readonly metadata: JsonObject;
}

/** The objects that a request is about: one namespace or all, and its selectors. */
export function parseSelection(resource: Resource, namespace: string, query: URLSearchParams): Selector {
  const labels = parseLabelSelector(query.get('labelSelector') ?? '');
  const fields = parseFieldSelector(query.get('fieldSelector') ?? '', resource.fields, (label) =>
    isSaidPlainly(resource)
      ? `field label not supported: ${label}`
      : `"${label}" is not a known field selector: only "metadata.name", "metadata.namespace"`,
  );
  return (object) =>
    (namespace === '' || object.metadata.namespace === namespace) && labels(object) && fields(object);
}

/** The real server words it in two ways, by whether the kind has selectable fields of its own. */
function isSaidPlainly(resource: Resource): boolean {
  return resource.isCustom || Object.keys(resource.fields).length > 2;
}

/** Reads a resourceVersion; undefined where none is asked for. */
export function parseResourceVersion(query: URLSearchParams): number | undefined {
  const text = query.get('resourceVersion') ?? '';
  if (text === '') return undefined;
  if (/^\d+$/.test(text)) return Number(text);
  const shown = JSON.stringify(text);
  const why = `resourceVersion: Invalid value: ${shown}: strconv.ParseUint: parsing ${shown}: invalid syntax`;
  throw badRequest(`invalid resource version: ${why}`);
}

/** The error of a `resourceVersionMatch` that does not go with the rest of a request. */
export function forbidMatch(message: string): StatusError {
  return invalidOptions(
    'ListOptions',
    'resourceVersionMatch',
    'FieldValueForbidden',
    `Forbidden: ${message}`,
  );
}

/** A read must not show less than the client has already seen. */
export function requireReached(store: Store, asked: number | undefined): void {
  if (asked !== undefined && asked > store.revision()) throw tooLargeResourceVersion(asked, store.revision());
}

/** Lists one page; pages that continue show the moment of the first one. */
export function listPage(store: Store, resource: Resource, namespace: string, query: URLSearchParams): Page {
  const matches = parseSelection(resource, namespace, query);
  const limit = parseLimit(query);
  const { revision, after } = startOf(store, query);
  const rest = store
    .list(resource.storage, revision)
    .filter((object) => matches(object) && (after === '' || keyOfObject(object) > after));
  const resourceVersion = String(revision);
  if (limit <= 0 || rest.length <= limit) {
    return { objects: rest, metadata: { resourceVersion } };
  }
  const objects = rest.slice(0, limit);
  const last = objects.at(-1);
  const token = encodeContinueToken({ revision, after: last === undefined ? '' : keyOfObject(last) });
  const isSelected = query.has('labelSelector') || query.has('fieldSelector');
  const remaining = isSelected ? {} : { remainingItemCount: rest.length - limit };
  return { objects, metadata: { continue: token, ...remaining, resourceVersion } };
}

function parseLimit(query: URLSearchParams): number {
  const text = query.get('limit') ?? '';
  if (text === '') return 0;
  if (/^-?\d+$/.test(text)) return Number(text);
  throw badRequest(`strconv.ParseInt: parsing ${JSON.stringify(text)}: invalid syntax`);
}

interface ContinueToken {
  readonly revision: number;
  /** The last key that was shown. */
  readonly after: string;
}

const tooOldToContinue =
  'The provided continue parameter is too old to display a consistent list result. You can start a new list without the continue parameter, or use the continue token in this response to retrieve the remainder of the results. Continuing with the provided token results in an inconsistent list - objects that were created, modified, or deleted between the time the first chunk was returned and now may show up in the list.';

/** Where a list starts and which moment it shows. */
function startOf(store: Store, query: URLSearchParams): ContinueToken {
  const token = query.get('continue') ?? '';
  const asked = parseResourceVersion(query);
  if (token === '') {
    checkMatch(query, asked);
    return { revision: revisionFor(store, asked, query), after: '' };
  }
  if (asked !== undefined && asked !== 0) {
    throw badRequest('specifying resource version is not allowed when using continue');
  }
  const start = decodeContinueToken(token);
  if (start.revision < 0) return { ...start, revision: store.revision() };
  if (start.revision >= store.compactedRevision()) return start;
  throw gone(tooOldToContinue, { continue: encodeContinueToken({ ...start, revision: -1 }) });
}

function checkMatch(query: URLSearchParams, asked: number | undefined): void {
  const match = query.get('resourceVersionMatch') ?? '';
  if (match === '') return;
  if (asked === undefined)
    throw forbidMatch('resourceVersionMatch is forbidden unless resourceVersion is provided');
  if (match !== 'Exact' && match !== 'NotOlderThan') {
    const says = `Unsupported value: ${JSON.stringify(match)}: supported values: "Exact", "NotOlderThan", ""`;
    throw invalidOptions('ListOptions', 'resourceVersionMatch', 'FieldValueNotSupported', says);
  }
  if (match === 'Exact' && asked === 0) {
    throw forbidMatch('resourceVersionMatch "exact" is forbidden for resourceVersion "0"');
  }
}

function revisionFor(store: Store, asked: number | undefined, query: URLSearchParams): number {
  requireReached(store, asked);
  if (query.get('resourceVersionMatch') !== 'Exact' || asked === undefined) return store.revision();
  if (asked < store.compactedRevision()) {
    throw gone(`The resourceVersion for the provided list is too old.`);
  }
  return asked;
}

function decodeContinueToken(token: string): ContinueToken {
  try {
    const { rv, start } = JSON.parse(Buffer.from(token, 'base64url').toString()) as JsonObject;
    if (typeof rv === 'number' && typeof start === 'string')
      return { revision: rv, after: start.replace(/\0$/, '') };
  } catch {
    // Told below: a token is not for clients to understand.
  }
  throw badRequest('invalid continue token: continue key is not valid');
}

/** Written as the real server writes it; there a list goes on at a key, the least one behind the last that was shown. */
function encodeContinueToken({ revision, after }: ContinueToken): string {
  const token = { v: 'meta.k8s.io/v1', rv: revision, start: `${after}\0` };
  return Buffer.from(JSON.stringify(token)).toString('base64url');
}

function keyOfObject({ metadata }: KubeObject): string {
  return keyOf(metadata.namespace, metadata.name);
}
