import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { bindingResource } from '../../shared/api/binding.ts';
import { outputResource } from '../../shared/api/cluster-spiffe-id.ts';
import type { Resource } from '../../shared/api/object-meta.ts';
import { objectiveResources } from '../../shared/api/objective.ts';
import { poolResources } from '../../shared/api/pool.ts';

// Of the third group no project has ever shipped a definition.
const [objective, oldObjective] = objectiveResources;

/** What has a definition: our kind first, then those of others. */
export const definedResources: readonly Resource[] = [
  bindingResource,
  outputResource,
  ...poolResources,
  objective,
  oldObjective,
];

/** The CustomResourceDefinitions of all of them, as YAML. */
export async function readDefinitions(): Promise<string[]> {
  return await Promise.all(definedResources.map(readDefinition));
}

/** The CustomResourceDefinition of one kind, as YAML. */
export async function readDefinition(resource: Resource): Promise<string> {
  return await readFile(join(root, definitionFileOf(resource)), 'utf8');
}

/** The file of a definition, from the top of the repository: ours is a manifest, those of others are copies. */
export function definitionFileOf({ group, plural }: Resource): string {
  return group === bindingResource.group ? 'knative/base/crd.yaml' : `local/crds/${group}_${plural}.yaml`;
}

const root = join(import.meta.dirname, '..', '..');
