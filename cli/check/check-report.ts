import { type Binding, bindingResource } from '../../shared/api/binding.ts';
import { toApiVersion } from '../../shared/api/object-meta.ts';
import { type Peers, findPeers, findCollision } from '../../shared/decide/peers.ts';
import { type Snapshot, type World, toWorld } from '../../shared/decide/world.ts';
import { compareText } from '../../shared/identity/canonical.ts';
import { type Identity, renderIdentity } from '../../shared/identity/render-identity.ts';
import type { Settings } from '../../shared/identity/settings.ts';
import { describeRefusal } from '../../shared/explain/describe-refusal.ts';
import { findingIds } from '../../shared/explain/finding.ts';
import { type FileFinding, type JudgedManifests, toTitle } from '../manifests/judge-manifests.ts';
import { type Manifest, locate } from '../manifests/parse-manifests.ts';
import { type Plan, applyPlan, toEmptySnapshot } from '../manifests/plan.ts';

/** What is to be checked. */
export interface CheckFacts {
  readonly judged: JudgedManifests;
  readonly settings: Settings;
  /** The namespaces as a cluster has them; undefined: the files must stand for themselves. */
  readonly snapshots: ReadonlyMap<string, Snapshot> | undefined;
}

/** What is wrong with manifests, in the order of the files. */
export interface CheckReport {
  readonly schemaVersion: 'v1alpha1';
  readonly kind: 'ManifestCheckReport';
  readonly summary: {
    readonly manifests: number;
    /** Kinds that are none of ours. */
    readonly skipped: number;
    readonly bindings: number;
    readonly identities: number;
    readonly errors: number;
    readonly warnings: number;
  };
  readonly findings: readonly FileFinding[];
}

/** A binding that would have an output. */
export interface RenderedBinding {
  readonly binding: Binding;
  readonly identity: Identity;
}

/** Checks manifests; the bindings that would have an output come with it. */
export function checkManifests(facts: CheckFacts): {
  readonly report: CheckReport;
  readonly rendered: readonly RenderedBinding[];
} {
  const { judged } = facts;
  const checked = judged.plans.map((plan) => checkPlan(plan, facts));
  const findings = [...judged.findings, ...checked.flatMap((one) => one.findings)].toSorted(byPlace);
  const rendered = checked.flatMap((one) => one.rendered);
  const count = (severity: string) => findings.filter((one) => one.severity === severity).length;
  return {
    rendered,
    report: {
      schemaVersion: 'v1alpha1',
      kind: 'ManifestCheckReport',
      summary: {
        manifests: judged.count,
        skipped: judged.skipped,
        bindings: judged.plans.reduce((sum, { bindings }) => sum + bindings.size, 0),
        identities: rendered.length,
        errors: count('error'),
        warnings: count('warning'),
      },
      findings,
    },
  };
}

function byPlace(a: FileFinding, b: FileFinding): number {
  return (
    compareText(a.file, b.file) || a.line - b.line || a.column - b.column || compareText(a.message, b.message)
  );
}

interface Checked {
  readonly findings: readonly FileFinding[];
  readonly rendered: readonly RenderedBinding[];
}

function checkPlan(plan: Plan, { settings, snapshots, judged }: CheckFacts): Checked {
  const { namespace } = plan;
  const known = snapshots?.get(namespace);
  const world = toWorld(applyPlan(known ?? toEmptySnapshot(namespace), plan), settings);
  const manifests = new Map(
    judged.accepted
      .filter(
        (one) => one.namespace === namespace && one.manifest.apiVersion === toApiVersion(bindingResource),
      )
      .map(({ manifest }) => [manifest.name, manifest]),
  );
  const findings: FileFinding[] = [];
  const rendered: RenderedBinding[] = [];
  for (const [name, manifest] of manifests) {
    const binding = world.snapshot.bindings.get(name);
    if (!binding) continue;
    const checked = checkBinding({ world, binding, manifest, plan, isAlone: known === undefined });
    findings.push(...checked.findings);
    if (checked.identity) rendered.push({ binding, identity: checked.identity });
  }
  return { findings, rendered };
}

interface Subject {
  readonly world: World;
  readonly binding: Binding;
  readonly manifest: Manifest;
  readonly plan: Plan;
  /** No cluster was asked. */
  readonly isAlone: boolean;
}

function checkBinding(subject: Subject): {
  readonly findings: readonly FileFinding[];
  readonly identity?: Identity;
} {
  const { world, binding, manifest, plan } = subject;
  const object = toTitle(manifest, plan.namespace);
  const { outcome } = renderIdentity(binding, world.snapshot.sources, world.settings);
  if (outcome.kind === 'refused') {
    const { condition, reason } = outcome;
    const message = describeRefusal(outcome, binding, world.snapshot.sources);
    const isUnknown = isUnresolved(reason, subject);
    const said = isUnknown
      ? `${message} in these files (--against-cluster looks in the cluster, too)`
      : message;
    const place = locate(manifest, toFieldPath(reason));
    const severity = isUnknown ? 'warning' : 'error';
    const id = isUnknown ? 'unresolved-ref' : findingIds[condition];
    return { findings: [{ id, severity, reason, message: said, object, ...place }] };
  }
  const identity = outcome.value;
  const peers = findPeers(world, binding.metadata.name, identity.key);
  const collision = findCollision(world, peers, identity.key);
  if (collision) {
    const { reason, message } = collision;
    const place = locate(manifest, ['spec', 'containerName']);
    return { findings: [{ id: 'kleym-collision', severity: 'error', reason, message, object, ...place }] };
  }
  return { findings: toOverlaps(peers, manifest, object), identity };
}

/**
 * What is referred to may be in the cluster already. Files that bring objects of its kind for this namespace are taken for
 * all that there are: then the reference is wrong.
 */
function isUnresolved(reason: string, { isAlone, plan }: Subject): boolean {
  if (!isAlone) return false;
  if (reason === 'TargetPoolNotFound') return !bringsAny(plan.pools);
  return reason === 'TargetObjectiveNotFound' && !bringsAny(plan.objectives);
}

function bringsAny(groups: Plan['pools'] | Plan['objectives']): boolean {
  return Object.values(groups).some((objects) => objects.size > 0);
}

function toOverlaps({ overlapping }: Peers, manifest: Manifest, object: string): FileFinding[] {
  const { named, hasOthers } = overlapping;
  if (named.length === 0) return [];
  const names = [...named.map(({ name }) => name), ...(hasOthers ? ['others'] : [])].join(', ');
  return [
    {
      id: 'possible-overlap',
      severity: 'warning',
      reason: 'PossibleOverlap',
      message: `one container may match ${names} as well: only different container names, service accounts or label values exclude that`,
      object,
      ...locate(manifest, ['spec', 'containerName']),
    },
  ];
}

/** The field that a reason is about. */
function toFieldPath(reason: string): readonly string[] {
  if (reason.includes('PodLabels')) return ['spec', 'podLabels'];
  if (reason.includes('Pool')) return ['spec', 'poolRef', 'name'];
  if (reason.includes('ServiceAccount')) return ['spec', 'serviceAccountName'];
  if (reason.includes('ContainerImage')) return ['spec', 'containerImage'];
  if (reason.includes('ContainerName')) return ['spec', 'containerName'];
  if (reason.includes('Objective')) return ['spec', 'objectiveRef', 'name'];
  return ['spec'];
}
