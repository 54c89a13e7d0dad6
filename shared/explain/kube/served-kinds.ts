import { z } from 'zod';
import { bindingResource } from '../../api/binding.ts';
import { outputResource } from '../../api/cluster-spiffe-id.ts';
import { objectiveResources } from '../../api/objective.ts';
import { type Resource, toApiVersion } from '../../api/object-meta.ts';
import { poolResources } from '../../api/pool.ts';
import type { Lookups } from '../../kube/lookups.ts';

const ResourceList = z.object({ resources: z.array(z.object({ name: z.string() })) });

/** The kinds that kleym knows. */
export const knownKinds: readonly Resource[] = [
  bindingResource,
  outputResource,
  ...poolResources,
  ...objectiveResources,
];

/** Those of them that the API server serves. */
export async function readServedKinds(lookups: Lookups): Promise<readonly Resource[]> {
  const served = await Promise.all(
    knownKinds.map(async (kind) => {
      const list = await lookups.read(`/apis/${toApiVersion(kind)}`, ResourceList);
      return list?.resources.some(({ name }) => name === kind.plural) ?? false;
    }),
  );
  return knownKinds.filter((_, index) => served[index]);
}
