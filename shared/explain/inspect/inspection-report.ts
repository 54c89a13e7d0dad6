import {
  type Binding,
  type Peer,
  type Reference,
  bindingResource,
  toEffectiveMode,
} from '../../api/binding.ts';
import type { Output } from '../../api/cluster-spiffe-id.ts';
import type { Condition } from '../../api/conditions.ts';
import { objectiveResources } from '../../api/objective.ts';
import type { Resource } from '../../api/object-meta.ts';
import type { Refused } from '../../api/outcome.ts';
import { poolResources } from '../../api/pool.ts';
import { explain } from '../../decide/decide.ts';
import { findPeers, toConflicts } from '../../decide/peers.ts';
import { type Snapshot, type World, toWorld } from '../../decide/world.ts';
import { isSameContent } from '../../identity/content.ts';
import { type Identity, renderIdentity } from '../../identity/render-identity.ts';
import type { PodLabels } from '../../identity/pod-labels.ts';
import type { Served, Sources } from '../../identity/sources.ts';
import { selectorPrefixes } from '../../identity/workload-selectors.ts';
import { describeRefusal } from '../describe-refusal.ts';
import { type Finding, type ObjectRef, findingIds, toBindingRef } from '../finding.ts';
import { type Permission, toPermissionWords } from '../kube/permissions.ts';
import type { ResolvedSettings } from '../settings/resolved-settings.ts';
import { type Statistics, parseStatistics } from '../spire/statistics.ts';
import { isMatch, matchSelectors } from '../workloads/match-selectors.ts';
import { type Pod, listContainers } from '../workloads/pod.ts';
import { splitPodLabels } from '../workloads/split-pod-labels.ts';
import { toClaimWords } from './claim-words.ts';
import { toNextStep } from './next-step.ts';

/** What was read of a binding and of what it depends on. */
export interface InspectionFacts {
  readonly generatedAt: string;
  readonly resolved: ResolvedSettings;
  readonly binding: Binding;
  /** Its namespace, as far as it could be read. */
  readonly snapshot: Snapshot;
  readonly served: readonly Resource[];
  /** Undefined: they could not be read. */
  readonly pods: readonly Pod[] | undefined;
  readonly events: readonly EventLine[] | undefined;
  readonly lacks: readonly Permission[];
}

/** A Kubernetes Event about the binding. */
export interface EventLine {
  readonly type: string;
  readonly reason: string;
  readonly message: string;
  readonly at: string;
}

type Capability = 'full' | 'partial' | 'skipped' | 'unknown';
type Capabilities = Readonly<
  Record<'binding' | 'gaieResources' | 'clusterspiffeids' | 'peerBindings' | 'pods', Capability>
>;

/** One pod or container that matches every selector. */
interface MatchedPod {
  readonly namespace: string;
  readonly pod: string;
  readonly container?: string;
}

interface Provenance {
  readonly poolDerivedSelectors: readonly string[];
  /** Those of pod labels that the binding names and its pool does not. */
  readonly bindingDerivedSelectors?: readonly string[];
  readonly containerSelector?: string;
  readonly safetySelectors: readonly string[];
}

/** All about one binding; what scripts read of it keeps its shape. */
export interface InspectionReport {
  readonly schemaVersion: 'v1alpha1';
  readonly kind: 'BindingInspectionReport';
  readonly generatedAt: string;
  readonly identityConfig: {
    readonly trustDomain?: string;
    readonly trustDomainSource?: string;
    readonly clusterSPIFFEIDClassName?: string;
    readonly clusterSPIFFEIDClassNameSource?: string;
  };
  readonly bindingRef: {
    readonly namespace: string;
    readonly name: string;
    readonly generation?: number;
    readonly mode?: string;
    readonly poolRef?: ObjectRef;
    readonly objectiveRef?: ObjectRef;
    readonly conditions?: readonly Condition[];
  };
  readonly resolvedInput: {
    readonly poolRef?: ObjectRef;
    readonly objectiveRef?: ObjectRef;
    readonly servedGVKs?: readonly ObjectRef[];
    readonly poolSelector?: unknown;
    readonly serviceAccountName?: string;
    readonly containerName?: string;
    readonly containerImage?: string;
    readonly podLabels?: PodLabels;
    readonly selectorProvenance?: Provenance;
    /** In which groups the references were looked for. */
    readonly groups?: readonly LookedAt[];
  };
  readonly renderedIdentity: {
    readonly spiffeID?: string;
    readonly podSelector?: unknown;
    readonly workloadSelectors?: readonly string[];
    readonly selectorProvenance?: Provenance;
  };
  readonly renderedClusterSPIFFEID: {
    readonly name?: string;
    readonly spiffeID?: string;
    readonly podSelector?: unknown;
    readonly workloadSelectors?: readonly string[];
    readonly hint?: string;
    readonly className?: string;
    readonly fallback?: boolean;
  };
  readonly matchedPods: readonly MatchedPod[];
  readonly findings: readonly Finding[];
  readonly capabilities: Capabilities;
  readonly outputs?: readonly OutputLine[];
  readonly claim?: string;
  readonly peers?: readonly Peer[];
  readonly nextStep?: string;
  readonly events?: readonly EventLine[];
}

interface LookedAt {
  readonly kind: string;
  readonly group: string;
  readonly found: 'yes' | 'no' | 'not served';
}

/** An output of the binding, as the cluster has it. */
interface OutputLine {
  readonly name: string;
  readonly state: 'as rendered' | 'differs from what is rendered' | 'being deleted';
  readonly statistics?: Statistics;
}

/** The report about a binding that is not there. */
export function toMissingReport(generatedAt: string, namespace: string, name: string): InspectionReport {
  const finding: Finding = {
    id: 'binding-not-found',
    severity: 'error',
    reason: 'NotFound',
    message: `InferenceIdentityBinding "${namespace}/${name}" was not found`,
    affectedRefs: [toBindingRef(namespace, name)],
  };
  return {
    schemaVersion: 'v1alpha1',
    kind: 'BindingInspectionReport',
    generatedAt,
    identityConfig: {},
    bindingRef: { namespace, name },
    resolvedInput: {},
    renderedIdentity: {},
    renderedClusterSPIFFEID: {},
    matchedPods: [],
    findings: [finding],
    capabilities: {
      binding: 'full',
      gaieResources: 'skipped',
      clusterspiffeids: 'skipped',
      peerBindings: 'skipped',
      pods: 'skipped',
    },
  };
}

/** Says of a binding all that follows from what was read. */
export function toInspectionReport(facts: InspectionFacts): InspectionReport {
  const { binding, snapshot, resolved } = facts;
  const world = toWorld(snapshot, resolved.settings);
  const { outcome } = renderIdentity(binding, snapshot.sources, resolved.settings);
  const identity = outcome.kind === 'done' ? outcome.value : undefined;
  const matchedPods = identity ? listMatches(identity, facts.pods ?? []) : [];
  const lacksSources = isLacking(facts, 'inferencepools') || isLacking(facts, 'inferenceobjectives');
  const findings = [
    ...findCollision(binding),
    ...findUndiscovered(facts),
    ...(outcome.kind === 'refused' && !lacksSources ? [toRefusal(binding, outcome, snapshot.sources)] : []),
    ...facts.lacks.map((permission) => toLimited(permission, binding)),
    ...(identity && facts.pods && matchedPods.length === 0 ? [toUnmatched(binding)] : []),
  ];
  return {
    ...toMissingReport(facts.generatedAt, binding.metadata.namespace, binding.metadata.name),
    identityConfig: toIdentityConfig(resolved),
    bindingRef: toBindingPart(binding),
    resolvedInput: toResolvedInput(facts, identity),
    ...(identity && toRenderedParts(facts, identity)),
    matchedPods,
    findings,
    capabilities: toCapabilities(facts, identity),
    ...toWorldParts(facts, world, identity),
    claim: toClaimWords(binding.status?.claim, snapshot.clock),
    ...(facts.events && { events: facts.events }),
  };
}

/** What only those can say who may read bindings and outputs. */
function toWorldParts(
  facts: InspectionFacts,
  world: World,
  identity: Identity | undefined,
): Pick<InspectionReport, 'outputs' | 'peers' | 'nextStep'> {
  const { name } = facts.binding.metadata;
  const seesBindings = !isLacking(facts, bindingResource.plural);
  const seesOutputs = !isLacking(facts, 'clusterspiffeids');
  const seesSources = !isLacking(facts, 'inferencepools') && !isLacking(facts, 'inferenceobjectives');
  const held = world.outputsByOwner.get(name) ?? [];
  return {
    ...(seesOutputs && { outputs: held.map(({ output }) => toOutputLine(output, identity)) }),
    ...(seesBindings && seesSources && { peers: toConflicts(findPeers(world, name, identity?.key)) }),
    ...(seesBindings &&
      seesOutputs &&
      seesSources && {
        nextStep: toNextStep(
          explain(world, name, {}, 'not drawn yet'),
          findHolderClaim(world, name, identity),
        ),
      }),
  };
}

/** What the claim of another binding says that holds the same key. */
function findHolderClaim(world: World, name: string, identity: Identity | undefined): string | undefined {
  if (identity?.key === undefined) return undefined;
  const holders = world.claimHolders.get(identity.key) ?? [];
  const holder = holders.find(({ metadata }) => metadata.name !== name);
  if (!holder) return undefined;
  return `binding ${holder.metadata.name}: ${toClaimWords(holder.status?.claim, world.snapshot.clock)}`;
}

function isLacking({ lacks }: Pick<InspectionFacts, 'lacks'>, plural: string): boolean {
  return lacks.some(({ resource }) => resource === plural);
}

function toOutputLine(output: Output, identity: Identity | undefined): OutputLine {
  const statistics = parseStatistics(output);
  return { name: output.metadata.name, state: toState(output, identity), ...(statistics && { statistics }) };
}

function toState(output: Output, identity: Identity | undefined): OutputLine['state'] {
  if (output.metadata.deletionTimestamp !== undefined) return 'being deleted';
  if (identity?.output.metadata.name === output.metadata.name && isSameContent(output, identity.output))
    return 'as rendered';
  return 'differs from what is rendered';
}

/** Who matches every selector: pods where the identity is of the whole pool, else containers. */
function listMatches({ selectors, key }: Identity, pods: readonly Pod[]): MatchedPod[] {
  return pods.flatMap((pod) => {
    const { namespace, name } = pod.metadata;
    const containers = listContainers(pod).filter((container) =>
      isMatch(matchSelectors(selectors, pod, container)),
    );
    if (key === undefined) return containers.length > 0 ? [{ namespace, pod: name }] : [];
    return containers.map((container) => ({ namespace, pod: name, container: container.name }));
  });
}

function findCollision({ metadata, status }: Binding): Finding[] {
  const conflict = status?.conditions?.find(({ type, status: is }) => type === 'Conflict' && is === 'True');
  if (!conflict) return [];
  const { reason, message } = conflict;
  const affectedRefs = [toBindingRef(metadata.namespace, metadata.name)];
  return [{ id: 'kleym-collision', severity: 'error', reason, message, affectedRefs }];
}

function findUndiscovered({ binding, resolved }: InspectionFacts): Finding[] {
  if (resolved.isDiscovered) return [];
  const flagged = [resolved.trustDomainSource, resolved.classNameSource].filter(
    (source) => source === 'flag',
  );
  const used = ['defaults', 'flags and defaults', 'flags'][flagged.length] ?? '';
  return [
    {
      id: 'identity-config-undiscovered',
      severity: 'warning',
      reason: 'IdentityConfigUndiscovered',
      message: `the status of the binding does not say its trust domain and class yet: ${used} are used`,
      affectedRefs: [toBindingRef(binding.metadata.namespace, binding.metadata.name)],
    },
  ];
}

function toRefusal(binding: Binding, refused: Refused, sources: Sources): Finding {
  const { metadata, spec } = binding;
  const { condition, reason } = refused;
  const isMissing = reason.endsWith('CRDMissing');
  const { namespace, name } = metadata;
  const pool = { namespace, name: spec.poolRef.name, kind: 'InferencePool' };
  const objective = { namespace, name: spec.objectiveRef?.name, kind: 'InferenceObjective' };
  const isAboutPool = reason.includes('Pool');
  const isAboutObjective = reason.includes('Objective') && reason !== 'MissingObjectiveRef';
  return {
    id: isMissing ? 'dependency-missing' : findingIds[condition],
    severity: 'error',
    reason,
    message: describeRefusal(refused, binding, sources),
    affectedRefs: [isAboutPool ? pool : isAboutObjective ? objective : toBindingRef(namespace, name)],
  };
}

function toLimited(permission: Permission, { metadata }: Binding): Finding {
  const isFatal = ['inferencepools', 'inferenceobjectives'].includes(permission.resource);
  const subject = permission.resource === 'pods' ? 'pods are not readable: ' : '';
  return {
    id: 'rbac-limited',
    severity: isFatal ? 'error' : 'warning',
    reason: 'Forbidden',
    message: `${subject}no permission to ${toPermissionWords(permission)}`,
    affectedRefs: [{ namespace: permission.namespace ?? metadata.namespace, name: permission.resource }],
  };
}

function toUnmatched({ metadata }: Binding): Finding {
  return {
    id: 'zero-matched-pods',
    severity: 'info',
    reason: 'ZeroMatchedPods',
    message: 'no currently readable pods match the rendered identity selectors',
    affectedRefs: [toBindingRef(metadata.namespace, metadata.name)],
  };
}

function toIdentityConfig({ settings, ...sources }: ResolvedSettings): InspectionReport['identityConfig'] {
  return {
    trustDomain: settings.trustDomain,
    trustDomainSource: sources.trustDomainSource,
    ...(settings.className !== undefined && { clusterSPIFFEIDClassName: settings.className }),
    clusterSPIFFEIDClassNameSource: sources.classNameSource,
  };
}

function toBindingPart({ metadata, spec, status }: Binding): InspectionReport['bindingRef'] {
  const { namespace, name, generation } = metadata;
  return {
    namespace,
    name,
    ...(generation !== undefined && { generation }),
    mode: toEffectiveMode(spec),
    poolRef: { namespace, ...spec.poolRef, kind: 'InferencePool' },
    ...(spec.objectiveRef && {
      objectiveRef: { namespace, ...spec.objectiveRef, kind: 'InferenceObjective' },
    }),
    ...(status?.conditions && { conditions: status.conditions }),
  };
}

function toResolvedInput(
  { binding, snapshot, served }: InspectionFacts,
  identity: Identity | undefined,
): InspectionReport['resolvedInput'] {
  const { spec, metadata } = binding;
  const { sources } = snapshot;
  const labels = splitPodLabels(binding, sources);
  const pool = lookFor('InferencePool', spec.poolRef, poolResources, sources.pools);
  const objective = spec.objectiveRef
    ? lookFor('InferenceObjective', spec.objectiveRef, objectiveResources, sources.objectives)
    : [];
  const toRef = (lookedAt: readonly LookedAt[], name: string | undefined, kinds: readonly Resource[]) => {
    const found = lookedAt.find((one) => one.found === 'yes');
    const resource = kinds.find(({ group }) => group === found?.group);
    return resource && { namespace: metadata.namespace, name, ...toGroupVersion(resource) };
  };
  const poolRef = toRef(pool, spec.poolRef.name, poolResources);
  const objectiveRef = toRef(objective, spec.objectiveRef?.name, objectiveResources);
  return {
    ...(poolRef && { poolRef }),
    ...(objectiveRef && { objectiveRef }),
    servedGVKs: served
      .filter(({ kind }) => kind === 'InferencePool' || kind === 'InferenceObjective')
      .map(toGroupVersion),
    ...(identity && {
      poolSelector: { matchLabels: labels.ofPool },
      selectorProvenance: toProvenance(identity.selectors, labels.own),
    }),
    serviceAccountName: spec.serviceAccountName,
    ...(spec.containerName !== undefined && { containerName: spec.containerName }),
    ...(spec.containerImage !== undefined && { containerImage: spec.containerImage }),
    ...(spec.podLabels !== undefined && { podLabels: spec.podLabels }),
    groups: [...pool, ...objective],
  };
}

function lookFor<T>(
  kind: string,
  { name, group = '' }: Reference,
  resources: readonly Resource[],
  served: Readonly<Record<string, Served<T>>>,
): LookedAt[] {
  return resources
    .filter((resource) => group.trim() === '' || group.trim() === resource.group)
    .map((resource) => {
      const objects = served[resource.group] ?? 'unserved';
      const isThere = objects !== 'unserved' && objects.has(name.trim());
      return {
        kind,
        group: resource.group,
        found: objects === 'unserved' ? 'not served' : isThere ? 'yes' : 'no',
      };
    });
}

function toGroupVersion({ group, version, kind }: Resource): ObjectRef {
  return { group, version, kind };
}

function toRenderedParts(
  { binding, snapshot }: InspectionFacts,
  identity: Identity,
): Pick<InspectionReport, 'renderedIdentity' | 'renderedClusterSPIFFEID'> {
  const { spiffeId: spiffeID, selectors: workloadSelectors, output } = identity;
  const { podSelector, hint, className, fallback } = output.spec;
  const shared = { spiffeID, podSelector, workloadSelectors };
  const { own } = splitPodLabels(binding, snapshot.sources);
  return {
    renderedIdentity: { ...shared, selectorProvenance: toProvenance(workloadSelectors, own) },
    renderedClusterSPIFFEID: {
      name: output.metadata.name,
      ...shared,
      ...(hint !== undefined && { hint }),
      ...(className !== undefined && { className }),
      ...(fallback !== undefined && { fallback }),
    },
  };
}

function toProvenance(selectors: readonly string[], own: PodLabels): Provenance {
  const { podLabel, container, image, namespace, serviceAccount } = selectorPrefixes;
  const having = (...prefixes: readonly string[]) =>
    selectors.filter((selector) => prefixes.some((prefix) => selector.startsWith(prefix)));
  const [containerSelector] = having(container, image);
  const ownSelectors = new Set(Object.entries(own).map(([key, value]) => `${podLabel}${key}:${value}`));
  const ofBinding = having(podLabel).filter((selector) => ownSelectors.has(selector));
  return {
    poolDerivedSelectors: having(podLabel).filter((selector) => !ownSelectors.has(selector)),
    ...(ofBinding.length > 0 && { bindingDerivedSelectors: ofBinding }),
    ...(containerSelector !== undefined && { containerSelector }),
    safetySelectors: having(namespace, serviceAccount),
  };
}

function toCapabilities(facts: InspectionFacts, identity: Identity | undefined): Capabilities {
  const isSourceLacking = isLacking(facts, 'inferencepools') || isLacking(facts, 'inferenceobjectives');
  return {
    binding: 'full',
    gaieResources: isSourceLacking ? 'partial' : 'full',
    clusterspiffeids: isLacking(facts, 'clusterspiffeids') ? 'partial' : 'full',
    // Of a crowd no more than twenty are named, and findings are made from what the status says.
    peerBindings: 'partial',
    pods: !identity ? 'skipped' : facts.pods ? 'full' : 'partial',
  };
}
