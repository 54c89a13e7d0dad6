import { readdir } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { type EmbeddedCluster, startCluster } from '@kleym/kube-api';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { z } from 'zod';
import { definedResources, definitionFileOf, readDefinition } from '../local/crds/definitions.ts';
import {
  BindingSpec,
  BindingStatus,
  bindingFields,
  bindingFinalizer,
  bindingResource,
} from '../shared/api/binding.ts';
import { conditionTypes } from '../shared/api/condition-types.ts';
import { toApiVersion } from '../shared/api/object-meta.ts';
import { objectiveResources } from '../shared/api/objective.ts';
import { poolResources } from '../shared/api/pool.ts';
import { StringMap } from '../shared/api/strings.ts';
import { compareText } from '../shared/identity/canonical.ts';
import { maxPodLabels } from '../shared/identity/pod-labels.ts';
import { renderIdentity } from '../shared/identity/render-identity.ts';
import {
  admissionCases,
  claimCases,
  readRefusals,
  toAdmissionRequest,
  toClaimRequest,
} from './admission-cases.ts';
import {
  createBinding,
  createObjective,
  createPool,
  createSources,
  exampleSettings,
} from './support/inference.ts';

const manifest = await readDefinition(bindingResource);

/** The parts of a JSON schema by which zod's and the CRD's are compared. */
interface Schema {
  readonly type?: string;
  readonly description?: string;
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly default?: unknown;
  readonly required?: readonly string[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly items?: Schema;
  readonly additionalProperties?: Schema | false;
  readonly maxProperties?: number;
  readonly oneOf?: readonly Schema[];
}

interface Definition {
  readonly spec: {
    readonly group: string;
    readonly scope: string;
    readonly names: { readonly kind: string; readonly plural: string };
    readonly versions: readonly [
      {
        readonly name: string;
        readonly selectableFields?: readonly { readonly jsonPath: string }[];
        readonly schema: { readonly openAPIV3Schema: Schema };
      },
    ];
  };
}

const definition = parse(manifest) as Definition;
const [version] = definition.spec.versions;
const schema = version.schema.openAPIV3Schema;

/** What our code says about the parts of a binding that are ours. */
function codeSchema(): Schema {
  return toJsonSchema(z.object({ spec: BindingSpec, status: BindingStatus.optional() }));
}

/** zod knows no JSON schema of a check that is our own. */
function toJsonSchema(code: z.ZodType): Schema {
  return z.toJSONSchema(code, {
    unrepresentable: 'any',
    override: ({ zodSchema, jsonSchema }) => {
      if (zodSchema === StringMap)
        Object.assign(jsonSchema, { type: 'object', additionalProperties: { type: 'string' } });
    },
  }) as Schema;
}

/** What the CRD says about the same parts. */
function crdSchema(): Schema {
  const { spec, status } = schema.properties ?? {};
  if (!spec || !status) throw new Error('the CRD has no schema of spec and status');
  return { type: 'object', required: schema.required ?? [], properties: { spec, status } };
}

/** A union of objects as the one flat object that a CRD can say: all fields, required what all variants require. */
function flatten(one: Schema): Schema {
  const [first, ...others] = one.oneOf ?? [];
  if (!first) return one;
  const flat = others.reduce(
    (a, b) => ({
      type: 'object',
      required: (a.required ?? []).filter((name) => b.required?.includes(name)),
      properties: { ...a.properties, ...b.properties },
    }),
    first,
  );
  const kinds = [first, ...others].flatMap((variant) => variant.properties?.['kind']?.const ?? []);
  return { ...flat, properties: { ...flat.properties, kind: { type: 'string', enum: kinds } } };
}

/** Where the code and the CRD do not say the same. */
function findDifferences(code: Schema, crd: Schema, path = ''): string[] {
  const own = flatten(code);
  const found = [
    ...compareSets(`${path} type`, [own.type], [crd.type]),
    ...compareSets(`${path} required`, own.required ?? [], crd.required ?? []),
    ...compareSets(
      `${path} properties`,
      Object.keys(own.properties ?? {}),
      Object.keys(crd.properties ?? {}),
    ),
    ...(own.enum && crd.enum ? compareSets(`${path} enum`, own.enum, crd.enum) : []),
    ...(own.items || crd.items ? findDifferences(own.items ?? {}, crd.items ?? {}, `${path}[]`) : []),
  ];
  const [values, theirs] = [own.additionalProperties || {}, crd.additionalProperties || {}];
  found.push(...compareSets(`${path}[*] type`, [values.type], [theirs.type]));
  const shared = Object.entries(own.properties ?? {}).flatMap(([name, property]) => {
    const other = crd.properties?.[name];
    return other ? findDifferences(property, other, `${path}.${name}`) : [];
  });
  return [...found, ...shared];
}

function compareSets(what: string, code: readonly unknown[], crd: readonly unknown[]): string[] {
  const [one, other] = [code, crd].map((values) => JSON.stringify(values.map(String).toSorted(compareText)));
  return one === other ? [] : [`${what}: the code says ${one}, the CRD ${other}`];
}

/** Every property of a schema, by the names that lead to it. */
function listPaths(one: Schema, path: readonly string[] = []): (readonly string[])[] {
  const below = Object.entries(one.properties ?? {}).flatMap(([name, property]) => [
    [...path, 'properties', name],
    ...listPaths(property, [...path, 'properties', name]),
  ]);
  return one.items ? [...below, ...listPaths(one.items, [...path, 'items'])] : below;
}

function partAt(one: Schema, path: readonly string[]): Schema {
  return path.reduce<unknown>((part, name) => (part as Record<string, unknown>)[name], one) as Schema;
}

/** A copy of a schema in which the part at a path is another one. */
function mutate(one: Schema, path: readonly string[], change: (part: Schema) => Schema | undefined): Schema {
  const [name, ...rest] = path;
  if (name === undefined) return change(one) ?? {};
  const { [name]: part, ...others } = one as Record<string, Schema>;
  const changed = rest.length === 0 ? change(part ?? {}) : mutate(part ?? {}, rest, change);
  return changed === undefined ? others : { ...others, [name]: changed };
}

describe('the CRD and the schemas in the code', () => {
  test('agree', () => {
    expect(findDifferences(codeSchema(), crdSchema())).toEqual([]);
  });

  test.each(listPaths(crdSchema()).map((path) => [path.join('.'), path] as const))(
    'differ as soon as %s is missing in the CRD, or another type there',
    (_name, path) => {
      const crd = crdSchema();
      const without = mutate(crd, path, () => undefined);
      const retyped = mutate(crd, path, (part) => ({ ...part, type: 'boolean' }));
      expect(findDifferences(codeSchema(), without)).not.toEqual([]);
      expect(findDifferences(codeSchema(), retyped)).not.toEqual([]);
    },
  );

  test.each([
    [
      'a field of the spec that only the code knows',
      z.object({
        spec: BindingSpec.extend({ novel: z.string().optional() }),
        status: BindingStatus.optional(),
      }),
      '.spec properties: ',
    ],
    [
      'a field of the status that only the code knows',
      z.object({ spec: BindingSpec, status: BindingStatus.extend({ novel: z.string() }).optional() }),
      '.status required: ',
    ],
    [
      'a field that the code requires',
      z.object({ spec: BindingSpec.required({ mode: true }), status: BindingStatus.optional() }),
      '.spec required: ',
    ],
    [
      'a mode that only the code knows',
      z.object({
        spec: BindingSpec.extend({ mode: z.enum(['PoolOnly', 'PerObjective', 'PerModel']).optional() }),
        status: BindingStatus.optional(),
      }),
      '.spec.mode enum: ',
    ],
  ])('differ by %s', (_what, code, difference) => {
    const found = findDifferences(toJsonSchema(code), crdSchema());
    expect(found).toEqual(expect.arrayContaining([expect.stringContaining(difference)]));
  });

  test.each([
    [
      'a field that only the CRD knows',
      ['properties', 'status', 'properties', 'claim'],
      (part: Schema) => ({ ...part, properties: { ...part.properties, novel: { type: 'string' } } }),
      '.status.claim properties: ',
    ],
    [
      'a field that the CRD no longer requires',
      ['properties', 'status', 'properties', 'conflicts', 'items'],
      (part: Schema) => ({ ...part, required: ['name'] }),
      '.status.conflicts[] required: ',
    ],
    [
      'numbers in the CRD where the code has texts by keys',
      ['properties', 'spec', 'properties', 'podLabels'],
      (part: Schema) => ({ ...part, additionalProperties: { type: 'integer' } }),
      '.spec.podLabels[*] type: ',
    ],
    [
      'a kind of claim that only the CRD knows',
      ['properties', 'status', 'properties', 'claim', 'properties', 'kind'],
      (part: Schema) => ({ ...part, enum: [...(part.enum ?? []), 'deleting'] }),
      '.status.claim.kind enum: ',
    ],
  ])('differ by %s', (_what, path, change, difference) => {
    expect(findDifferences(codeSchema(), mutate(crdSchema(), path, change))).toEqual([
      expect.stringContaining(difference),
    ]);
  });
});

test('the CRD describes each field, for kubectl explain', () => {
  const parts = listPaths(crdSchema()).map((path) => [path, partAt(crdSchema(), path)] as const);
  expect(parts.filter(([, part]) => part.description === undefined)).toEqual([]);
});

describe('the CRD and the constants in the code', () => {
  test('name the same kind', () => {
    const { group, names, scope } = definition.spec;
    expect({ group, version: version.name, kind: names.kind, plural: names.plural }).toEqual(bindingResource);
    expect(scope).toBe('Namespaced');
  });

  test('list the same fields by which bindings can be found', () => {
    const paths = version.selectableFields?.map(({ jsonPath }) => jsonPath);
    // By its name every kind can be listed.
    const { name: _name, ...fields } = bindingFields;
    expect(paths).toEqual(Object.values(fields).map((field) => `.${field}`));
  });

  test('take the finalizer from the group, and keep the name that the Go operator gave it', () => {
    expect(bindingFinalizer).toBe('kleym.sonda.red/inferenceidentitybinding-finalizer');
    expect(bindingFinalizer.startsWith(`${definition.spec.group}/`)).toBe(true);
  });

  test('allow as many pod labels', () => {
    const { podLabels } = schema.properties?.['spec']?.properties ?? {};
    expect(podLabels?.maxProperties).toBe(maxPodLabels);
  });

  test('know the same groups of pools and objectives', () => {
    const { poolRef, objectiveRef } = schema.properties?.['spec']?.properties ?? {};
    expect(poolRef?.properties?.['group']?.enum).toEqual(poolResources.map(({ group }) => group));
    expect(objectiveRef?.properties?.['group']?.enum).toEqual(objectiveResources.map(({ group }) => group));
  });

  test('order the conditions alike, and default to the same mode', () => {
    const conditions = schema.properties?.['status']?.properties?.['conditions'];
    expect(conditions?.items?.properties?.['type']?.enum).toEqual(conditionTypes);
    expect(schema.properties?.['spec']?.properties?.['mode']?.default).toBe('PerObjective');
  });

  test.each(definedResources.map((resource) => [definitionFileOf(resource), resource] as const))(
    'name the kind of %s as its project does',
    async (_file, resource) => {
      const { group, names, versions } = (parse(await readDefinition(resource)) as Definition).spec;
      expect({ group, version: versions[0].name, kind: names.kind, plural: names.plural }).toEqual(resource);
    },
  );

  test('are copied of no kind that we neither read nor write', async () => {
    const folder = join(import.meta.dirname, '..', 'local', 'crds');
    const copies = (await readdir(folder)).filter((name) => name.endsWith('.yaml'));
    const files = definedResources.map((resource) => basename(definitionFileOf(resource)));
    expect(files).toEqual(expect.arrayContaining(copies));
  });
});

describe('admission', () => {
  let cluster: EmbeddedCluster;
  beforeAll(async () => {
    cluster = await startCluster({ crds: [manifest] });
    const metadata = { name: 'binding-a', namespace: 'default' };
    const { spec } = toCase('accepts a complete PerObjective binding');
    const apiVersion = toApiVersion(bindingResource);
    await cluster.apply(JSON.stringify({ apiVersion, kind: bindingResource.kind, metadata, spec }));
  });
  afterAll(() => cluster.close());

  test.each(admissionCases().map((one) => [one.title, one] as const))('%s', async (_title, one) => {
    const { path, body } = toAdmissionRequest({ ...one, name: `new-${one.name}`.slice(0, 253) }, 'default');
    const headers = { 'content-type': 'application/json' };
    const answer = await fetch(cluster.url + path, { method: 'POST', headers, body });
    expect(byField(readRefusals(await answer.json()))).toEqual(byField(one.refusals));
    expect(answer.status).toBe(one.refusals.length === 0 ? 201 : 422);
  });

  test('fills in PerObjective where no mode is given', async () => {
    const one = toCase('takes an omitted mode for PerObjective');
    const { path, body } = toAdmissionRequest({ ...one, name: 'binding-b' }, 'default');
    const headers = { 'content-type': 'application/json' };
    const answer = await fetch(cluster.url + path, { method: 'POST', headers, body });
    expect(await answer.json()).toMatchObject({ spec: { ...one.spec, mode: 'PerObjective' } });
  });

  test.each(claimCases().map((one) => [one.title, one] as const))('%s', async (_title, one) => {
    const { path, body } = toClaimRequest(one, 'default', 'binding-a');
    const headers = { 'content-type': 'application/merge-patch+json' };
    const answer = await fetch(cluster.url + path, { method: 'PATCH', headers, body });
    expect(readRefusals(await answer.json())).toEqual(one.refusals);
    expect(answer.status).toBe(one.refusals.length === 0 ? 200 : 422);
    expect(BindingStatus.safeParse({ claim: one.claim }).success).toBe(one.refusals.length === 0);
  });
});

describe('the functions refuse what admission refuses: it', () => {
  test.each(admissionCases().map((one) => [one.title, one] as const))('%s', (_title, one) => {
    expect(render(one.spec, one.name)).toBe(one.rendering);
  });
});

/** Whatever pool and objective the spec names are there, so that only what it says can be wrong. */
function render(untyped: unknown, name: string): 'done' | 'refused' {
  const spec = BindingSpec.safeParse(untyped);
  if (!spec.success) return 'refused';
  const pool = spec.data.poolRef.name.trim();
  const objective = createObjective({ name: pool }, spec.data.objectiveRef?.name.trim());
  const sources = createSources(createPool({ matchLabels: { app: 'model-server' } }, pool), objective);
  return renderIdentity(createBinding(spec.data, name), sources, exampleSettings).outcome.kind;
}

function toCase(title: string) {
  const found = admissionCases().find((one) => one.title === title);
  if (!found) throw new Error(`there is no admission case "${title}"`);
  return found;
}

function byField<T extends { readonly field: string; readonly message: string }>(
  refusals: readonly T[],
): T[] {
  return refusals.toSorted((a, b) => (`${a.field} ${a.message}` < `${b.field} ${b.message}` ? -1 : 1));
}
