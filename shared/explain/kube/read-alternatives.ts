import type { Reference } from '../../api/binding.ts';
import type { Resource } from '../../api/object-meta.ts';
import { objectiveResources } from '../../api/objective.ts';
import { poolResources } from '../../api/pool.ts';
import type { Snapshot } from '../../decide/world.ts';
import type { Served, Sources } from '../../identity/sources.ts';
import type { ClusterReads, Listed } from '../../kube/cluster.ts';
import { createLacks } from './permissions.ts';

/**
 * The pools and objectives of a snapshot; where a binding names one that is not there, with all others that could have been
 * meant. Who may not list them sees none of those, and that is no finding.
 */
export async function readAlternatives(cluster: ClusterReads, snapshot: Snapshot): Promise<Sources> {
  const { bindings, sources, namespace } = snapshot;
  const specs = [...bindings.values()].map(({ spec }) => spec);
  const poolRefs = specs.map(({ poolRef }) => poolRef);
  const objectiveRefs = specs.flatMap(({ objectiveRef }) => objectiveRef ?? []);
  const [pools, objectives] = await Promise.all([
    complete(poolRefs, sources.pools, poolResources, (resource) => cluster.listPools(resource, namespace)),
    complete(objectiveRefs, sources.objectives, objectiveResources, (resource) =>
      cluster.listObjectives(resource, namespace),
    ),
  ]);
  return { ...sources, pools, objectives };
}

type Groups<T> = Readonly<Record<string, Served<T>>>;

async function complete<T extends { readonly metadata: { readonly name: string } }>(
  references: readonly Reference[],
  groups: Groups<T>,
  resources: readonly Resource[],
  list: (resource: Resource) => Promise<Listed<T> | 'unserved'>,
): Promise<Groups<T>> {
  const known = new Set(Object.values(groups).flatMap((one) => (one === 'unserved' ? [] : [...one.keys()])));
  if (references.every(({ name }) => known.has(name.trim()))) return groups;
  const entries = resources.map(async (resource) => {
    const served = groups[resource.group] ?? 'unserved';
    const listed = served === 'unserved' ? served : await createLacks().attempt(() => list(resource));
    if (served === 'unserved' || listed === undefined || listed === 'unserved')
      return [resource.group, served] as const;
    const named = listed.items.map((object) => [object.metadata.name, object] as const);
    return [resource.group, new Map([...served, ...named])] as const;
  });
  return Object.fromEntries(await Promise.all(entries));
}
