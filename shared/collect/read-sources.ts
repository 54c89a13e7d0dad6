import type { Binding, Reference } from '../api/binding.ts';
import { objectiveResources } from '../api/objective.ts';
import type { Resource } from '../api/object-meta.ts';
import { poolResources } from '../api/pool.ts';
import { mapLimited } from '../concurrency/for-each-limited.ts';
import { isDnsSubdomain } from '../identity/object-names.ts';
import type { Served, Sources } from '../identity/sources.ts';
import type { ClusterReads, Found, Listed } from '../kube/cluster.ts';
import { maxReadsByName, readsAtOnce } from './limits.ts';

/** Pools and objectives, and the names for which they were read. */
export interface ReadSources {
  readonly sources: Sources;
  readonly asked: Asked;
}

/** The names that were read, by kind and group; `all`: the whole list. */
type Asked = ReadonlyMap<string, ReadonlySet<string> | 'all'>;

/** How one kind is read: object by object, or as a list. */
interface Reader<T> {
  readonly kind: string;
  readonly resources: readonly Resource[];
  readonly references: readonly Reference[];
  readonly get: (resource: Resource, name: string) => Promise<Found<T>>;
  readonly list: (resource: Resource) => Promise<Listed<T> | 'unserved'>;
  readonly known: Readonly<Record<string, Served<T>>>;
  readonly asked: Asked;
}

interface Named {
  readonly metadata: { readonly name: string };
}

const nothing: ReadSources = { sources: { pools: {}, objectives: {} }, asked: new Map() };

/**
 * Reads the pools and objectives that these bindings name, in every group where they may exist, except those that are
 * known.
 */
export async function readSources(
  cluster: ClusterReads,
  namespace: string,
  bindings: Iterable<Binding>,
  known: ReadSources = nothing,
): Promise<ReadSources> {
  const specs = [...bindings].map(({ spec }) => spec);
  const [pools, objectives] = await Promise.all([
    read({
      kind: 'pools',
      resources: poolResources,
      references: specs.map(({ poolRef }) => poolRef),
      get: (resource, name) => cluster.getPool(resource, namespace, name),
      list: (resource) => cluster.listPools(resource, namespace),
      known: known.sources.pools,
      asked: known.asked,
    }),
    read({
      kind: 'objectives',
      resources: objectiveResources,
      references: specs.flatMap(({ objectiveRef }) => objectiveRef ?? []),
      get: (resource, name) => cluster.getObjective(resource, namespace, name),
      list: (resource) => cluster.listObjectives(resource, namespace),
      known: known.sources.objectives,
      asked: known.asked,
    }),
  ]);
  return {
    sources: { pools: pools.served, objectives: objectives.served },
    asked: new Map([...pools.asked, ...objectives.asked]),
  };
}

interface ReadKind<T> {
  readonly served: Record<string, Served<T>>;
  readonly asked: Asked;
}

async function read<T extends Named>(reader: Reader<T>): Promise<ReadKind<T>> {
  const groups = await Promise.all(
    reader.resources.map(async (resource) => ({ resource, ...(await readGroup(resource, reader)) })),
  );
  return {
    served: Object.fromEntries(groups.map(({ resource, served }) => [resource.group, served])),
    asked: new Map(groups.map(({ resource, asked }) => [toPlace(reader, resource), asked])),
  };
}

async function readGroup<T extends Named>(
  resource: Resource,
  reader: Reader<T>,
): Promise<{ readonly served: Served<T>; readonly asked: ReadonlySet<string> | 'all' }> {
  const before = reader.asked.get(toPlace(reader, resource)) ?? new Set<string>();
  const known = reader.known[resource.group] ?? new Map<string, T>();
  if (before === 'all' || known === 'unserved') return { served: known, asked: before };

  const names = toNames(resource, reader.references, before);
  if (names === 'many') return { served: toServed(await reader.list(resource)), asked: 'all' };
  // If the group is not served, the first name shows it for all.
  const [first, ...others] = names;
  const found = first === undefined ? [] : [await reader.get(resource, first)];
  if (!found.includes('unserved'))
    found.push(...(await mapLimited(others, readsAtOnce, (name) => reader.get(resource, name))));
  const asked = new Set([...before, ...names]);
  if (found.includes('unserved')) return { served: 'unserved', asked };
  const objects = found.filter((object) => typeof object !== 'string');
  return {
    served: new Map([...known, ...objects.map((object) => [object.metadata.name, object] as const)]),
    asked,
  };
}

function toPlace({ kind }: { readonly kind: string }, { group }: Resource): string {
  return `${kind} of ${group}`;
}

/**
 * The names that were not asked for yet; `many`: a list costs less, so the rest of them does not matter. A name that no
 * object can have would make a request for something else.
 */
function toNames(
  resource: Resource,
  references: readonly Reference[],
  before: ReadonlySet<string>,
): string[] | 'many' {
  const names = new Set<string>();
  for (const { name, group } of references) {
    const isMeant = !group?.trim() || group.trim() === resource.group;
    const trimmed = name.trim();
    if (isMeant && !before.has(trimmed) && isDnsSubdomain(trimmed)) names.add(trimmed);
    if (names.size > maxReadsByName) return 'many';
  }
  return [...names];
}

function toServed<T extends Named>(list: Listed<T> | 'unserved'): Served<T> {
  return list === 'unserved'
    ? 'unserved'
    : new Map(list.items.map((object) => [object.metadata.name, object]));
}
