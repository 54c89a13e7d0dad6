import type { Observed, Reference } from '../api/binding.ts';
import { type Objective, objectiveResources } from '../api/objective.ts';
import type { ObjectMeta, Resource } from '../api/object-meta.ts';
import { type Outcome, type Refused, done, refused, refusedForNow } from '../api/outcome.ts';
import { type Pool, poolResources } from '../api/pool.ts';
import type { RefusalReason } from '../api/reasons.ts';
import { isSameJson } from './canonical.ts';
import { isDnsSubdomain } from './object-names.ts';
import { parsePoolRef } from './objective-pool-ref.ts';
import type { PodLabels } from './pod-labels.ts';
import { parsePoolSelector } from './pool-selector.ts';
import type { Served, Sources } from './sources.ts';

/** The pool that a reference means. In a migration it stands in several groups, and is one pool all the same. */
export interface ResolvedPool {
  readonly name: string;
  readonly groups: readonly string[];
  readonly labels: Outcome<PodLabels>;
  readonly observed: Observed;
}

interface Candidate<T> {
  readonly group: string;
  readonly object: T;
}

interface Kind<T> {
  readonly field: 'poolRef' | 'objectiveRef';
  readonly invalid: RefusalReason<'InvalidRef'>;
  readonly notFound: RefusalReason<'InvalidRef'>;
  readonly missing: Refused;
  readonly resources: readonly Resource[];
  readonly served: Readonly<Record<string, Served<T>>>;
}

/** Finds the pool of a binding. */
export function resolvePool(
  reference: Reference,
  namespace: string,
  sources: Sources,
): Outcome<ResolvedPool> {
  const found = find(reference, namespace, poolKind(sources));
  if (found.kind === 'refused') return found;

  const [first, ...others] = found.value;
  const labels = labelsOf(first, sources);
  // Selectors that are unsafe for the same reason differ in nothing that matters: the selector is what is wrong then.
  const differing = others.find((other) => !isSameJson(labelsOf(other, sources), labels));
  if (differing) {
    return refused(
      'InvalidRef',
      'AmbiguousPoolRef',
      `poolRef "${first.object.metadata.name}" is served by ${first.group} and by ${differing.group} with different selectors: set poolRef.group, or make the selectors equal`,
    );
  }
  const groups = [first.group, ...others.map(({ group }) => group)];
  return done({ name: first.object.metadata.name, groups, labels, observed: toObserved(first) });
}

/** Finds the objective of a binding, and makes sure that it means the binding's pool. */
export function resolveObjective(
  reference: Reference,
  pool: ResolvedPool,
  namespace: string,
  sources: Sources,
): Outcome<Observed> {
  const found = find(reference, namespace, objectiveKind(sources));
  if (found.kind === 'refused') return found;

  const [first, ...others] = found.value;
  const differing = others.find(({ object }) => poolNameOf(object) !== poolNameOf(first.object));
  if (differing) {
    return refused(
      'InvalidRef',
      'AmbiguousObjectiveRef',
      `objectiveRef "${first.object.metadata.name}" is served by ${first.group} and by ${differing.group} and they point at different pools: set objectiveRef.group`,
    );
  }
  const wrong = checkPoolRef(first.object, pool, namespace);
  return wrong ?? done(toObserved(first));
}

function poolKind(sources: Sources): Kind<Pool> {
  return {
    field: 'poolRef',
    invalid: 'InvalidPoolRef',
    notFound: 'TargetPoolNotFound',
    missing: refusedForNow('InvalidRef', 'InferencePoolCRDMissing', 'InferencePool CRD is not installed'),
    resources: poolResources,
    served: sources.pools,
  };
}

function objectiveKind(sources: Sources): Kind<Objective> {
  return {
    field: 'objectiveRef',
    invalid: 'InvalidObjectiveRef',
    notFound: 'TargetObjectiveNotFound',
    missing: refusedForNow(
      'InvalidRef',
      'InferenceObjectiveCRDMissing',
      'InferenceObjective CRD is not installed',
    ),
    resources: objectiveResources,
    served: sources.objectives,
  };
}

/** Every object that a reference may mean, the preferred group first; at least one. */
function find<T>(
  reference: Reference,
  namespace: string,
  kind: Kind<T>,
): Outcome<readonly [Candidate<T>, ...Candidate<T>[]]> {
  const name = reference.name.trim();
  const group = reference.group?.trim() ?? '';
  if (!isDnsSubdomain(name)) {
    return refused(
      'InvalidRef',
      kind.invalid,
      `${kind.field}.name "${name}" is not the name of an object: expected lower case letters, digits, "-" and "."`,
    );
  }
  const groups = kind.resources
    .map((resource) => resource.group)
    .filter((known) => group === '' || known === group);
  if (groups.length === 0) {
    const known = kind.resources.map((resource) => resource.group).join(', ');
    return refused(
      'InvalidRef',
      kind.invalid,
      `${kind.field}.group "${group}" is not supported: expected one of ${known}`,
    );
  }
  const [first, ...others] = groups.flatMap((known) => toCandidate(known, name, kind.served[known]));
  if (first) return done([first, ...others]);
  const served = groups.filter((known) => (kind.served[known] ?? 'unserved') !== 'unserved');
  if (served.length === 0) return kind.missing;
  return refused(
    'InvalidRef',
    kind.notFound,
    `${kind.field} "${name}" was not found in namespace "${namespace}" (looked in ${served.join(' and ')})`,
  );
}

function toCandidate<T>(group: string, name: string, served: Served<T> = 'unserved'): Candidate<T>[] {
  const object = served === 'unserved' ? undefined : served.get(name);
  return object === undefined ? [] : [{ group, object }];
}

function labelsOf({ object }: Candidate<Pool>, { parsed }: Sources): Outcome<PodLabels> {
  const known = parsed?.get(object);
  if (known) return known;
  const labels = parsePoolSelector(object.spec?.selector);
  parsed?.set(object, labels);
  return labels;
}

function toObserved({ group, object }: Candidate<{ readonly metadata: ObjectMeta }>): Observed {
  return { group, uid: object.metadata.uid, generation: object.metadata.generation ?? 0 };
}

function poolNameOf(objective: Objective): string | undefined {
  const reference = parsePoolRef(objective.spec?.poolRef);
  return reference.kind === 'done' ? reference.value.name : undefined;
}

function checkPoolRef(objective: Objective, pool: ResolvedPool, namespace: string): Refused | undefined {
  const subject = `objectiveRef "${objective.metadata.name}"`;
  const reference = parsePoolRef(objective.spec?.poolRef);
  if (reference.kind === 'refused') return { ...reference, message: `${subject}: ${reference.message}` };

  const { name, group = '', namespace: elsewhere = '' } = reference.value;
  if (elsewhere !== '' && elsewhere !== namespace) {
    return mismatch(
      `${subject} points at poolRef "${elsewhere}/${name}": cross-namespace poolRef is not allowed`,
    );
  }
  if (name !== pool.name) {
    return mismatch(`${subject} points at poolRef "${namespace}/${name}", want "${namespace}/${pool.name}"`);
  }
  if (group !== '' && !pool.groups.includes(group)) {
    return mismatch(`${subject} points at poolRef group "${group}", want "${pool.groups.join('" or "')}"`);
  }
  return undefined;
}

function mismatch(message: string): Refused {
  return refused('InvalidRef', 'InvalidObjectiveRef', message);
}
