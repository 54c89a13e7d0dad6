import type { Json, JsonObject } from './json.ts';
import { type Resource, groupVersionOf } from './kinds.ts';
import type { KubeObject } from './kube-object.ts';
import { StatusError } from './status-error.ts';
import { type Detail, toPartialMetadata, toTable } from './tables.ts';

/** In which shape a client wants to see objects. */
export type View = 'object' | 'table' | 'metadata';

const readable = ['application/json', 'application/*', '*/*', 'application/vnd.kubernetes.protobuf'];

/** Reads the Accept header. Clients that would rather have protobuf get JSON, which all of them read. */
export function parseAccept(accept: string): View {
  if (accept.trim() === '') return 'object';
  for (const each of accept.split(',')) {
    const [type = '', ...parameters] = each.split(';').map((part) => part.trim());
    if (!readable.includes(type)) continue;
    const shape = parameters.find((parameter) => parameter.startsWith('as='));
    if (shape === undefined) return 'object';
    if (shape === 'as=Table' && parameters.includes('v=v1')) return 'table';
    if (shape.startsWith('as=PartialObjectMetadata') && parameters.includes('v=v1')) return 'metadata';
  }
  throw new StatusError(
    406,
    'NotAcceptable',
    'only the following media types are accepted: application/json',
  );
}

/** One way of showing the objects of a resource. */
export interface Showing {
  one(object: KubeObject): JsonObject;
  many(objects: readonly KubeObject[], metadata: JsonObject): JsonObject;
  /** The object of a watch event; a table names its columns only in the first one. */
  event(object: KubeObject, isFirst: boolean): JsonObject;
}

const showMetadata: Showing = {
  one: toPartialMetadata,
  many: (objects, metadata) => ({
    kind: 'PartialObjectMetadataList',
    apiVersion: 'meta.k8s.io/v1',
    metadata,
    items: objects.map(toPartialMetadata),
  }),
  event: toPartialMetadata,
};

/** How to show the objects of a resource to a client. */
export function showAs(view: View, resource: Resource, query: URLSearchParams): Showing {
  switch (view) {
    case 'object':
      return showObjects(resource);
    case 'metadata':
      return showMetadata;
    case 'table':
      return showTable(resource, parseDetail(query));
  }
}

function showObjects(resource: Resource): Showing {
  // Built-in kinds leave out in a list what the list already says.
  const item = (object: KubeObject): Json => {
    const shown = resource.present(object);
    return resource.isCustom ? shown : withoutKind(shown);
  };
  return {
    one: resource.present,
    many: (objects, metadata) => ({
      kind: resource.listKind,
      apiVersion: groupVersionOf(resource),
      metadata: resource.isCustom ? { continue: '', ...metadata } : metadata,
      items: objects.map(item),
    }),
    event: resource.present,
  };
}

function withoutKind(object: KubeObject): JsonObject {
  const { apiVersion: _version, kind: _kind, ...rest } = object;
  return rest;
}

function showTable(resource: Resource, detail: Detail): Showing {
  const table = (objects: readonly KubeObject[], metadata: JsonObject, isContinued = false): JsonObject => {
    const { columns, present } = resource;
    return toTable(objects, { columns, present, detail, metadata, isContinued, now: Date.now() });
  };
  const single = (object: KubeObject, isContinued: boolean): JsonObject =>
    table([object], { resourceVersion: object.metadata.resourceVersion }, isContinued);
  return {
    one: (object) => single(object, false),
    many: (objects, metadata) => table(objects, metadata),
    event: (object, isFirst) => single(object, !isFirst),
  };
}

function parseDetail(query: URLSearchParams): Detail {
  const asked = query.get('includeObject');
  return asked === 'Object' || asked === 'None' ? asked : 'Metadata';
}
