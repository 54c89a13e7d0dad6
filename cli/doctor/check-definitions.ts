import { bindingFields, bindingResource } from '../../shared/api/binding.ts';
import { outputResource } from '../../shared/api/cluster-spiffe-id.ts';
import { objectiveResources } from '../../shared/api/objective.ts';
import { type Resource, toApiVersion } from '../../shared/api/object-meta.ts';
import { poolResources } from '../../shared/api/pool.ts';
import { type Check, type DoctorFacts, type Read, isRead } from './doctor-facts.ts';
import type { Definition } from './installation.ts';

/** Whether the kinds are there that kleym needs, and ours is of the version that runs. */
export function checkDefinitions({ served, definitions, serverVersion }: DoctorFacts): Check[] {
  const version: Check = {
    area: 'definitions',
    status: serverVersion === undefined ? 'unknown' : 'ok',
    message: `API server ${serverVersion ?? 'of an unknown version'}`,
  };
  const wanted = [
    {
      kinds: [bindingResource],
      name: 'InferenceIdentityBinding',
      advice: 'kubectl apply -f knative/base/crd.yaml',
    },
    { kinds: [outputResource], name: 'ClusterSPIFFEID', advice: "install SPIRE Controller Manager's CRDs" },
    { kinds: poolResources, name: 'InferencePool', advice: 'install the Gateway API inference extension' },
    {
      kinds: objectiveResources,
      name: 'InferenceObjective',
      advice: 'install llm-d, or bind whole pools only',
    },
  ] as const;
  return [
    version,
    ...wanted.map(({ kinds, name, advice }): Check => {
      const versions = kinds.filter((kind: Resource) => isServed(served, kind)).map(toApiVersion);
      if (versions.length > 0)
        return { area: 'definitions', status: 'ok', message: `${name}: ${versions.join(', ')}` };
      const status = name === 'InferenceObjective' ? 'warning' : 'error';
      return { area: 'definitions', status, message: `${name} is not served`, advice };
    }),
    ...checkOwnDefinition(definitions),
  ];
}

function isServed(served: readonly Resource[], kind: Resource): boolean {
  return served.some(({ group, plural }) => group === kind.group && plural === kind.plural);
}

/** Beside a definition of another version nothing can be written, or what is written gets lost. */
function checkOwnDefinition(definitions: Read<Definition>): Check[] {
  if (!isRead(definitions)) return [];
  const name = `${bindingResource.plural}.${bindingResource.group}`;
  const own = definitions.find(({ metadata }) => metadata.name === name);
  const version = own?.spec.versions.find((one) => one.name === bindingResource.version);
  if (!version) return [];
  const known = (version.selectableFields ?? []).map(({ jsonPath }) => jsonPath.slice(1));
  const needed = Object.values(bindingFields).filter((field) => !field.startsWith('metadata.'));
  const unselectable = needed.filter((field) => !known.includes(field));
  const status = propertiesOf(propertiesOf(version.schema?.openAPIV3Schema)['status']);
  const missing = ['claim', 'keyDigest', 'keyShape', 'conflicts'].filter((field) => !(field in status));
  if (unselectable.length + missing.length === 0)
    return [{ area: 'definitions', status: 'ok', message: `the definition ${name} has all fields` }];
  const fields = [
    ...missing.map((field) => `status.${field}`),
    ...unselectable.map((field) => `selectable ${field}`),
  ];
  return [
    {
      area: 'definitions',
      status: 'error',
      message: `the definition ${name} lacks ${fields.join(', ')}: it is of another version`,
      advice: 'kubectl apply -f knative/base/crd.yaml of the version that runs',
    },
  ];
}

function propertiesOf(schema: unknown): Record<string, unknown> {
  const { properties } = (schema ?? {}) as { readonly properties?: Record<string, unknown> };
  return properties ?? {};
}
