import type { Stored } from './kube-client.ts';

/** Everything of one namespace, as the API server shows it. */
export interface Everything {
  readonly namespace: string;
  readonly bindings: readonly Stored[];
  readonly pools: readonly Stored[];
  readonly objectives: readonly Stored[];
  readonly outputs: readonly Stored[];
}

interface Spec {
  readonly poolRef: { readonly name: string };
  readonly objectiveRef?: { readonly name: string };
  readonly serviceAccountName: string;
  readonly containerName?: string;
  readonly mode?: string;
}

interface Condition {
  readonly type: string;
  readonly status: string;
  readonly reason: string;
  readonly observedGeneration: number;
}

type Status = {
  readonly conditions?: readonly Condition[];
  readonly conflicts?: readonly { readonly name: string }[];
};

/** What a binding must have come to. */
export interface Expected {
  readonly ready: string;
  readonly rivals: readonly string[];
  readonly output: Readonly<Record<string, unknown>> | undefined;
}

type Verdict =
  | { readonly refusal: string }
  | { readonly key: string | undefined; readonly output: Record<string, unknown> };

/** The state that the specification asks for, worked out without any of the product's code. */
export function expectAll(all: Everything, trustDomain: string): Record<string, Expected> {
  const verdicts = new Map(all.bindings.map((one) => [one.metadata.name, judge(one, all, trustDomain)]));
  return Object.fromEntries(
    all.bindings.map(({ metadata }) => [metadata.name, expectOne(metadata.name, verdicts)]),
  );
}

function expectOne(name: string, verdicts: ReadonlyMap<string, Verdict>): Expected {
  const own = verdicts.get(name);
  if (!own || 'refusal' in own) return { ready: `False ${own?.refusal}`, rivals: [], output: undefined };
  const rivals = [...verdicts]
    .filter(
      ([other, verdict]) =>
        other !== name && 'key' in verdict && own.key !== undefined && verdict.key === own.key,
    )
    .map(([other]) => other)
    .toSorted();
  if (rivals.length > 0) return { ready: 'False IdentityCollision', rivals, output: undefined };
  return { ready: 'True Reconciled', rivals: [], output: own.output };
}

function judge({ metadata, spec: written }: Stored, all: Everything, trustDomain: string): Verdict {
  const spec = written as Spec;
  const pool = all.pools.find((one) => one.metadata.name === spec.poolRef.name);
  if (!pool) return { refusal: 'TargetPoolNotFound' };
  if (spec.objectiveRef) {
    const objective = all.objectives.find((one) => one.metadata.name === spec.objectiveRef?.name);
    if (!objective) return { refusal: 'TargetObjectiveNotFound' };
    const { poolRef } = objective['spec'] as { poolRef: { name: string } };
    if (poolRef.name !== spec.poolRef.name) return { refusal: 'InvalidObjectiveRef' };
  }
  const { matchLabels } = (pool['spec'] as { selector: { matchLabels: Record<string, string> } }).selector;
  const labels = Object.entries(matchLabels).toSorted(([a], [b]) => (a < b ? -1 : 1));
  if (labels.some(([, value]) => value === '')) return { refusal: 'InvalidPoolSelector' };

  const isPoolOnly = spec.mode === 'PoolOnly';
  const selectors = [
    ...(isPoolOnly ? [] : [`k8s:container-name:${spec.containerName}`]),
    `k8s:ns:${all.namespace}`,
    ...labels.map(([key, value]) => `k8s:pod-label:${key}:${value}`),
    `k8s:sa:${spec.serviceAccountName}`,
  ];
  const path = isPoolOnly ? `pool/${spec.poolRef.name}` : `objective/${spec.objectiveRef?.name}`;
  return {
    key: isPoolOnly ? undefined : JSON.stringify([labels, spec.serviceAccountName, spec.containerName]),
    output: {
      spiffeIDTemplate: `spiffe://${trustDomain}/ns/${all.namespace}/${path}`,
      podSelector: { matchLabels: Object.fromEntries(labels) },
      namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': all.namespace } },
      workloadSelectorTemplates: selectors,
      fallback: false,
      hint: `${all.namespace}/${metadata.name}`,
    },
  };
}

/** The state that the cluster is in, in the words of `expectAll`. */
export function describeAll(all: Everything): Record<string, Expected> {
  return Object.fromEntries(
    all.bindings.map((one) => {
      const { name, generation } = one.metadata;
      const { conditions = [], conflicts = [] } = (one['status'] ?? {}) as Status;
      const ready = conditions.find(({ type }) => type === 'Ready');
      const isPresent = ready?.observedGeneration === generation;
      const outputs = outputsOf(all, name);
      return [
        name,
        {
          ready: isPresent ? `${ready?.status} ${ready?.reason}` : 'nothing about this generation',
          rivals: conflicts
            .filter((peer) => 'reason' in peer && peer.reason === 'IdentityCollision')
            .map((peer) => peer.name),
          output:
            outputs.length > 1 ? { several: outputs.length } : (outputs[0]?.['spec'] as Expected['output']),
        },
      ];
    }),
  );
}

/** What must be true of bindings and outputs at every instant; each line is a violation. */
export function findViolations(all: Pick<Everything, 'namespace' | 'bindings' | 'outputs'>): string[] {
  const violations: string[] = [];
  const holders = Map.groupBy(all.outputs, (output) => keyOf(output) ?? output.metadata.uid);
  for (const [key, outputs] of holders) {
    if (outputs.length > 1)
      violations.push(`${outputs.map(({ metadata }) => metadata.name).join(' and ')} both have ${key}`);
  }
  for (const output of all.outputs) {
    const owner = all.bindings.find(({ metadata }) => hintOf(output) === `${all.namespace}/${metadata.name}`);
    const uid = output.metadata.annotations?.['kleym.sonda.red/binding-uid'];
    if (!owner || owner.metadata.uid !== uid) violations.push(`${output.metadata.name} has no binding`);
  }
  for (const one of all.bindings) {
    const { conditions = [] } = (one['status'] ?? {}) as Status;
    const ready = conditions.find(({ type }) => type === 'Ready');
    const isRefused = ready?.status === 'False' && ready.observedGeneration === one.metadata.generation;
    if (isRefused && outputsOf(all, one.metadata.name).length > 0)
      violations.push(`${one.metadata.name} is refused (${ready.reason}) and has an output`);
  }
  return violations;
}

function outputsOf(
  { outputs, namespace }: Pick<Everything, 'outputs' | 'namespace'>,
  name: string,
): Stored[] {
  return outputs.filter((output) => hintOf(output) === `${namespace}/${name}`);
}

function hintOf(output: Stored): string | undefined {
  return (output['spec'] as { hint?: string }).hint;
}

function keyOf(output: Stored): string | undefined {
  const { podSelector, workloadSelectorTemplates = [] } = output['spec'] as {
    podSelector?: { matchLabels?: Record<string, string> };
    workloadSelectorTemplates?: string[];
  };
  const own = workloadSelectorTemplates.filter((selector) => /^k8s:(sa|container-name):/.test(selector));
  if (own.length < 2) return undefined;
  const labels = Object.entries(podSelector?.matchLabels ?? {}).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return JSON.stringify([labels, own.toSorted()]);
}
