import { createHash } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import { findReady } from '../../shared/api/conditions.ts';
import type { Binding, BindingSpec, Peer } from '../../shared/api/binding.ts';
import type { Output } from '../../shared/api/cluster-spiffe-id.ts';
import type { Objective } from '../../shared/api/objective.ts';
import type { Pool } from '../../shared/api/pool.ts';

// What docs/protocol.md and docs/api.md promise, written without any of the product's code but its types.

/** One namespace as the API server stores it, and what the functions in it are set to. */
export interface World extends Naming {
  readonly overlapPolicy: 'report' | 'refuse';
  readonly bindings: readonly Binding[];
  readonly pools: readonly Pool[];
  readonly objectives: readonly Objective[];
  /** The outputs that are kleym's. */
  readonly outputs: readonly Output[];
  /** The names under which somebody else has an output. */
  readonly takenNames: ReadonlySet<string>;
  /** The uids of bindings that a DELETE took although our finalizer was on them: the documented exception. */
  readonly raced: ReadonlySet<string>;
  /** Admission refuses outputs for pods with this `app` label. */
  readonly refusedApp?: string | undefined;
  /** Admission refuses to delete outputs. */
  readonly areDeletionsRefused?: boolean;
}

/** What the names and SPIFFE IDs of outputs are made of. */
interface Naming {
  readonly namespace: string;
  readonly trustDomain: string;
}

// ------------------------------------------------------------------------------------------------ workloads

/** The labels of pods. */
export type Pods = Readonly<Record<string, string>>;

/** The workloads that an identity is for. Undefined where the binding or the output does not say. */
interface Slice {
  readonly pods: Pods;
  readonly account: string | undefined;
  readonly container: string | undefined;
  readonly image: string | undefined;
}

/** The workloads that an output claims for itself alone; undefined where it claims none. */
function toSlice({ spec }: Output): Slice | undefined {
  const [account, container, image] = ['sa', 'container-name', 'container-image'].map((kind) =>
    spec.workloadSelectorTemplates
      ?.find((selector) => selector.startsWith(`k8s:${kind}:`))
      ?.slice(`k8s:${kind}:`.length),
  );
  if (container === undefined && image === undefined) return undefined;
  return { pods: spec.podSelector?.matchLabels ?? {}, account, container, image };
}

/** A text that is equal for equal keys. */
function toKey({ pods, account, container, image }: Slice): string {
  return JSON.stringify([Object.entries(pods).toSorted(byName), account, container, image]);
}

/** The key of an output; undefined where it claims no workloads for itself alone. */
export function keyOf(output: Output): string | undefined {
  const slice = toSlice(output);
  return slice && toKey(slice);
}

/** Whether one container may be in both: no account, container or label tells them apart. Images do not: tags move. */
function mayMeet(one: Slice, other: Slice): boolean {
  if (isApart(one.account, other.account) || isApart(one.container, other.container)) return false;
  return Object.keys(one.pods).every((label) => !isApart(one.pods[label], other.pods[label]));
}

function isApart(one: string | undefined, other: string | undefined): boolean {
  return one !== undefined && other !== undefined && one !== other;
}

// ------------------------------------------------------------------------------------------------ at every instant

/** A promise that a state breaks. `isRaced`: as documented, after a DELETE that raced the first finalizer. */
export interface Breach {
  readonly promise: 'TWO_LIVE' | 'ORPHAN' | 'REPORTED_BUT_LIVE' | 'OBSERVED_TOO_EARLY';
  readonly words: string;
  readonly isRaced: boolean;
}

/** What a state breaks of what must hold at every instant, however things interleave. */
export function findBreaches(
  world: Pick<World, 'bindings' | 'outputs' | 'overlapPolicy' | 'raced'>,
): Breach[] {
  const { bindings, outputs, raced } = world;
  const breaches = findTwoLive(world);
  const uids = new Set(bindings.map(({ metadata }) => metadata.uid));
  for (const output of outputs) {
    const owner = ownerUidOf(output);
    if (owner !== undefined && !uids.has(owner) && !raced.has(owner))
      breaches.push(toBreach('ORPHAN', `${output.metadata.name} lives, and its binding is gone`));
  }
  for (const binding of bindings) {
    const { name, generation = 0 } = binding.metadata;
    const { observedGeneration = 0, conditions = [] } = binding.status ?? {};
    const own = isReportedRefused(binding)
      ? outputs.find((output) => isOutputOf(output, binding))
      : undefined;
    if (own)
      breaches.push(toBreach('REPORTED_BUT_LIVE', `${name} is refused, and ${own.metadata.name} lives`));
    const observed = conditions.reduce(
      (latest, one) => Math.max(latest, one.observedGeneration ?? 0),
      observedGeneration,
    );
    if (observed > generation)
      breaches.push(
        toBreach('OBSERVED_TOO_EARLY', `${name} observed generation ${observed} before it was there`),
      );
  }
  return breaches;
}

function findTwoLive({ outputs, overlapPolicy, raced }: Parameters<typeof findBreaches>[0]): Breach[] {
  const exclusive = outputs.flatMap((output) => {
    const slice = toSlice(output);
    return slice ? [{ output, slice, key: toKey(slice) }] : [];
  });
  return exclusive.flatMap((one, index) =>
    exclusive
      .slice(index + 1)
      .filter((other) =>
        overlapPolicy === 'refuse' ? mayMeet(one.slice, other.slice) : one.key === other.key,
      )
      .map((other) => {
        const names = [one, other].map(({ output }) => output.metadata.name).toSorted();
        const isRaced = [one, other].some(({ output }) => raced.has(ownerUidOf(output) ?? ''));
        return toBreach('TWO_LIVE', `${names.join(' and ')} both have ${one.key}`, isRaced);
      }),
  );
}

function toBreach(promise: Breach['promise'], words: string, isRaced = false): Breach {
  return { promise, words, isRaced };
}

/** Refused at its present generation. What is said about an older one is not a promise any more. */
export function isReportedRefused({ metadata, status }: Binding): boolean {
  return (status?.conditions ?? []).some(
    ({ type, status: is, observedGeneration }) =>
      observedGeneration === metadata.generation && is === (type === 'Ready' ? 'False' : 'True'),
  );
}

/** The uid of the binding that an output was made for. */
export function ownerUidOf({ metadata }: Output): string | undefined {
  return metadata.annotations?.['kleym.sonda.red/binding-uid'];
}

/** Whether an output was made for exactly this binding. */
export function isOutputOf(output: Output, { metadata }: Binding): boolean {
  return ownerUidOf(output) === metadata.uid;
}

// ------------------------------------------------------------------------------------------------ in the end

/** What a binding's references and its pool alone make of it. */
type Verdict = { readonly refusal: string } | { readonly pods: Pods; readonly slice: Slice | undefined };

function judge({ pools, objectives }: World, { spec }: Binding): Verdict {
  const pool = pools.find(({ metadata }) => metadata.name === spec.poolRef.name);
  if (!pool) return { refusal: 'TargetPoolNotFound' };
  if (spec.objectiveRef) {
    const objective = objectives.find(({ metadata }) => metadata.name === spec.objectiveRef?.name);
    if (!objective) return { refusal: 'TargetObjectiveNotFound' };
    const { name } = (objective.spec?.poolRef ?? {}) as { name?: string };
    if (name !== spec.poolRef.name) return { refusal: 'InvalidObjectiveRef' };
  }
  const selected = podsOf(pool);
  if (!selected) return { refusal: 'InvalidPoolSelector' };
  const own = spec.podLabels ?? {};
  if (Object.keys(own).some((label) => isApart(own[label], selected[label])))
    return { refusal: 'InvalidPodLabels' };
  const pods = { ...selected, ...own };
  if (spec.mode === 'PoolOnly') return { pods, slice: undefined };
  const { serviceAccountName: account, containerName: container, containerImage: image } = spec;
  return { pods, slice: { pods, account, container, image } };
}

/** The pods that a pool selects; undefined where its selector is unsafe. */
export function podsOf(pool: Pool | undefined): Pods | undefined {
  const { matchLabels = {} } = (pool?.spec?.selector ?? {}) as { matchLabels?: Pods };
  const values = Object.values(matchLabels);
  return values.length > 0 && values.every((value) => value !== '') ? matchLabels : undefined;
}

function sliceOf(world: World, binding: Binding): Slice | undefined {
  if (binding.metadata.deletionTimestamp !== undefined) return undefined;
  const verdict = judge(world, binding);
  return 'slice' in verdict ? verdict.slice : undefined;
}

/** The reason of Ready in the end, for a binding that nobody is deleting. */
function expectedReason(world: World, binding: Binding): string {
  const verdict = judge(world, binding);
  if ('refusal' in verdict) return verdict.refusal;
  const reasons = findPeers(world, binding).map(({ reason }) => reason);
  if (reasons.includes('IdentityCollision')) return 'IdentityCollision';
  if (world.overlapPolicy === 'refuse' && reasons.length > 0) return 'PossibleOverlap';
  const name = outputNameOf(world, binding.metadata.name, binding.spec);
  if (world.takenNames.has(name)) return 'OutputNameTaken';
  const isRefused = world.refusedApp !== undefined && verdict.pods['app'] === world.refusedApp;
  // What is there already was not refused.
  const isThere = world.outputs.some((one) => one.metadata.name === name && isOutputOf(one, binding));
  return isRefused && !isThere ? 'OutputRefused' : 'Reconciled';
}

/** Everybody who asks for the same workloads as a binding, or may do so; sorted by name. */
function findPeers(world: World, binding: Binding): Peer[] {
  const own = sliceOf(world, binding);
  if (!own) return [];
  const peers = world.bindings.flatMap((other): Peer[] => {
    const slice = other === binding ? undefined : sliceOf(world, other);
    if (!slice || !mayMeet(own, slice)) return [];
    const { name, uid } = other.metadata;
    const isSame = toKey(own) === toKey(slice);
    return [{ name, uid, reason: isSame ? 'IdentityCollision' : 'PossibleOverlap' }];
  });
  return peers.toSorted((a, b) => (a.name < b.name ? -1 : 1));
}

/** The output of a binding that must go and that the API server refuses to delete. */
function findUndeleted(world: World, binding: Binding): Output | undefined {
  if (!world.areDeletionsRefused) return undefined;
  const { name, deletionTimestamp } = binding.metadata;
  const isWanted = deletionTimestamp === undefined && expectedReason(world, binding) === 'Reconciled';
  const wanted = isWanted ? outputNameOf(world, name, binding.spec) : undefined;
  return world.outputs.find((output) => isOutputOf(output, binding) && output.metadata.name !== wanted);
}

/**
 * Which overlaps a status does not record although they are there, or records although they are over. This is all that a
 * narrow look may leave untrue until the sweep, and only where overlaps are no more than reported.
 */
export function findUnrecordedOverlap(world: World): string | undefined {
  return findFalseRecord(world, 'PossibleOverlap');
}

function findFalseRecord(world: World, kind: Peer['reason']): string | undefined {
  for (const binding of world.bindings) {
    if (binding.metadata.deletionTimestamp !== undefined || findUndeleted(world, binding)) continue;
    const recorded = binding.status?.conflicts ?? [];
    const [said, right] = [recorded, findPeers(world, binding)].map((peers) =>
      JSON.stringify(peers.filter(({ reason }) => reason === kind).map(({ name, uid }) => [name, uid])),
    );
    if (said !== right) return `${binding.metadata.name} records ${kind} ${said}, not ${right}`;
  }
  return undefined;
}

/** What differs from what a namespace must be once nothing happens any more; recorded overlaps are left out. */
export function findDifference(world: World): string | undefined {
  const wanted = new Map<string, Binding>();
  const undeleted = new Set<string>();
  for (const binding of world.bindings) {
    const { name, deletionTimestamp, generation, finalizers = [] } = binding.metadata;
    const ready = findReady(binding.status);
    const said = `${ready?.status} ${ready?.reason} at ${ready?.observedGeneration}`;
    const left = findUndeleted(world, binding);
    if (left) {
      undeleted.add(left.metadata.name);
      if (said !== `Unknown DeletionRejected at ${generation}`)
        return `${name} says ${said}, and its output is left`;
      continue;
    }
    if (deletionTimestamp !== undefined) {
      if (finalizers.includes(finalizer)) return `binding ${name} still has our finalizer`;
      continue;
    }
    const reason = expectedReason(world, binding);
    if (reason === 'Reconciled') wanted.set(outputNameOf(world, name, binding.spec), binding);
    const right = `${reason === 'Reconciled' ? 'True' : 'False'} ${reason} at ${generation}`;
    if (said !== right) return `${name} says ${said}, not ${right}`;
  }
  const others = world.outputs.filter(({ metadata }) => !undeleted.has(metadata.name));
  return findOutputDifference(world, others, wanted) ?? findFalseRecord(world, 'IdentityCollision');
}

/** Ours. */
export const finalizer = 'kleym.sonda.red/inferenceidentitybinding-finalizer';

function findOutputDifference(
  world: World,
  outputs: readonly Output[],
  wanted: ReadonlyMap<string, Binding>,
): string | undefined {
  const extra = outputs.find(({ metadata }) => !wanted.has(metadata.name));
  if (extra) return `output ${extra.metadata.name} is left`;
  for (const [name, binding] of wanted) {
    const output = outputs.find(({ metadata }) => metadata.name === name);
    if (!output) return `output ${name} is missing`;
    if (!isOutputOf(output, binding)) return `output ${name} is another binding's`;
    const verdict = judge(world, binding);
    const right = toOutputSpec(
      world,
      binding.metadata.name,
      binding.spec,
      'pods' in verdict ? verdict.pods : {},
    );
    if (!isDeepStrictEqual(JSON.parse(JSON.stringify(output.spec)), right))
      return `output ${name} says ${JSON.stringify(output.spec)}, not ${JSON.stringify(right)}`;
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

// ------------------------------------------------------------------------------------------------ outputs

/** What an output selects and says. */
export function toOutputSpec(naming: Naming, name: string, spec: BindingSpec, pods: Pods): Output['spec'] {
  const { namespace } = naming;
  const { containerName, containerImage } = spec;
  return {
    spiffeIDTemplate: spiffeIdOf(naming, spec),
    podSelector: { matchLabels: pods },
    namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': namespace } },
    workloadSelectorTemplates: [
      ...(containerImage === undefined ? [] : [`k8s:container-image:${containerImage}`]),
      ...(containerName === undefined ? [] : [`k8s:container-name:${containerName}`]),
      `k8s:ns:${namespace}`,
      ...Object.entries(pods)
        .toSorted(byName)
        .map(([label, value]) => `k8s:pod-label:${label}:${value}`),
      `k8s:sa:${spec.serviceAccountName}`,
    ],
    fallback: false,
    hint: `${namespace}/${name}`,
  };
}

export function spiffeIdOf(
  { namespace, trustDomain }: Naming,
  { mode, poolRef, objectiveRef }: BindingSpec,
): string {
  const subject = mode === 'PoolOnly' ? `pool/${poolRef.name}` : `objective/${objectiveRef?.name ?? ''}`;
  return `spiffe://${trustDomain}/ns/${namespace}/${subject}`;
}

/** The name of an output, where the binding's own is short. */
export function outputNameOf(naming: Naming, name: string, spec: BindingSpec): string {
  const mode = spec.mode === 'PoolOnly' ? 'pool' : 'objective';
  const hash = createHash('sha1').update(spiffeIdOf(naming, spec)).digest('hex').slice(0, 8);
  return `kleym-${naming.namespace}-${name}-${mode}-${hash}`;
}

function byName([one]: readonly [string, string], [other]: readonly [string, string]): number {
  return one < other ? -1 : 1;
}
