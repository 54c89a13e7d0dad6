import { findPeers, findCollision } from '../../shared/decide/peers.ts';
import { type Snapshot, toWorld } from '../../shared/decide/world.ts';
import { compareText } from '../../shared/identity/canonical.ts';
import { type Identity, renderIdentity } from '../../shared/identity/render-identity.ts';
import type { Settings } from '../../shared/identity/settings.ts';
import { isMatch, matchSelectors } from '../../shared/explain/workloads/match-selectors.ts';
import { type Pod, listContainers } from '../../shared/explain/workloads/pod.ts';
import { type Permission, toPermissionWords } from '../../shared/explain/kube/permissions.ts';
import type { FileFinding, JudgedManifests } from '../manifests/judge-manifests.ts';
import { type Plan, applyPlan, toEmptySnapshot } from '../manifests/plan.ts';
import { type Standing, toDifferences } from './to-differences.ts';

/** What is compared. */
export interface DiffFacts {
  readonly judged: JudgedManifests;
  readonly settings: Settings;
  readonly snapshots: ReadonlyMap<string, Snapshot>;
  /** By namespace; a namespace that is not there could not be read. */
  readonly pods: ReadonlyMap<string, readonly Pod[]>;
  readonly lacks: readonly Permission[];
}

/** What becomes of the identity of one binding. */
export interface IdentityChange {
  readonly namespace: string;
  readonly binding: string;
  readonly kind: 'loses' | 'changes' | 'gains' | 'gets none';
  readonly spiffeID?: string;
  readonly clusterSPIFFEID?: string;
  readonly selectors?: readonly string[];
  readonly reason?: string;
  readonly message?: string;
  /** What is different, in words. */
  readonly differences: readonly string[];
  readonly workloads: {
    /** Pods and containers that match no more; undefined: pods could not be read. */
    readonly lose?: readonly string[];
    readonly gain?: readonly string[];
  };
}

/** What manifests would do to the identities of a cluster; who loses one comes first. */
export interface DiffReport {
  readonly schemaVersion: 'v1alpha1';
  readonly kind: 'IdentityDiffReport';
  readonly changes: readonly IdentityChange[];
  /** What the API server would not take, so that it changes nothing. */
  readonly refused: readonly FileFinding[];
  readonly notes: readonly string[];
}

const order = ['loses', 'changes', 'gains', 'gets none'] as const satisfies readonly IdentityChange['kind'][];

/** Compares the identities before and after. */
export function toDiffReport(facts: DiffFacts): DiffReport {
  const changes = facts.judged.plans
    .flatMap((plan) => diffNamespace(plan, facts))
    .toSorted(
      (a, b) =>
        order.indexOf(a.kind) - order.indexOf(b.kind) ||
        compareText(a.namespace, b.namespace) ||
        compareText(a.binding, b.binding),
    );
  return {
    schemaVersion: 'v1alpha1',
    kind: 'IdentityDiffReport',
    changes,
    refused: facts.judged.findings,
    notes: facts.lacks.map((permission) => `no permission to ${toPermissionWords(permission)}`),
  };
}

function diffNamespace(plan: Plan, { snapshots, settings, pods }: DiffFacts): readonly IdentityChange[] {
  const { namespace } = plan;
  const snapshot = snapshots.get(namespace) ?? toEmptySnapshot(namespace);
  const before = toStandings(snapshot, settings);
  const after = toStandings(applyPlan(snapshot, plan), settings);
  const names = [...new Set([...before.keys(), ...after.keys()])];
  return names.flatMap((binding) => {
    const pair = { before: before.get(binding) ?? absent, after: after.get(binding) ?? absent };
    const kind = toKind(pair);
    return kind === undefined ? [] : [toChange({ namespace, binding, kind }, pair, pods.get(namespace))];
  });
}

const absent: Standing = { kind: 'absent' };

interface Pair {
  readonly before: Standing;
  readonly after: Standing;
}

/** How each binding of a namespace stands when everything is at rest. */
function toStandings(snapshot: Snapshot, settings: Settings): ReadonlyMap<string, Standing> {
  const world = toWorld(snapshot, settings);
  return new Map(
    [...snapshot.bindings].map(([name, binding]): [string, Standing] => {
      if (binding.metadata.deletionTimestamp !== undefined) return [name, absent];
      const { outcome } = renderIdentity(binding, snapshot.sources, settings);
      if (outcome.kind === 'refused') return [name, toNone(outcome)];
      const identity = outcome.value;
      const collision = findCollision(world, findPeers(world, name, identity.key), identity.key);
      return [name, collision ? toNone(collision) : { kind: 'identity', identity }];
    }),
  );
}

function toNone({ reason, message }: { readonly reason: string; readonly message: string }): Standing {
  return { kind: 'none', reason, message };
}

/** Undefined: nothing changes. */
function toKind({ before, after }: Pair): IdentityChange['kind'] | undefined {
  if (before.kind === 'identity' && after.kind === 'identity')
    return isSameIdentity(before.identity, after.identity) ? undefined : 'changes';
  if (before.kind === 'identity') return 'loses';
  if (after.kind === 'identity') return 'gains';
  if (after.kind === 'absent') return undefined;
  const isSame = before.kind === 'none' && before.reason === after.reason && before.message === after.message;
  return isSame ? undefined : 'gets none';
}

function isSameIdentity(a: Identity, b: Identity): boolean {
  return a.spiffeId === b.spiffeId && a.mode === b.mode && a.selectors.join('\n') === b.selectors.join('\n');
}

function toChange(
  subject: Pick<IdentityChange, 'namespace' | 'binding' | 'kind'>,
  { before, after }: Pair,
  pods: readonly Pod[] | undefined,
): IdentityChange {
  const [old, next] = [before, after].map((standing) =>
    standing.kind === 'identity' ? standing.identity : undefined,
  );
  const shown = next ?? old;
  return {
    ...subject,
    ...(shown && {
      spiffeID: shown.spiffeId,
      clusterSPIFFEID: shown.output.metadata.name,
      selectors: shown.selectors,
    }),
    ...(after.kind === 'none' && { reason: after.reason, message: after.message }),
    differences: toDifferences(before, after),
    workloads: pods ? toWorkloads(old, next, pods) : {},
  };
}

function toWorkloads(
  old: Identity | undefined,
  next: Identity | undefined,
  pods: readonly Pod[],
): IdentityChange['workloads'] {
  const [before, after] = [old, next].map(
    (identity) => new Set(identity ? listWorkloads(identity, pods) : []),
  );
  return {
    lose: [...(before ?? [])].filter((one) => !after?.has(one)),
    gain: [...(after ?? [])].filter((one) => !before?.has(one)),
  };
}

function listWorkloads({ selectors }: Identity, pods: readonly Pod[]): string[] {
  return pods.flatMap((pod) =>
    listContainers(pod)
      .filter((container) => isMatch(matchSelectors(selectors, pod, container)))
      .map((container) => `${pod.metadata.name} container=${container.name}`),
  );
}
