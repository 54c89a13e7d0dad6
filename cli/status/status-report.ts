import { type Binding, bindingResource } from '../../shared/api/binding.ts';
import { outputResource } from '../../shared/api/cluster-spiffe-id.ts';
import type { ConditionType } from '../../shared/api/condition-types.ts';
import { objectiveResources } from '../../shared/api/objective.ts';
import type { Resource } from '../../shared/api/object-meta.ts';
import { poolResources } from '../../shared/api/pool.ts';
import { type Finding, toBindingRef } from '../../shared/explain/finding.ts';
import { toExitCode } from '../exit-code.ts';
import { type Permission, toPermissionWords } from '../../shared/explain/kube/permissions.ts';
import { type BindingLine, byTrouble, toBindingLine } from '../../shared/explain/status/binding-line.ts';
import { findMissingKinds, isServed } from '../../shared/explain/status/find-missing-kinds.ts';
import { findMixedSettings } from '../../shared/explain/status/find-mixed-settings.ts';
import { type FunctionsState, toFunctionsState } from '../../shared/explain/status/functions-state.ts';
import type { KnativeService } from '../../shared/explain/status/knative-service.ts';

/** What was read of the cluster. */
export interface StatusFacts {
  readonly generatedAt: string;
  readonly cliVersion: string;
  /** Undefined: all namespaces. */
  readonly namespace: string | undefined;
  readonly bindings: readonly Binding[] | 'unserved';
  readonly served: readonly Resource[];
  /** Undefined: they could not be read. */
  readonly services: readonly KnativeService[] | 'unserved' | undefined;
  readonly lacks: readonly Permission[];
}

type Result = 'OK' | 'WARNING' | 'ERROR' | 'unknown';

interface Component {
  readonly status: Result;
  readonly message?: string;
}

/** The state of an installation and of its bindings; what scripts read of it keeps its shape. */
export interface StatusReport {
  readonly schemaVersion: 'v1alpha1';
  readonly kind: 'KleymStatusReport';
  readonly generatedAt: string;
  readonly status: Result;
  readonly cliVersion: string;
  readonly components: {
    readonly kleym: Component;
    readonly operator: FunctionsState;
    readonly kleymCRDs: Component & { readonly inferenceIdentityBinding?: string };
    readonly spireCRDs: Component & { readonly clusterSPIFFEID?: string };
    readonly gaieCRDs: Component & { readonly inferencePool?: string; readonly inferenceObjective?: string };
  };
  readonly config: {
    readonly trustDomain?: string;
    readonly clusterSPIFFEIDClassName?: string;
    readonly clusterSPIFFEIDClassNameKnown?: boolean;
  };
  readonly summary: {
    readonly bindings: {
      readonly ok: number;
      readonly warning: number;
      readonly error: number;
      readonly total: number;
      readonly conditions: Readonly<Record<ConditionKey, number>>;
    };
  };
  readonly findings: readonly Finding[];
  readonly namespace?: string;
  readonly reasons: Readonly<Record<string, number>>;
  readonly bindings: readonly BindingLine[];
}

const conditionKeys = {
  Ready: 'ready',
  Conflict: 'conflict',
  InvalidRef: 'invalidRef',
  UnsafeSelector: 'unsafeSelector',
  RenderFailure: 'renderFailure',
} as const satisfies Record<ConditionType, string>;
type ConditionKey = (typeof conditionKeys)[ConditionType];

/** Sums up what was read. */
export function toStatusReport(facts: StatusFacts): StatusReport {
  const bindings = facts.bindings === 'unserved' ? [] : facts.bindings;
  const lines = bindings.map(toBindingLine).toSorted(byTrouble);
  const findings = [
    ...findMissingKinds(facts.served),
    ...findMixedSettings(lines),
    ...lines.filter(({ result }) => result === 'ERROR').map(toUnhealthy),
    ...facts.lacks.map(toLimited),
  ];
  const count = (wanted: Result) => lines.filter(({ result }) => result === wanted).length;
  const status = toResult(findings, count('WARNING'));
  return {
    schemaVersion: 'v1alpha1',
    kind: 'KleymStatusReport',
    generatedAt: facts.generatedAt,
    status,
    cliVersion: facts.cliVersion,
    components: {
      kleym: { status },
      operator: toFunctionsState(facts.services),
      ...toDefinitions(facts.served),
    },
    config: toConfig(lines),
    summary: {
      bindings: {
        ok: count('OK'),
        warning: count('WARNING'),
        error: count('ERROR'),
        total: lines.length,
        conditions: countConditions(bindings),
      },
    },
    findings,
    ...(facts.namespace !== undefined && { namespace: facts.namespace }),
    reasons: countReasons(lines),
    bindings: lines,
  };
}

function toResult(findings: readonly Finding[], warnings: number): Result {
  if (toExitCode(findings) === 2) return 'ERROR';
  return warnings > 0 || toExitCode(findings, true) === 2 ? 'WARNING' : 'OK';
}

function toUnhealthy({ namespace, name, reason, message }: BindingLine): Finding {
  return {
    id: 'binding-unhealthy',
    severity: 'error',
    reason,
    message,
    affectedRefs: [toBindingRef(namespace, name)],
  };
}

function toLimited(permission: Permission): Finding {
  return {
    id: 'rbac-limited',
    severity: 'warning',
    reason: 'Forbidden',
    message: `no permission to ${toPermissionWords(permission)}: the report does without`,
    affectedRefs: [],
  };
}

type Definitions = Omit<StatusReport['components'], 'kleym' | 'operator'>;

function toDefinitions(served: readonly Resource[]): Definitions {
  const versions = (kinds: readonly Resource[]) =>
    kinds
      .filter((kind) => isServed(served, kind))
      .map(({ version }) => version)
      .join(',');
  const [ours, spire, pools] = [
    versions([bindingResource]),
    versions([outputResource]),
    versions(poolResources),
  ];
  return {
    kleymCRDs: {
      ...toComponent(ours, 'InferenceIdentityBinding'),
      ...(ours && { inferenceIdentityBinding: ours }),
    },
    spireCRDs: { ...toComponent(spire, 'ClusterSPIFFEID'), ...(spire && { clusterSPIFFEID: spire }) },
    gaieCRDs: {
      ...toComponent(pools, 'InferencePool'),
      inferencePool: pools || 'unavailable',
      inferenceObjective: versions(objectiveResources) || 'unavailable',
    },
  };
}

function toComponent(versions: string, name: string): Component {
  return versions === '' ? { status: 'ERROR', message: `missing ${name}` } : { status: 'OK' };
}

function toConfig(lines: readonly BindingLine[]): StatusReport['config'] {
  const written = lines.filter(({ trustDomain }) => trustDomain !== undefined);
  if (written.length === 0) return {};
  return {
    trustDomain: toOne(written.map(({ trustDomain = '' }) => trustDomain)),
    clusterSPIFFEIDClassName: toOne(written.map(({ className = '' }) => className)),
    clusterSPIFFEIDClassNameKnown: true,
  };
}

function toOne(values: readonly string[]): string {
  const [first = '', ...others] = new Set(values);
  return others.length === 0 ? first : 'mixed';
}

function countConditions(bindings: readonly Binding[]): Record<ConditionKey, number> {
  const counts = { ready: 0, conflict: 0, invalidRef: 0, unsafeSelector: 0, renderFailure: 0 };
  for (const { status } of bindings)
    for (const condition of status?.conditions ?? [])
      if (condition.status === 'True') counts[conditionKeys[condition.type]]++;
  return counts;
}

function countReasons(lines: readonly BindingLine[]): Record<string, number> {
  const groups = Map.groupBy(lines, ({ reason }) => reason || 'NotEvaluated');
  return Object.fromEntries([...groups].map(([reason, { length }]) => [reason, length]));
}
