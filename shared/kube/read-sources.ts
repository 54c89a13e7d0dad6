import type { Binding, Reference } from '../api/binding.ts';
import { objectiveResources } from '../api/objective.ts';
import type { Resource } from '../api/object-meta.ts';
import { poolResources } from '../api/pool.ts';
import { isDnsSubdomain } from '../identity/object-names.ts';
import type { Served, Sources } from '../identity/sources.ts';
import type { Cluster, Found, Listed } from './cluster.ts';

// Beyond this many names of a group, one list is cheaper than its objects one by one.
const maxNames = 8;

/** How one kind is read, object by object or all at once. */
interface Reader<T> {
  readonly resources: readonly Resource[];
  readonly get: (resource: Resource, name: string) => Promise<Found<T>>;
  readonly list: (resource: Resource) => Promise<Listed<T> | 'unserved'>;
}

interface Named {
  readonly metadata: { readonly name: string };
}

/** Reads the pools and objectives that these bindings name, in every group in which they may stand. */
export async function readSources(
  cluster: Cluster,
  namespace: string,
  bindings: Iterable<Binding>,
): Promise<Sources> {
  const specs = [...bindings].map(({ spec }) => spec);
  const [pools, objectives] = await Promise.all([
    read(
      specs.map(({ poolRef }) => poolRef),
      {
        resources: poolResources,
        get: (resource, name) => cluster.getPool(resource, namespace, name),
        list: (resource) => cluster.listPools(resource, namespace),
      },
    ),
    read(
      specs.flatMap(({ objectiveRef }) => objectiveRef ?? []),
      {
        resources: objectiveResources,
        get: (resource, name) => cluster.getObjective(resource, namespace, name),
        list: (resource) => cluster.listObjectives(resource, namespace),
      },
    ),
  ]);
  return { pools, objectives };
}

async function read<T extends Named>(
  references: readonly Reference[],
  reader: Reader<T>,
): Promise<Record<string, Served<T>>> {
  const groups = await Promise.all(
    reader.resources.map(
      async (resource) => [resource.group, await readGroup(resource, references, reader)] as const,
    ),
  );
  return Object.fromEntries(groups);
}

async function readGroup<T extends Named>(
  resource: Resource,
  references: readonly Reference[],
  reader: Reader<T>,
): Promise<Served<T>> {
  const meant = references.filter(({ group }) => !group?.trim() || group.trim() === resource.group);
  // A name that no object can have would make another request than the one that is meant.
  const names = [...new Set(meant.map(({ name }) => name.trim()))].filter(isDnsSubdomain);
  return names.length > maxNames
    ? toServed(await reader.list(resource))
    : readByName(resource, names, reader);
}

async function readByName<T extends Named>(
  resource: Resource,
  names: readonly string[],
  reader: Reader<T>,
): Promise<Served<T>> {
  const found = await Promise.all(names.map((name) => reader.get(resource, name)));
  if (found.includes('unserved')) return 'unserved';
  return new Map(
    found.flatMap((object) => (typeof object === 'string' ? [] : [[object.metadata.name, object]])),
  );
}

function toServed<T extends Named>(list: Listed<T> | 'unserved'): Served<T> {
  return list === 'unserved'
    ? 'unserved'
    : new Map(list.items.map((object) => [object.metadata.name, object]));
}
