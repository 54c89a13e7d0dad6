import type { Binding, Peer } from '../../shared/api/binding.ts';
import type { Output } from '../../shared/api/cluster-spiffe-id.ts';
import { type ClusterState, isOurs, isOutputOf } from './model-cluster.ts';
import { type Pods, outputNameOf, podsOf, toOutputSpec } from './objects.ts';

/** The workloads that an identity is for. Undefined where the binding or the output does not say. */
interface Slice {
  readonly pods: Pods;
  readonly account: string | undefined;
  readonly container: string | undefined;
  readonly image: string | undefined;
}

/** What an output gives an identity to; undefined where it claims nothing for itself alone. */
function toSlice({ spec }: Output): Slice | undefined {
  const [account, container, image] = ['sa', 'container-name', 'container-image'].map((kind) =>
    spec.workloadSelectorTemplates
      ?.find((selector) => selector.startsWith(`k8s:${kind}:`))
      ?.slice(`k8s:${kind}:`.length),
  );
  if (container === undefined && image === undefined) return undefined;
  return { pods: spec.podSelector?.matchLabels ?? {}, account, container, image };
}

/** What a binding asks for; undefined where it asks for nothing for itself alone, or cannot have it. */
function toWanted(state: ClusterState, { metadata, spec }: Binding): Slice | undefined {
  if (metadata.deletionTimestamp !== undefined || spec.mode === 'PoolOnly') return undefined;
  if (spec.objectiveRef && !state.objectives[spec.objectiveRef.name]) return undefined;
  const pods = podsOf(state, spec);
  if (!pods) return undefined;
  const { serviceAccountName: account, containerName: container, containerImage: image } = spec;
  return { pods, account, container, image };
}

function isSame(one: Slice, other: Slice): boolean {
  return toText(one) === toText(other);
}

/** Whether one container may be in both: no account, container or label tells them apart. Images do not: tags move. */
function mayMeet(one: Slice, other: Slice): boolean {
  if (isApart(one.account, other.account) || isApart(one.container, other.container)) return false;
  return Object.keys(one.pods).every((label) => !isApart(one.pods[label], other.pods[label]));
}

function isApart(one: string | undefined, other: string | undefined): boolean {
  return one !== undefined && other !== undefined && one !== other;
}

/** Whether two identities must not be in force together. */
function isExclusive({ look }: ClusterState, one: Slice, other: Slice): boolean {
  return look === 'refuse' ? mayMeet(one, other) : isSame(one, other);
}

/** What is wrong with a state that must never be, however things interleave. */
export function findBreaches(state: ClusterState): string[] {
  return [...state.misdeeds, ...findTwoLive(state), ...findOrphans(state), ...findReportedButLive(state)];
}

function findTwoLive(state: ClusterState): string[] {
  const outputs = Object.values(state.outputs)
    .filter(isOurs)
    .flatMap((output) => {
      const slice = toSlice(output);
      return slice ? [{ output, slice }] : [];
    });
  const breaches = outputs.flatMap((one, index) => {
    const twins = outputs.slice(index + 1).filter(({ slice }) => isExclusive(state, one.slice, slice));
    return twins.map((other) =>
      isRaced(state, one.output) || isRaced(state, other.output) ? '(raced) TWO_LIVE' : 'TWO_LIVE',
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
  const pods = podsOf(state, spec);
  if (!state.pools[spec.poolRef.name]) return 'TargetPoolNotFound';
  if (spec.objectiveRef && !state.objectives[spec.objectiveRef.name]) return 'TargetObjectiveNotFound';
  if (pods === undefined) return 'InvalidPoolSelector';
  const reasons = findPeers(state, binding).map(({ reason }) => reason);
  if (reasons.includes('IdentityCollision')) return 'IdentityCollision';
  if (state.look === 'refuse' && reasons.length > 0) return 'PossibleOverlap';
  const there = state.outputs[outputNameOf(metadata.name, spec)];
  if (there && !isOurs(there)) return 'OutputNameTaken';
  // What is there already was not refused.
  return state.denied === pods['app'] && !(there && isOutputOf(there, binding))
    ? 'OutputRefused'
    : 'Reconciled';
}

/** Everybody who asks for the same workloads as a binding, or may do so; sorted by name. */
function findPeers(state: ClusterState, binding: Binding): Peer[] {
  const own = toWanted(state, binding);
  if (!own) return [];
  const peers = Object.values(state.bindings).flatMap((other): Peer[] => {
    const slice = other === binding ? undefined : toWanted(state, other);
    if (!slice || !mayMeet(own, slice)) return [];
    const { name, uid } = other.metadata;
    return [{ name, uid, reason: isSame(own, slice) ? 'IdentityCollision' : 'PossibleOverlap' }];
  });
  return peers.toSorted((a, b) => (a.name < b.name ? -1 : 1));
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

/**
 * Which overlaps a status does not record although they are there, or records although they are over. This is all that a
 * narrow look may leave untrue until the sweep, and only where overlaps are no more than reported.
 */
export function findUnrecorded(state: ClusterState): string | undefined {
  return findFalseRecord(state, 'PossibleOverlap');
}

function findFalseRecord(state: ClusterState, kind: Peer['reason']): string | undefined {
  for (const binding of Object.values(state.bindings)) {
    if (binding.metadata.deletionTimestamp !== undefined || findKept(state, binding)) continue;
    const recorded = binding.status?.conflicts ?? [];
    const [said, right] = [recorded, findPeers(state, binding)].map((peers) =>
      JSON.stringify(peers.filter(({ reason }) => reason === kind)),
    );
    if (said !== right) return `${binding.metadata.name} records ${kind} ${said}, not ${right}`;
  }
  return undefined;
}

/** What differs from what the specification says a cluster at rest must be; recorded overlaps are left out. */
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
  const others = there.filter(({ metadata }) => !keptNames.has(metadata.name));
  return findOutputDifference(state, others, wanted) ?? findFalseRecord(state, 'IdentityCollision');
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
    const right = toOutputSpec(binding.metadata.name, binding.spec, podsOf(state, binding.spec) ?? {});
    if (toText(output.spec) !== toText(right))
      return `output ${name} says ${toText(output.spec)}, not ${toText(right)}`;
    const labels = {
      'kleym.sonda.red/binding-name': binding.metadata.name,
      'kleym.sonda.red/service-account': binding.spec.serviceAccountName,
      'kleym.sonda.red/key': binding.status?.keyDigest ?? 'none',
    };
    for (const [label, value] of Object.entries(labels))
      if (output.metadata.labels?.[label] !== value)
        return `output ${name} is labelled ${label}=${output.metadata.labels?.[label]}, not ${value}`;
  }
  return undefined;
}

function toText(fields: object): string {
  return JSON.stringify(Object.entries(fields).toSorted(([a], [b]) => (a < b ? -1 : 1)));
}
