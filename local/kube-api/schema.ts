import { type Json, type JsonObject, isJsonObject, isSameJson, jsonTypeOf } from './json.ts';
import type { FieldError, FieldReason } from './status-error.ts';

export interface ValidationRule {
  rule: string;
  message?: string;
  messageExpression?: string;
  fieldPath?: string;
  reason?: string;
  optionalOldSelf?: boolean;
}

/** A structural OpenAPI v3 schema, as a CustomResourceDefinition carries it. */
export interface Schema {
  type?: string;
  description?: string;
  properties?: Record<string, Schema>;
  additionalProperties?: boolean | Schema;
  items?: Schema;
  required?: string[];
  enum?: Json[];
  default?: Json;
  nullable?: boolean;
  format?: string;
  pattern?: string;
  minLength?: number;
  maxLength?: number;
  minimum?: number;
  maximum?: number;
  minItems?: number;
  maxItems?: number;
  minProperties?: number;
  maxProperties?: number;
  'x-kubernetes-preserve-unknown-fields'?: boolean;
  'x-kubernetes-list-type'?: string;
  'x-kubernetes-list-map-keys'?: string[];
  'x-kubernetes-map-type'?: string;
  'x-kubernetes-validations'?: ValidationRule[];
}

/** The schema of a field of an object, whether it is named or any. */
export function schemaOfField(schema: Schema, field: string): Schema | undefined {
  const named = schema.properties?.[field];
  if (named !== undefined) return named;
  return typeof schema.additionalProperties === 'object' ? schema.additionalProperties : undefined;
}

/**
 * A copy with defaults filled in. A null in a field that is not nullable counts as absent, as on the real
 * server; in a list it stays, and is refused later.
 */
export function applyDefaults(value: Json, schema: Schema): Json {
  if (Array.isArray(value)) {
    const { items } = schema;
    return items === undefined ? value : value.map((each) => applyDefaults(each, items));
  }
  if (!isJsonObject(value)) return value;
  const filled: JsonObject = {};
  for (const [field, each] of Object.entries(value)) {
    const known = schemaOfField(schema, field);
    if (each === undefined || isNullWithoutMeaning(each, known)) continue;
    filled[field] = known === undefined ? each : applyDefaults(each, known);
  }
  for (const [field, known] of Object.entries(schema.properties ?? {})) {
    if (filled[field] !== undefined || known.default === undefined) continue;
    filled[field] = applyDefaults(structuredClone(known.default), known);
  }
  return filled;
}

function isNullWithoutMeaning(value: Json | undefined, schema: Schema | undefined): boolean {
  return value === null && schema !== undefined && schema.nullable !== true;
}

/** A copy without the fields the schema does not know; their paths are added to `unknown`. */
export function prune(value: Json, schema: Schema, unknown: string[], path = ''): Json {
  if (Array.isArray(value)) {
    const { items } = schema;
    return items === undefined
      ? value
      : value.map((each, index) => prune(each, items, unknown, `${path}[${index}]`));
  }
  if (!isJsonObject(value)) return value;
  const keepsAll =
    schema['x-kubernetes-preserve-unknown-fields'] === true || schema.additionalProperties === true;
  const kept: JsonObject = {};
  for (const [field, each] of Object.entries(value)) {
    const known = schemaOfField(schema, field);
    if (each === undefined) continue;
    if (known !== undefined) kept[field] = prune(each, known, unknown, childPath(path, field));
    else if (keepsAll) kept[field] = each;
    else unknown.push(childPath(path, field));
  }
  return kept;
}

function childPath(path: string, field: string): string {
  return path === '' ? field : `${path}.${field}`;
}

/** The patterns of a CRD are Go's RE2; what JavaScript's unicode mode refuses is tried without it. */
export function toRegExp(pattern: string): RegExp {
  try {
    return new RegExp(pattern, 'u');
  } catch {
    return new RegExp(pattern);
  }
}

/** Finds the old item that a new item of a list continues; only lists with keys say which one that is. */
export function oldItemOf(item: Json, schema: Schema, old: Json | undefined): Json | undefined {
  if (schema['x-kubernetes-list-type'] !== 'map' || !Array.isArray(old)) return undefined;
  const keys = schema['x-kubernetes-list-map-keys'] ?? [];
  const wanted = listKey(item, keys, schema.items);
  return old.find((each) => isSameJson(listKey(each, keys, schema.items), wanted));
}

function listKey(item: Json, keys: readonly string[], schema: Schema | undefined): JsonObject {
  const object = isJsonObject(item) ? item : {};
  return Object.fromEntries(
    keys.map((key) => [key, object[key] ?? schema?.properties?.[key]?.default ?? null]),
  );
}

/** The first value that is of another type than its schema says, as built-in kinds refuse it before anything else. */
export function findTypeMismatch(value: Json, schema: Schema, path: string): string | undefined {
  if (!isOfType(value, schema)) {
    const actual = typeof value === 'number' ? 'number' : jsonTypeOf(value);
    return `json: cannot unmarshal ${actual} into Go struct field ${path} of type ${schema.type}`;
  }
  if (typeof value === 'string' && !isOfFormat(value, schema.format))
    return `parsing time ${JSON.stringify(value)}`;
  const children: [string, Json | undefined, Schema | undefined][] = Array.isArray(value)
    ? value.map((each) => [path, each, schema.items])
    : Object.entries(isJsonObject(value) ? value : {}).map(([field, each]) => [
        schema.properties?.[field] === undefined ? path : `${path}.${field}`,
        each,
        schemaOfField(schema, field),
      ]);
  for (const [at, each, known] of children) {
    const found = each === undefined || known === undefined ? undefined : findTypeMismatch(each, known, at);
    if (found !== undefined) return found;
  }
  return undefined;
}

function isOfType(value: Json, { type }: Schema): boolean {
  const actual = jsonTypeOf(value);
  return type === undefined || type === actual || (actual === 'integer' && type === 'number');
}

const formats: Record<string, RegExp> = {
  'date-time': /^\d{4}-\d{2}-\d{2}[Tt]\d{2}:\d{2}:\d{2}(\.\d+)?([Zz]|[+-]\d{2}:\d{2})$/,
  date: /^\d{4}-\d{2}-\d{2}$/,
  uuid: /^[0-9a-fA-F]{8}-?([0-9a-fA-F]{4}-?){3}[0-9a-fA-F]{12}$/,
};

function isOfFormat(value: string, format: string | undefined): boolean {
  const pattern = format === undefined ? undefined : formats[format];
  if (pattern === undefined) return true;
  if (!pattern.test(value)) return false;
  return format === 'uuid' || !Number.isNaN(Date.parse(value));
}

/** What is wrong with a value; what `old` already said at the same place is not questioned again. */
export function schemaErrors(value: Json, schema: Schema, old: Json | undefined, path = ''): FieldError[] {
  const errors: FieldError[] = [];
  check(value, schema, old, { path, errors });
  return errors;
}

interface Location {
  readonly path: string;
  readonly errors: FieldError[];
}

function check(value: Json, schema: Schema, old: Json | undefined, place: Location): void {
  if (value === null && schema.nullable === true) return;
  // What was stored before a rule became stricter may stay as long as it is not touched.
  if (old !== undefined && isSameJson(value, old)) return;
  if (!isOfType(value, schema)) {
    const actual = JSON.stringify(jsonTypeOf(value));
    const says = `${place.path} in body must be of type ${schema.type}: ${actual}`;
    report(place, 'FieldValueTypeInvalid', `Invalid value: ${actual}: ${says}`);
    return;
  }
  if (schema.enum !== undefined && !schema.enum.some((each) => isSameJson(each, value))) {
    const supported = schema.enum.map((each) => JSON.stringify(each)).join(', ');
    const says = `Unsupported value: ${JSON.stringify(value)}: supported values: ${supported}`;
    report(place, 'FieldValueNotSupported', says);
  }
  checkByType(value, schema, old, place);
}

function report({ errors, path }: Location, reason: FieldReason, message: string): void {
  errors.push({ reason, message, field: path });
}

function checkByType(value: Json, schema: Schema, old: Json | undefined, place: Location): void {
  if (typeof value === 'string') checkString(value, schema, place);
  else if (typeof value === 'number') checkNumber(value, schema, place);
  else if (Array.isArray(value)) checkArray(value, schema, old, place);
  else if (isJsonObject(value)) checkObject(value, schema, old, place);
}

function checkString(value: string, schema: Schema, place: Location): void {
  const { length } = Array.from(value);
  if (!isOfFormat(value, schema.format)) {
    const says = `${place.path} in body must be of type ${schema.format}: ${JSON.stringify(value)}`;
    report(place, 'FieldValueTypeInvalid', `Invalid value: ${JSON.stringify(value)}: ${says}`);
  }
  if (schema.maxLength !== undefined && length > schema.maxLength) {
    report(place, 'FieldValueTooLong', `Too long: may not be more than ${schema.maxLength} bytes`);
    return;
  }
  if (schema.minLength !== undefined && length < schema.minLength) {
    reportValue(place, value, `should be at least ${schema.minLength} chars long`);
    return;
  }
  if (schema.pattern !== undefined && !toRegExp(schema.pattern).test(value)) {
    reportValue(place, value, `should match '${schema.pattern}'`);
  }
}

function reportValue(place: Location, value: Json, says: string): void {
  report(
    place,
    'FieldValueInvalid',
    `Invalid value: ${JSON.stringify(value)}: ${place.path} in body ${says}`,
  );
}

function checkNumber(value: number, { minimum, maximum }: Schema, place: Location): void {
  if (minimum !== undefined && value < minimum)
    reportValue(place, value, `should be greater than or equal to ${minimum}`);
  if (maximum !== undefined && value > maximum)
    reportValue(place, value, `should be less than or equal to ${maximum}`);
}

function checkArray(list: readonly Json[], schema: Schema, old: Json | undefined, place: Location): void {
  checkCount(list.length, place, 'items', schema.minItems, schema.maxItems);
  for (const [index, item] of list.entries()) {
    if (schema.items === undefined) break;
    const at = { ...place, path: `${place.path}[${index}]` };
    check(item, schema.items, oldItemOf(item, schema, old), at);
  }
  checkUnique(list, schema, place);
}

function checkCount(
  count: number,
  place: Location,
  what: string,
  min: number | undefined,
  max: number | undefined,
): void {
  if (max !== undefined && count > max) {
    report(place, 'FieldValueTooMany', `Too many: ${count}: must have at most ${max} items`);
  }
  if (min !== undefined && count < min) reportValue(place, count, `should have at least ${min} ${what}`);
}

function checkUnique(list: readonly Json[], schema: Schema, place: Location): void {
  const kind = schema['x-kubernetes-list-type'];
  if (kind !== 'set' && kind !== 'map') return;
  const keys = schema['x-kubernetes-list-map-keys'] ?? [];
  const identities = list.map((each) => (kind === 'set' ? each : listKey(each, keys, schema.items)));
  for (const [index, identity] of identities.entries()) {
    if (!identities.slice(0, index).some((earlier) => isSameJson(earlier, identity))) continue;
    const at = { ...place, path: `${place.path}[${index}]` };
    report(at, 'FieldValueDuplicate', `Duplicate value: ${JSON.stringify(identity)}`);
  }
}

function checkObject(object: JsonObject, schema: Schema, old: Json | undefined, place: Location): void {
  for (const field of schema.required ?? []) {
    if (object[field] !== undefined) continue;
    report({ ...place, path: childPath(place.path, field) }, 'FieldValueRequired', 'Required value');
  }
  checkCount(Object.keys(object).length, place, 'properties', schema.minProperties, schema.maxProperties);
  for (const [field, value] of Object.entries(object)) {
    const known = schemaOfField(schema, field);
    if (known === undefined || value === undefined) continue;
    const before = isJsonObject(old) ? old[field] : undefined;
    check(value, known, before, { ...place, path: childPath(place.path, field) });
  }
}
