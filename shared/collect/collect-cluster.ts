import { type Output, outputLabels } from '../api/cluster-spiffe-id.ts';
import { objectiveResources } from '../api/objective.ts';
import type { Resource } from '../api/object-meta.ts';
import { poolResources } from '../api/pool.ts';
import type { Snapshot } from '../decide/world.ts';
import type { Served, Sources } from '../identity/sources.ts';
import { managedBy } from '../identity/ownership.ts';
import type { ClusterReads, Listed } from '../kube/cluster.ts';
import { toClock } from './clock.ts';
import { throwBindingsUnserved } from '../kube/read-guards.ts';
import { toBindingsByName } from './bindings-by-name.ts';

interface Namespaced {
  readonly metadata: { readonly name: string; readonly namespace: string };
}

type ByNamespace<T> = ReadonlyMap<string, readonly T[]>;

/** Reads the whole cluster as one snapshot for each namespace, in the order of the protocol, with one list for each kind. */
export async function collectCluster(cluster: ClusterReads): Promise<Snapshot[]> {
  const listed = await cluster.listBindings({});
  if (listed === 'unserved') return throwBindingsUnserved();
  const listedOutputs = await cluster.listOutputs({ [outputLabels.managedBy]: managedBy });
  const [pools, objectives] = await Promise.all([
    listGroups(poolResources, (resource) => cluster.listPools(resource)),
    listGroups(objectiveResources, (resource) => cluster.listObjectives(resource)),
  ]);

  const bindings = Map.groupBy(listed.items, ({ metadata }) => metadata.namespace);
  const outputs = listedOutputs === 'unserved' ? 'unserved' : Map.groupBy(listedOutputs.items, namespaceOf);
  const namespaces = new Set([...bindings.keys(), ...(outputs === 'unserved' ? [] : outputs.keys())]);
  return [...namespaces].map((namespace) => ({
    namespace,
    bindings: toBindingsByName(bindings.get(namespace) ?? []),
    outputs: outputs === 'unserved' ? 'unserved' : (outputs.get(namespace) ?? []),
    sources: { pools: within(pools, namespace), objectives: within(objectives, namespace) } satisfies Sources,
    clock: toClock(listed.at),
  }));
}

function namespaceOf({ metadata }: Output): string {
  return metadata.labels?.[outputLabels.bindingNamespace] ?? '';
}

async function listGroups<T extends Namespaced>(
  resources: readonly Resource[],
  list: (resource: Resource) => Promise<Listed<T> | 'unserved'>,
): Promise<[string, ByNamespace<T> | 'unserved'][]> {
  return Promise.all(
    resources.map(async (resource) => {
      const listed = await list(resource);
      return [
        resource.group,
        listed === 'unserved' ? listed : Map.groupBy(listed.items, ({ metadata }) => metadata.namespace),
      ];
    }),
  );
}

function within<T extends Namespaced>(
  groups: readonly [string, ByNamespace<T> | 'unserved'][],
  namespace: string,
): Record<string, Served<T>> {
  return Object.fromEntries(
    groups.map(([group, objects]) => [
      group,
      objects === 'unserved' ? objects : toServed(objects.get(namespace) ?? []),
    ]),
  );
}

function toServed<T extends Namespaced>(objects: readonly T[]): Served<T> {
  return new Map(objects.map((object) => [object.metadata.name, object]));
}
