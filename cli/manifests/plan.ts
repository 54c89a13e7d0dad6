import { z } from 'zod';
import { Binding, bindingResource } from '../../shared/api/binding.ts';
import { Objective, objectiveResources } from '../../shared/api/objective.ts';
import { type Resource, toApiVersion } from '../../shared/api/object-meta.ts';
import { Pool, poolResources } from '../../shared/api/pool.ts';
import { toClock } from '../../shared/collect/clock.ts';
import type { Snapshot } from '../../shared/decide/world.ts';
import { isSameJson } from '../../shared/identity/canonical.ts';
import type { Served } from '../../shared/identity/sources.ts';
import type { Manifest } from './parse-manifests.ts';

/** A manifest that an API server would take, with what it would store. */
export interface Accepted {
  readonly manifest: Manifest;
  readonly namespace: string;
  readonly object: unknown;
}

/** The objects of a namespace that manifests bring, by kind. */
export interface Plan {
  readonly namespace: string;
  readonly bindings: ReadonlyMap<string, Binding>;
  readonly pools: ByGroup<Pool>;
  readonly objectives: ByGroup<Objective>;
}

type ByGroup<T> = Readonly<Record<string, ReadonlyMap<string, T>>>;

/** Sorts manifests by namespace and kind. */
export function toPlans(accepted: readonly Accepted[]): readonly Plan[] {
  const byNamespace = Map.groupBy(accepted, ({ namespace }) => namespace);
  return [...byNamespace].map(([namespace, group]) => ({
    namespace,
    bindings: pick(group, bindingResource, Binding),
    pools: pickGroups(group, poolResources, Pool),
    objectives: pickGroups(group, objectiveResources, Objective),
  }));
}

function pickGroups<T extends Named>(
  accepted: readonly Accepted[],
  resources: readonly Resource[],
  schema: z.ZodType<T>,
): ByGroup<T> {
  return Object.fromEntries(resources.map((resource) => [resource.group, pick(accepted, resource, schema)]));
}

interface Named {
  readonly metadata: { readonly name: string };
}

function pick<T extends Named>(
  accepted: readonly Accepted[],
  resource: Resource,
  schema: z.ZodType<T>,
): ReadonlyMap<string, T> {
  const objects = accepted
    .filter(
      ({ manifest }) => manifest.apiVersion === toApiVersion(resource) && manifest.kind === resource.kind,
    )
    .map(({ object }) => schema.parse(withVersion(object)));
  return new Map(objects.map((object) => [object.metadata.name, object]));
}

const Stored = z.looseObject({ metadata: z.looseObject({ resourceVersion: z.string().default('') }) });

/** What was never stored has no resourceVersion. */
function withVersion(object: unknown): unknown {
  return Stored.parse(object);
}

/** A namespace in which there is nothing yet, with every kind served. */
export function toEmptySnapshot(namespace: string): Snapshot {
  return {
    namespace,
    bindings: new Map(),
    outputs: [],
    sources: { pools: serveNothing(poolResources), objectives: serveNothing(objectiveResources) },
    clock: toClock('2000-01-01T00:00:00Z'),
  };
}

function serveNothing(resources: readonly Resource[]): Record<string, ReadonlyMap<string, never>> {
  return Object.fromEntries(resources.map(({ group }) => [group, new Map<string, never>()]));
}

/** The namespace as it is when the manifests of a plan are applied to it. */
export function applyPlan(snapshot: Snapshot, plan: Plan): Snapshot {
  const bindings = new Map(snapshot.bindings);
  for (const [name, binding] of plan.bindings) bindings.set(name, applyBinding(bindings.get(name), binding));
  return {
    ...snapshot,
    bindings,
    sources: {
      pools: applyGroups(snapshot.sources.pools, plan.pools),
      objectives: applyGroups(snapshot.sources.objectives, plan.objectives),
    },
  };
}

/** A binding that is there stays itself; only its spec is another one. */
function applyBinding(current: Binding | undefined, applied: Binding): Binding {
  if (!current) return applied;
  const { generation = 0 } = current.metadata;
  if (isSameJson(current.spec, applied.spec)) return current;
  return { ...current, metadata: { ...current.metadata, generation: generation + 1 }, spec: applied.spec };
}

/** A group that the cluster does not serve takes no object. */
function applyGroups<T extends { readonly metadata: object }>(
  current: Readonly<Record<string, Served<T>>>,
  applied: ByGroup<T>,
): Record<string, Served<T>> {
  const groups = [...new Set([...Object.keys(current), ...Object.keys(applied)])];
  return Object.fromEntries(
    groups.map((group) => {
      const served = current[group] ?? 'unserved';
      const brought = applied[group] ?? new Map<string, T>();
      if (served === 'unserved') return [group, served];
      return [
        group,
        new Map([
          ...served,
          ...[...brought].map(([name, object]) => [name, keep(served.get(name), object)] as const),
        ]),
      ];
    }),
  );
}

function keep<T extends { readonly metadata: object }>(current: T | undefined, applied: T): T {
  return current ? { ...applied, metadata: current.metadata } : applied;
}
