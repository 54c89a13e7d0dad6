import { compileRules } from './cel.ts';
import { type Json, type JsonObject, getAt, isJsonObject, isSameJson } from './json.ts';
import { type Resource, metadataFields, plainResource } from './kinds.ts';
import { type KubeObject, isDeleting } from './kube-object.ts';
import type { FieldError, FieldReason } from './status-error.ts';
import { type Schema, schemaErrors, toRegExp } from './schema.ts';
import { parseJsonPath, toColumns } from './tables.ts';

/** The finalizer that keeps a definition until the last object of its kind is gone. */
export const cleanupFinalizer = 'customresourcecleanup.apiextensions.k8s.io';

/** A definition with what the server fills in: names, the conversion strategy, and at once the status of an accepted one. */
export function prepareDefinition(object: KubeObject, old: KubeObject | undefined): KubeObject {
  const written = objectAt(object, 'spec');
  const names = completeNames(written);
  const spec: JsonObject = { conversion: { strategy: 'None' }, ...written, names };
  const stored = versionsOf(object).filter((version) => version.storage);
  const status = {
    conditions: conditionsOf(old, new Date().toISOString().replace(/\.\d+Z$/, 'Z')),
    acceptedNames: names,
    storedVersions: [
      ...new Set([...listAt(old, 'status', 'storedVersions'), ...stored.map(({ name }) => name)]),
    ],
  };
  return {
    ...object,
    spec,
    status: old !== undefined && isDeleting(old) ? (old['status'] ?? status) : status,
  };
}

function objectAt(value: Json | undefined, ...path: string[]): JsonObject {
  const found = getAt(value, path);
  return isJsonObject(found) ? found : {};
}

type Names = { plural: string; singular: string; kind: string; listKind: string } & JsonObject;

function completeNames(spec: JsonObject): Names {
  const names = objectAt(spec, 'names');
  const kind = textAt(names, 'kind');
  return {
    ...names,
    plural: textAt(names, 'plural'),
    kind,
    singular: textAt(names, 'singular') || kind.toLowerCase(),
    listKind: textAt(names, 'listKind') || (kind === '' ? '' : `${kind}List`),
  };
}

function textAt(value: Json | undefined, ...path: string[]): string {
  const found = getAt(value, path);
  return typeof found === 'string' ? found : '';
}

interface Version {
  readonly name: string;
  readonly served: boolean;
  readonly storage: boolean;
  readonly schema: Schema;
  readonly hasStatus: boolean;
  readonly columns: JsonObject[];
  readonly selectable: string[];
  readonly subresources: string[];
}

function versionsOf(definition: KubeObject): Version[] {
  return listAt(definition, 'spec', 'versions').map(toVersion);
}

function listAt(value: Json | undefined, ...path: string[]): Json[] {
  const found = getAt(value, path);
  return Array.isArray(found) ? found : [];
}

function toVersion(value: Json): Version {
  return {
    name: textAt(value, 'name'),
    served: getAt(value, ['served']) === true,
    storage: getAt(value, ['storage']) === true,
    schema: objectAt(value, 'schema', 'openAPIV3Schema'),
    hasStatus: getAt(value, ['subresources', 'status']) !== undefined,
    columns: listAt(value, 'additionalPrinterColumns').filter(isJsonObject),
    selectable: listAt(value, 'selectableFields').map((each) => textAt(each, 'jsonPath')),
    subresources: Object.keys(objectAt(value, 'subresources')),
  };
}

function conditionsOf(old: KubeObject | undefined, now: string): JsonObject[] {
  const known = listAt(old, 'status', 'conditions').filter(isJsonObject);
  if (known.length > 0) return known;
  const base = { lastTransitionTime: now, status: 'True' };
  return [
    { ...base, type: 'NamesAccepted', reason: 'NoConflicts', message: 'no conflicts found' },
    {
      ...base,
      type: 'Established',
      reason: 'InitialNamesAccepted',
      message: 'the initial names have been accepted',
    },
  ];
}

/** What is wrong with a definition; one that could only be obeyed in part is refused as a whole. */
export function validateDefinition(object: KubeObject, old: KubeObject | undefined): FieldError[] {
  const spec = objectAt(object, 'spec');
  if (old !== undefined) {
    const changed = immutableErrors(spec, old);
    if (changed.length > 0) return changed;
  }
  const errors: FieldError[] = [];
  if (object.metadata.name !== `${textAt(spec, 'names', 'plural')}.${textAt(spec, 'group')}`) {
    const says = `Invalid value: ${JSON.stringify(object.metadata.name)}: must be spec.names.plural+"."+spec.group`;
    errors.push(error('metadata.name', 'FieldValueInvalid', says));
  }
  errors.push(...requiredErrors(spec));
  const versions = versionsOf(object);
  if (versions.filter((version) => version.storage).length !== 1) {
    const says = 'Invalid value: null: must have exactly one version marked as storage version';
    errors.push(error('spec.versions', 'FieldValueInvalid', says));
  }
  if (textAt(spec, 'conversion', 'strategy') !== 'None') {
    const says = 'Forbidden: the embedded cluster only knows the conversion strategy None';
    errors.push(error('spec.conversion.strategy', 'FieldValueForbidden', says));
  }
  return [
    ...errors,
    ...versions.flatMap((version, index) =>
      versionErrors(version, `spec.versions[${index}]`, versions.length === 1),
    ),
  ];
}

function immutableErrors(spec: JsonObject, old: KubeObject): FieldError[] {
  const paths = [['group'], ['scope'], ['names', 'plural'], ['names', 'kind']];
  return paths
    .filter((path) => !isSameJson(getAt(spec, path), getAt(old, ['spec', ...path])))
    .map((path) => {
      const says = `Invalid value: ${JSON.stringify(getAt(spec, path) ?? '')}: field is immutable`;
      return error(`spec.${path.join('.')}`, 'FieldValueInvalid', says);
    });
}

function error(field: string, reason: FieldReason, message: string): FieldError {
  return { reason, message, field };
}

function requiredErrors(spec: JsonObject): FieldError[] {
  const paths = [
    ['group'],
    ['scope'],
    ...['plural', 'singular', 'kind', 'listKind'].map((name) => ['names', name]),
  ];
  return paths
    .filter((path) => textAt(spec, ...path) === '')
    .map((path) => error(`spec.${path.join('.')}`, 'FieldValueRequired', 'Required value'));
}

function versionErrors(version: Version, path: string, isOnly: boolean): FieldError[] {
  // The real server still speaks of the schema of an only version as if it stood beside the versions.
  const schemaPath = isOnly ? 'spec.validation.openAPIV3Schema' : `${path}.schema.openAPIV3Schema`;
  const errors = structuralErrors(version.schema, schemaPath);
  if (errors.length === 0) compileRules(version.schema, errors, schemaPath);
  for (const [index, column] of version.columns.entries()) {
    const jsonPath = textAt(column, 'jsonPath');
    if (parseJsonPath(jsonPath) !== undefined) continue;
    const says = `Invalid value: ${JSON.stringify(jsonPath)}: the embedded cluster does not understand this JSONPath`;
    errors.push(error(`${path}.additionalPrinterColumns[${index}].jsonPath`, 'FieldValueInvalid', says));
  }
  const unserved = version.subresources.filter((each) => each !== 'status');
  return [
    ...errors,
    ...unserved.map((each) => {
      const says = `Forbidden: the embedded cluster does not implement the ${each} subresource`;
      return error(`${path}.subresources.${each}`, 'FieldValueForbidden', says);
    }),
  ];
}

const types = ['array', 'boolean', 'integer', 'number', 'object', 'string'];

// No definition that anybody here installs says these.
const unimplemented = [
  'allOf',
  'anyOf',
  'oneOf',
  'not',
  'exclusiveMinimum',
  'exclusiveMaximum',
  'multipleOf',
  'x-kubernetes-embedded-resource',
  'x-kubernetes-int-or-string',
];

/** What keeps a schema from being structural, so that it could not be obeyed exactly. */
function structuralErrors(schema: Schema, path: string): FieldError[] {
  const errors = patternErrors(schema, path);
  for (const keyword of unimplemented.filter((each) => each in schema)) {
    const says = `Forbidden: the embedded cluster does not implement ${keyword} in a schema`;
    errors.push(error(`${path}.${keyword}`, 'FieldValueForbidden', says));
  }
  if (schema.type === undefined && schema['x-kubernetes-preserve-unknown-fields'] !== true) {
    const says = 'Required value: must not be empty for specified object fields';
    errors.push(error(`${path}.type`, 'FieldValueRequired', says));
  } else if (schema.type !== undefined && !types.includes(schema.type)) {
    const supported = types.map((each) => JSON.stringify(each)).join(', ');
    const says = `Unsupported value: ${JSON.stringify(schema.type)}: supported values: ${supported}`;
    errors.push(error(`${path}.type`, 'FieldValueNotSupported', says));
  } else if (schema.default !== undefined) {
    errors.push(...schemaErrors(schema.default, schema, undefined, `${path}.default`));
  }
  for (const [field, child] of Object.entries(schema.properties ?? {})) {
    errors.push(...structuralErrors(child, `${path}.properties[${field}]`));
  }
  if (schema.items !== undefined) errors.push(...structuralErrors(schema.items, `${path}.items`));
  if (typeof schema.additionalProperties === 'object') {
    errors.push(...structuralErrors(schema.additionalProperties, `${path}.additionalProperties`));
  }
  return errors;
}

function patternErrors(schema: Schema, path: string): FieldError[] {
  if (schema.pattern === undefined) return [];
  try {
    toRegExp(schema.pattern);
    return [];
  } catch {
    const says = `Invalid value: ${JSON.stringify(schema.pattern)}: must be a valid regular expression`;
    return [error(`${path}.pattern`, 'FieldValueInvalid', says)];
  }
}

/** The resources that a definition makes the server serve, the version that is stored first. */
export function resourcesOf(definition: KubeObject): Resource[] {
  return versionsOf(definition)
    .filter((version) => version.served)
    .toSorted((left, right) => Number(right.storage) - Number(left.storage))
    .map((version) => toResource(definition, version));
}

function toResource(definition: KubeObject, version: Version): Resource {
  const spec = objectAt(definition, 'spec');
  const { plural, singular, kind, listKind, ...names } = completeNames(spec);
  const group = textAt(spec, 'group');
  const apiVersion = `${group}/${version.name}`;
  const selectable = version.selectable.map((path) => [path.slice(1), path.slice(1).split('.')] as const);
  return {
    ...plainResource,
    group,
    version: version.name,
    plural,
    singular,
    kind,
    listKind,
    shortNames: listAt(names, 'shortNames').map(String),
    categories: listAt(names, 'categories').map(String),
    isNamespaced: textAt(spec, 'scope') === 'Namespaced',
    isCustom: true,
    hasStatus: version.hasStatus,
    hasGeneration: true,
    storage: definition.metadata.name,
    schema: version.schema,
    rules: compileRules(version.schema, [], ''),
    fields: {
      ...metadataFields,
      ...Object.fromEntries(selectable),
    },
    columns: toColumns(version.columns),
    present: (object) =>
      object.apiVersion === apiVersion
        ? object
        : {
            ...object,
            apiVersion,
          },
  };
}
