import { createHash } from 'node:crypto';
import type { JsonObject } from './json.ts';
import { type Kinds, type Resource, groupVersionOf } from './kinds.ts';
import { objectMetaSchema } from './object-meta.ts';
import type { Schema } from './schema.ts';

/** The kinds of patch that a resource understands. */
export function patchTypesOf({ isCustom }: Resource): string[] {
  const all = ['application/json-patch+json', 'application/merge-patch+json', 'application/apply-patch+yaml'];
  return isCustom ? all : [...all, 'application/strategic-merge-patch+json'];
}

const info = { title: 'Embedded cluster', version: 'v1' };
const metaName = 'io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta';

/** The OpenAPI v3 document of one version (`apis/group/version`), or undefined where it is not served. */
export function toOpenApi(kinds: Kinds, path: string): JsonObject | undefined {
  const resources = kinds.all().filter((resource) => pathOf(resource) === path);
  if (resources.length === 0) return undefined;
  const schemas = Object.fromEntries(resources.map((each) => [schemaName(each), toDocumented(each)]));
  return {
    openapi: '3.0.0',
    info,
    paths: Object.fromEntries(resources.flatMap(pathsOf)),
    components: { schemas: { ...schemas, [metaName]: objectMetaSchema as JsonObject } },
  };
}

function pathOf(resource: Resource): string {
  return `${resource.group === '' ? 'api' : 'apis'}/${groupVersionOf(resource)}`;
}

function schemaName({ group, version, kind }: Resource): string {
  const domain = group === '' ? 'io.k8s.api.core' : group.split('.').toReversed().join('.');
  return `${domain}.${version}.${kind}`;
}

/** The schema of a kind as documents show it: with what every object has, and its name. */
function toDocumented(resource: Resource): JsonObject {
  const { schema } = resource;
  const own: Record<string, Schema> = schema.properties ?? {};
  return {
    ...(schema as JsonObject),
    properties: {
      ...(own as JsonObject),
      apiVersion: {
        type: 'string',
        description: 'APIVersion defines the versioned schema of this representation.',
      },
      kind: { type: 'string', description: 'Kind is the kind of object this is.' },
      metadata: {
        description: "Standard object's metadata.",
        allOf: [{ $ref: `#/components/schemas/${metaName}` }],
        default: {},
      },
    },
    'x-kubernetes-group-version-kind': [kindOf(resource)],
  };
}

function kindOf({ group, version, kind }: Resource): JsonObject {
  return { group, version, kind };
}

function pathsOf(resource: Resource): [string, JsonObject][] {
  const { group, plural, isNamespaced } = resource;
  const root = `/${group === '' ? 'api' : 'apis'}/${groupVersionOf(resource)}`;
  const collection = isNamespaced ? `${root}/namespaces/{namespace}/${plural}` : `${root}/${plural}`;
  const bodies = ['application/json', 'application/yaml'];
  const list = { get: operation(resource, 'list') };
  return [
    [collection, { ...list, post: operation(resource, 'post', bodies) }],
    [
      `${collection}/{name}`,
      {
        get: operation(resource, 'get'),
        put: operation(resource, 'put', bodies),
        patch: operation(resource, 'patch', patchTypesOf(resource)),
        delete: operation(resource, 'delete'),
      },
    ],
    ...(isNamespaced ? [[`${root}/${plural}`, list] satisfies [string, JsonObject]] : []),
  ];
}

const writeParameters = ['dryRun', 'fieldManager', 'fieldValidation'].map((name) => queryParameter(name));

function operation(resource: Resource, action: string, bodies: readonly string[] = []): JsonObject {
  const content = {
    'application/json': { schema: { $ref: `#/components/schemas/${schemaName(resource)}` } },
  };
  const isWrite = bodies.length > 0;
  const force = action === 'patch' ? [queryParameter('force', 'boolean')] : [];
  return {
    operationId: `${action}${resource.kind}`,
    'x-kubernetes-action': action,
    'x-kubernetes-group-version-kind': kindOf(resource),
    responses: { 200: { description: 'OK', content } },
    ...(isWrite ? { parameters: [...writeParameters, ...force] } : {}),
    ...(isWrite ? { requestBody: { content: Object.fromEntries(bodies.map((type) => [type, {}])) } } : {}),
  };
}

function queryParameter(name: string, type = 'string'): JsonObject {
  return { name, in: 'query', schema: { type, uniqueItems: true } };
}

/** The index of the OpenAPI v3 documents; a document that changes gets another address, because clients keep them. */
export function toOpenApiIndex(kinds: Kinds): JsonObject {
  const paths = [...new Set(kinds.all().map(pathOf))].map((path) => {
    const hash = createHash('sha256')
      .update(JSON.stringify(toOpenApi(kinds, path)))
      .digest('hex')
      .toUpperCase();
    return [path, { serverRelativeURL: `/openapi/v3/${path}?hash=${hash}` }] as const;
  });
  return { paths: Object.fromEntries(paths) };
}

/** The older document, with only what a client needs to see that it is one. */
export function toSwagger(): JsonObject {
  return { swagger: '2.0', info, paths: {}, definitions: {} };
}

/** The same as protobuf, which is all that kubectl reads: fields 1 (swagger), 2 (info: title, version) and 8 (paths). */
export const swaggerProtobuf = '\n\x032.0\x12\x16\n\x10Embedded cluster\x12\x02v1B\0';

export const swaggerProtobufType = 'application/com.github.proto-openapi.spec.v2.v1.0+protobuf';
