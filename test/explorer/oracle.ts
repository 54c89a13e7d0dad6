import type { Binding } from '../../shared/api/binding.ts';
import type { Output } from '../../shared/api/cluster-spiffe-id.ts';
import { type ClusterState, isOurs, isOutputOf } from './model-cluster.ts';
import { appOf, outputNameOf, toOutputSpec } from './objects.ts';

/** The slice of workloads that an output gives an identity to; undefined where it claims none for itself alone. */
function toSlice({ spec }: Output): string | undefined {
  const selectors = (spec.workloadSelectorTemplates ?? []).filter((selector) =>
    /^k8s:(sa|container-name):/.test(selector),
  );
  if (!selectors.some((selector) => selector.startsWith('k8s:container-name:'))) return undefined;
  return JSON.stringify([spec.podSelector?.matchLabels, selectors.toSorted()]);
}

/** What is wrong with a state that must never be, however things interleave. */
export function findBreaches(state: ClusterState): string[] {
  return [...state.misdeeds, ...findTwoLive(state), ...findOrphans(state), ...findReportedButLive(state)];
}

function findTwoLive(state: ClusterState): string[] {
  const outputs = Object.values(state.outputs).filter(isOurs);
  const breaches = outputs.flatMap((one, index) => {
    const slice = toSlice(one);
    const twins = outputs.slice(index + 1).filter((other) => slice !== undefined && toSlice(other) === slice);
    return twins.map((other) =>
      isRaced(state, one) || isRaced(state, other) ? '(raced) TWO_LIVE' : 'TWO_LIVE',
    );
  });
  return [...new Set(breaches)];
}

/** A DELETE that raced our first finalizer took its binding: the documented exception. */
function isRaced({ raced }: ClusterState, output: Output): boolean {
  return raced.includes(ownerOf(output) ?? '');
}

function ownerOf({ metadata }: Output): string | undefined {
  return metadata.annotations?.['kleym.sonda.red/binding-uid'];
}

function findOrphans(state: ClusterState): string[] {
  const uids = new Set(Object.values(state.bindings).map(({ metadata }) => metadata.uid));
  const orphans = Object.values(state.outputs).filter((output) => {
    const owner = ownerOf(output);
    return owner !== undefined && !uids.has(owner) && !isRaced(state, output);
  });
  return orphans.length > 0 ? ['ORPHAN'] : [];
}

function findReportedButLive(state: ClusterState): string[] {
  const broken = Object.values(state.bindings).some((binding) => {
    const { generation } = binding.metadata;
    const refused = binding.status?.conditions?.some(
      ({ type, status, observedGeneration }) =>
        type !== 'Ready' && status === 'True' && observedGeneration === generation,
    );
    return refused && Object.values(state.outputs).some((output) => isOutputOf(output, binding));
  });
  return broken ? ['REPORTED_BUT_LIVE'] : [];
}

/** Why Ready is what it must be in the end, for a binding that nobody is deleting. */
function expectedReason(state: ClusterState, binding: Binding): string {
  const { spec, metadata } = binding;
  const app = appOf(state, spec);
  if (!state.pools[spec.poolRef.name]) return 'TargetPoolNotFound';
  if (spec.objectiveRef && !state.objectives[spec.objectiveRef.name]) return 'TargetObjectiveNotFound';
  if (app === undefined) return 'InvalidPoolSelector';
  if (Object.values(state.bindings).some((other) => other !== binding && isRival(state, other, binding)))
    return 'IdentityCollision';
  const there = state.outputs[outputNameOf(metadata.name, spec)];
  if (there && !isOurs(there)) return 'OutputNameTaken';
  // What is there already was not refused.
  return state.denied === app && !(there && isOutputOf(there, binding)) ? 'OutputRefused' : 'Reconciled';
}

function isRival(state: ClusterState, other: Binding, { spec }: Binding): boolean {
  if (
    other.metadata.deletionTimestamp !== undefined ||
    spec.mode === 'PoolOnly' ||
    other.spec.mode === 'PoolOnly'
  )
    return false;
  const { objectiveRef, serviceAccountName, containerName } = other.spec;
  if (objectiveRef && !state.objectives[objectiveRef.name]) return false;
  const app = appOf(state, other.spec);
  return (
    app !== undefined &&
    app === appOf(state, spec) &&
    serviceAccountName === spec.serviceAccountName &&
    containerName === spec.containerName
  );
}

/** The output of a binding that must go and that the API server does not let go. */
function findKept(state: ClusterState, binding: Binding): Output | undefined {
  if (!state.isKeeping) return undefined;
  const { name, deletionTimestamp } = binding.metadata;
  const isWanted = deletionTimestamp === undefined && expectedReason(state, binding) === 'Reconciled';
  return Object.values(state.outputs).find(
    (output) =>
      isOutputOf(output, binding) && !(isWanted && output.metadata.name === outputNameOf(name, binding.spec)),
  );
}

/** What differs from what the specification says a cluster at rest must be. */
export function findDifference(state: ClusterState): string | undefined {
  const bindings = Object.values(state.bindings);
  const wanted = new Map<string, Binding>();
  const keptNames = new Set<string>();
  for (const binding of bindings) {
    const { name, deletionTimestamp, generation, finalizers = [] } = binding.metadata;
    const ready = binding.status?.conditions?.find(({ type }) => type === 'Ready');
    const said = `${ready?.status} ${ready?.reason} at ${ready?.observedGeneration}`;
    const kept = findKept(state, binding);
    if (kept) {
      keptNames.add(kept.metadata.name);
      if (said !== `Unknown Waiting at ${generation}`) return `${name} says ${said}, and its output is kept`;
      continue;
    }
    if (deletionTimestamp !== undefined) {
      if (finalizers.some((finalizer) => finalizer.startsWith('kleym')))
        return `binding ${name} is not let go`;
      continue;
    }
    const reason = expectedReason(state, binding);
    if (reason === 'Reconciled') wanted.set(outputNameOf(name, binding.spec), binding);
    const right = `${reason === 'Reconciled' ? 'True' : 'False'} ${reason} at ${generation}`;
    if (said !== right) return `${name} says ${said}, not ${right}`;
  }
  const there = Object.values(state.outputs).filter(isOurs);
  return findOutputDifference(
    state,
    there.filter(({ metadata }) => !keptNames.has(metadata.name)),
    wanted,
  );
}

function findOutputDifference(
  state: ClusterState,
  there: readonly Output[],
  wanted: ReadonlyMap<string, Binding>,
): string | undefined {
  const extra = there.find(({ metadata }) => !wanted.has(metadata.name));
  if (extra) return `output ${extra.metadata.name} is left`;
  for (const [name, binding] of wanted) {
    const output = there.find(({ metadata }) => metadata.name === name);
    if (!output) return `output ${name} is missing`;
    if (!isOutputOf(output, binding)) return `output ${name} is another binding's`;
    const right = toOutputSpec(binding.metadata.name, binding.spec, appOf(state, binding.spec) ?? '');
    if (toText(output.spec) !== toText(right))
      return `output ${name} says ${toText(output.spec)}, not ${toText(right)}`;
    const labels = {
      'kleym.sonda.red/binding-name': binding.metadata.name,
      'kleym.sonda.red/service-account': binding.spec.serviceAccountName,
    };
    for (const [label, value] of Object.entries(labels))
      if (output.metadata.labels?.[label] !== value)
        return `output ${name} is labelled ${label}=${output.metadata.labels?.[label]}, not ${value}`;
  }
  return undefined;
}

function toText(spec: Output['spec']): string {
  return JSON.stringify(Object.entries(spec).toSorted(([a], [b]) => (a < b ? -1 : 1)));
}
