import { parse as parseYaml } from 'yaml';
import { type Json, type JsonObject, isJsonObject, jsonTypeOf } from './json.ts';
import { type Resource, groupVersionOf } from './kinds.ts';
import type { KubeObject, Metadata } from './kube-object.ts';
import { objectMetaSchema } from './object-meta.ts';
import { type StatusError, badRequest, invalid, unsupportedMediaType } from './status-error.ts';
import { type Schema, applyDefaults, findTypeMismatch, prune } from './schema.ts';

export type FieldValidation = 'Strict' | 'Warn' | 'Ignore';

/** An object as a client wrote it, pruned and defaulted, and what the client should be told. */
export interface Decoded {
  readonly object: KubeObject;
  readonly warnings: readonly string[];
}

const bodyTypes = ['application/json', 'application/yaml'];

/** Reads the body of a create or update. */
export function parseBody(text: string, contentType: string): Json {
  const type = contentType.split(';')[0]?.trim() ?? '';
  if (type === 'application/yaml') return parseYamlBody(text);
  if (type !== '' && type !== 'application/json') throw unsupportedMediaType(bodyTypes);
  return parseJsonBody(text, "couldn't get version/kind; json parse error: ");
}

/** Reads JSON, or refuses it with the parser's own words behind a prefix. */
export function parseJsonBody(text: string, prefix: string): Json {
  try {
    return JSON.parse(text) as Json;
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw badRequest(`${prefix}${text.trim() === '' ? 'unexpected end of JSON input' : error.message}`);
  }
}

/** Reads YAML as JSON would be: times stay text, and a key may come once. */
export function parseYamlBody(text: string): Json {
  try {
    return parseYaml(text, { schema: 'core' }) as Json;
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    throw badRequest(`error converting YAML to JSON: ${error.message}`);
  }
}

/** Checks that a body is an object of the kind that the address speaks of; built-in kinds may leave it unsaid. */
export function requireKind(body: Json, resource: Resource): JsonObject {
  const { kind, isCustom } = resource;
  const unrecognized = `the object provided is unrecognized (must be of type ${kind})`;
  if (!isJsonObject(body)) {
    throw badRequest(
      `${unrecognized}: couldn't get version/kind; json parse error: found a JSON ${jsonTypeOf(body)}`,
    );
  }
  const { kind: said = '', apiVersion = '' } = body;
  if (isCustom && said === '')
    throw badRequest(`${unrecognized}: Object 'Kind' is missing in '${JSON.stringify(body)}'`);
  const expected = groupVersionOf(resource);
  if (apiVersion !== '' && apiVersion !== expected) {
    throw badRequest(
      `the API version in the data (${String(apiVersion)}) does not match the expected API version (${expected})`,
    );
  }
  if (said === '' || said === kind) return body;
  const name = isJsonObject(body['metadata']) ? String(body['metadata']['name'] ?? '') : '';
  if (!isCustom)
    throw badRequest(`${String(said)} in version "${resource.version}" cannot be handled as a ${kind}`);
  const message = `Invalid value: ${JSON.stringify(said)}: must be ${kind}`;
  throw invalid(String(said), resource.group, name, [
    { reason: 'FieldValueInvalid', message, field: 'kind' },
  ]);
}

/** Turns a body into an object of a resource: unknown fields go, defaults come. */
export function decodeObject(body: Json, resource: Resource, validation: FieldValidation): Decoded {
  const written = requireKind(body, resource);
  const schema = withMetadataSchema(resource);
  const unknown: string[] = [];
  const filled = applyDefaults(prune(written, schema, unknown), schema);
  const value = isJsonObject(filled) ? filled : {};
  checkTypes(value, resource);
  const problems = unknown.map((path) => `unknown field ${JSON.stringify(path)}`);
  if (validation === 'Strict' && problems.length > 0) {
    throw strictError(resource, problems);
  }
  const identity = { apiVersion: groupVersionOf(resource), kind: resource.kind };
  const object = { ...value, ...identity, metadata: toMetadata(value['metadata']) };
  return { object, warnings: validation === 'Warn' ? problems : [] };
}

/** Kubernetes itself ignores unknown fields below a CRD's metadata, so all of it is checked by one schema. */
function withMetadataSchema(resource: Resource): Schema {
  const text = { type: 'string' };
  const known = { apiVersion: text, kind: text, metadata: objectMetaSchema };
  return { ...resource.schema, properties: { ...resource.schema.properties, ...known } };
}

function checkTypes(value: JsonObject, resource: Resource): void {
  const { kind, version } = resource;
  const metadata = value['metadata'] ?? {};
  const mismatch =
    findTypeMismatch(metadata, objectMetaSchema, 'ObjectMeta') ??
    (resource.isCustom ? undefined : findTypeMismatch(value, resource.schema, kind));
  if (mismatch === undefined) return;
  throw badRequest(`${kind} in version "${version}" cannot be handled as a ${kind}: ${mismatch}`);
}

function strictError({ kind, version }: Resource, problems: readonly string[]): StatusError {
  const says = `strict decoding error: ${problems.join(', ')}`;
  return badRequest(`${kind} in version "${version}" cannot be handled as a ${kind}: ${says}`);
}

function toMetadata(value: Json | undefined): Metadata {
  const { managedFields: _fields, selfLink: _link, name = '', ...rest } = isJsonObject(value) ? value : {};
  const said = Object.entries(rest).filter(([, each]) => !isEmpty(each));
  return { ...Object.fromEntries(said), name: String(name) };
}

/** Go leaves out what is empty: `labels: {}` is stored as no labels. */
function isEmpty(value: Json | undefined): boolean {
  if (value === '' || value === undefined || value === null) return true;
  if (Array.isArray(value)) return value.length === 0;
  return isJsonObject(value) && Object.keys(value).length === 0;
}

/** What a patch made must be strictly known too; the real server then blames the patch. */
export function decodePatched(patched: Json, resource: Resource, validation: FieldValidation): Decoded {
  if (validation !== 'Strict') return decodeObject(patched, resource, validation);
  const { object, warnings } = decodeObject(patched, resource, 'Warn');
  if (warnings.length === 0) return { object, warnings };
  const shown = JSON.stringify(JSON.stringify(patched));
  const message = `Invalid value: ${shown}: strict decoding error: ${warnings.join(', ')}`;
  throw invalid('', '', '', [{ reason: 'FieldValueInvalid', message, field: 'patch' }]);
}
