import { prepareDefinition, validateDefinition } from './definitions.ts';
import {
  eventColumns,
  validateCoreEvent,
  validateNewEvent,
  presentCoreEvent,
  presentNewEvent,
  storeCoreEvent,
  storeNewEvent,
} from './events.ts';
import { isJsonObject } from './json.ts';
import { type Resource, metadataFields, plainResource } from './kinds.ts';
import { type KubeObject, isDeleting, withMetadata } from './kube-object.ts';
import { dnsLabelErrors } from './names.ts';
import type { Schema } from './schema.ts';
import type { SelectableFields } from './selectors.ts';
import { type Column, ageColumn, nameColumn } from './tables.ts';

/** The namespaces that every cluster has and nobody may delete. */
export const lastingNamespaces = ['default', 'kube-system'];

const text: Schema = { type: 'string' };
const texts: Schema = { type: 'array', items: text };
const free: Schema = { type: 'object', 'x-kubernetes-preserve-unknown-fields': true };
const nameLabel = 'kubernetes.io/metadata.name';
const textMap: Schema = { type: 'object', additionalProperties: text };
const flag: Schema = { type: 'boolean' };
const time: Schema = { type: 'string', format: 'date-time' };
const whole: Schema = { type: 'integer' };
const eventSeries = fields({ count: whole, lastObservedTime: time });

const reference = fields({
  apiVersion: text,
  kind: text,
  namespace: text,
  name: text,
  uid: text,
  resourceVersion: text,
  fieldPath: text,
});

const eventFields = {
  eventTime: time,
  series: eventSeries,
  action: text,
  reason: text,
  type: text,
  related: reference,
  reportingInstance: text,
};

const eventSource = fields({ component: text, host: text });

const eventSelectors: SelectableFields = {
  ...metadataFields,
  reason: ['reason'],
  type: ['type'],
};

const referenceNames = ['apiVersion', 'kind', 'namespace', 'name', 'uid', 'resourceVersion', 'fieldPath'];

const coreEvents = builtIn(
  'Event',
  'events',
  fields({
    ...eventFields,
    involvedObject: reference,
    message: text,
    source: eventSource,
    firstTimestamp: time,
    lastTimestamp: time,
    count: whole,
    reportingComponent: text,
  }),
  {
    shortNames: ['ev'],
    columns: eventColumns,
    fields: {
      ...eventSelectors,
      reportingComponent: ['reportingComponent'],
      source: ['source', 'component'],
      ...nestedFields('involvedObject', 'involvedObject', referenceNames),
    },
    prepare: storeCoreEvent,
    validate: validateCoreEvent,
    present: presentCoreEvent,
  },
);

const newEvents: Resource = {
  ...coreEvents,
  group: 'events.k8s.io',
  schema: fields({
    ...eventFields,
    regarding: reference,
    note: text,
    reportingController: text,
    deprecatedSource: eventSource,
    deprecatedFirstTimestamp: time,
    deprecatedLastTimestamp: time,
    deprecatedCount: whole,
  }),
  fields: {
    ...eventSelectors,
    reportingController: ['reportingComponent'],
    ...nestedFields('regarding', 'involvedObject', referenceNames),
  },
  prepare: storeNewEvent,
  validate: validateNewEvent,
  present: presentNewEvent,
};

const definitionNames = fields({
  plural: text,
  singular: text,
  kind: text,
  listKind: text,
  shortNames: texts,
  categories: texts,
});

const definitionVersion = fields(
  {
    name: text,
    served: flag,
    storage: flag,
    deprecated: flag,
    deprecationWarning: text,
    schema: fields({ openAPIV3Schema: free }),
    subresources: free,
    additionalPrinterColumns: {
      type: 'array',
      items: fields({
        name: text,
        type: text,
        format: text,
        description: text,
        priority: whole,
        jsonPath: text,
      }),
    },
    selectableFields: { type: 'array', items: fields({ jsonPath: text }) },
  },
  ['name', 'served', 'storage'],
);

const definitions = builtIn(
  'CustomResourceDefinition',
  'customresourcedefinitions',
  fields({
    spec: fields({
      group: text,
      scope: text,
      names: definitionNames,
      versions: { type: 'array', items: definitionVersion },
      conversion: free,
      preserveUnknownFields: flag,
    }),
    // Listed in full, because kubectl computes its patches of built-in kinds from this.
    status: fields({
      acceptedNames: definitionNames,
      storedVersions: texts,
      conditions: {
        type: 'array',
        items: fields({ type: text, status: text, reason: text, message: text, lastTransitionTime: time }),
      },
    }),
  }),
  {
    group: 'apiextensions.k8s.io',
    shortNames: ['crd', 'crds'],
    categories: ['api-extensions'],
    isNamespaced: false,
    hasStatus: true,
    hasGeneration: true,
    columns: [
      nameColumn,
      { ...column('Created At', (object) => object.metadata.creationTimestamp ?? null), type: 'date' },
    ],
    prepare: prepareDefinition,
    validate: validateDefinition,
  },
);

/** Every kind that is served without a definition. */
export const builtInKinds: readonly Resource[] = [
  builtIn('Namespace', 'namespaces', fields({ spec: fields({ finalizers: texts }), status: free }), {
    shortNames: ['ns'],
    isNamespaced: false,
    hasStatus: true,
    nameErrors: dnsLabelErrors,
    fields: { ...metadataFields, name: ['metadata', 'name'], 'status.phase': ['status', 'phase'] },
    columns: [nameColumn, column('Status', phaseOf), ageColumn],
    prepare: prepareNamespace,
  }),
  builtIn('ConfigMap', 'configmaps', fields({ data: textMap, binaryData: textMap, immutable: flag }), {
    shortNames: ['cm'],
    columns: [nameColumn, column('Data', (object) => countOf(object, 'data', 'binaryData')), ageColumn],
  }),
  // Nothing runs them. `kubectl kleym` holds what is written of them against bindings.
  builtIn('Pod', 'pods', fields({ spec: free, status: free }), {
    shortNames: ['po'],
    hasStatus: true,
    columns: [nameColumn, column('Status', phaseOf), ageColumn],
  }),
  coreEvents,
  newEvents,
  definitions,
];

function builtIn(kind: string, plural: string, schema: Schema, more: Partial<Resource> = {}): Resource {
  const identity = {
    group: '',
    version: 'v1',
    plural,
    kind,
    singular: kind.toLowerCase(),
    listKind: `${kind}List`,
  };
  return {
    ...plainResource,
    ...identity,
    storage: plural,
    schema,
    fields: metadataFields,
    columns: [nameColumn, ageColumn],
    ...more,
  };
}

function fields(properties: Record<string, Schema>, required?: string[]): Schema {
  return { type: 'object', properties, ...(required === undefined ? {} : { required }) };
}

function column(name: string, cell: Column['cell'], priority = 0): Column {
  return { name, type: 'string', description: name, priority, cell };
}

function phaseOf(object: KubeObject): string {
  const { status } = object;
  return isJsonObject(status) && typeof status['phase'] === 'string' ? status['phase'] : '';
}

function prepareNamespace(object: KubeObject, old: KubeObject | undefined): KubeObject {
  const labels = { ...object.metadata.labels, [nameLabel]: object.metadata.name };
  const phase = old !== undefined && isDeleting(old) ? 'Terminating' : 'Active';
  return {
    ...withMetadata(object, { labels }),
    spec: old?.['spec'] ?? { finalizers: ['kubernetes'] },
    status: old?.['status'] ?? { phase },
  };
}

function countOf(object: KubeObject, ...names: string[]): string {
  const maps = names.map((name) => object[name]).filter(isJsonObject);
  return String(maps.reduce((sum, map) => sum + Object.keys(map).length, 0));
}

function nestedFields(prefix: string, path: string, names: readonly string[]): SelectableFields {
  return Object.fromEntries(names.map((name) => [`${prefix}.${name}`, [path, name]]));
}
