import { compareText } from '../../identity/canonical.ts';
import { type Permission, toPermissionWords } from '../kube/permissions.ts';
import type { ControllerManagerConfig } from '../spire/controller-manager.ts';
import { type Pod, listContainers } from '../workloads/pod.ts';
import type { BindingView } from './binding-view.ts';
import { type Explanation, distanceOf, explainContainer, failuresOf } from './explain-container.ts';

/** What was read of a binding and of the pods of its namespace. */
export interface BindingFacts {
  readonly view: BindingView;
  /** Undefined: they could not be read. */
  readonly pods: readonly Pod[] | undefined;
  readonly controllerManager: ControllerManagerConfig | undefined;
  readonly lacks: readonly Permission[];
}

/** Who gets the identity of a binding, and why the others of its pool do not. */
export interface BindingReport {
  readonly schemaVersion: 'v1alpha1';
  readonly kind: 'BindingWorkloadReport';
  readonly binding: { readonly namespace: string; readonly name: string };
  readonly summary: string;
  readonly matches: readonly { readonly pod: string; readonly container?: string }[];
  readonly misses: readonly { readonly pod: string; readonly explanation: Explanation }[];
  readonly notes: readonly string[];
}

interface Held {
  readonly pod: string;
  readonly isOfPool: boolean;
  /** Its containers, the nearest first. */
  readonly explanations: readonly Explanation[];
}

/** Where no pod has the labels of the pool, so many others are shown. */
const mostStrangers = 3;

/** Explains a binding. */
export function toBindingReport(facts: BindingFacts): BindingReport {
  const { view, pods = [], controllerManager, lacks } = facts;
  const held = pods
    .map((pod): Held => {
      const explanations = listContainers(pod)
        .map((container) => explainContainer(view, pod, container, controllerManager))
        .toSorted((a, b) => distanceOf(a) - distanceOf(b));
      return { pod: pod.metadata.name, isOfPool: hasLabels(explanations[0]), explanations };
    })
    .toSorted((a, b) => compareText(a.pod, b.pod));
  const matches = held.flatMap((one) => toMatches(one, view.mode));
  const missing = held.filter(({ explanations: [nearest] }) => nearest && failuresOf(nearest).length > 0);
  const ofPool = missing.filter(({ isOfPool }) => isOfPool);
  const isStrange = ofPool.length === 0 && matches.length === 0;
  const misses = (isStrange ? missing : ofPool)
    .flatMap(({ pod, explanations: [nearest] }) => (nearest ? [{ pod, explanation: nearest }] : []))
    .toSorted((a, b) => distanceOf(a.explanation) - distanceOf(b.explanation))
    .slice(0, isStrange ? mostStrangers : undefined);
  return {
    schemaVersion: 'v1alpha1',
    kind: 'BindingWorkloadReport',
    binding: { namespace: view.namespace, name: view.name },
    summary: toSummary(facts, { matches, misses, ofPool: held.filter(({ isOfPool }) => isOfPool).length }),
    matches,
    misses,
    notes: [
      ...(facts.pods ? [] : ['pods could not be read: who matches is not known']),
      ...(controllerManager
        ? []
        : [
            "SPIRE Controller Manager's configuration was not found: whether it acts on this class is not known",
          ]),
      ...lacks.map((permission) => `no permission to ${toPermissionWords(permission)}`),
    ],
  };
}

function hasLabels(explanation: Explanation | undefined): boolean {
  const labels = explanation?.steps.filter(({ kind }) => kind === 'podLabel') ?? [];
  return labels.length > 0 && labels.every(({ holds }) => holds);
}

function toMatches({ pod, explanations }: Held, mode: string): BindingReport['matches'] {
  const matching = explanations.filter((one) => failuresOf(one).length === 0);
  if (mode === 'PoolOnly') return matching.length > 0 ? [{ pod }] : [];
  return matching.map(({ container }) => ({ pod, container }));
}

function toSummary(
  { view, pods }: BindingFacts,
  { matches, misses, ofPool }: Pick<BindingReport, 'matches' | 'misses'> & { readonly ofPool: number },
): string {
  const title = `binding ${view.namespace}/${view.name}`;
  const [nearest] = misses;
  const [failure] = nearest ? failuresOf(nearest.explanation) : [];
  if (matches.length > 0) {
    const pod = nearest && failure ? `; nearest miss is pod ${nearest.pod}: ${failure.words}` : '';
    return `${matches.length} ${matches.length === 1 ? 'workload matches' : 'workloads match'} ${title} (${view.spiffeId}), of ${ofPool} pods of its pool${pod}`;
  }
  if (view.refused) return `nobody matches ${title}: ${view.refused.reason}: ${view.refused.message}`;
  if (!pods) return `who matches ${title} is not known: pods could not be read`;
  if (!nearest || !failure) return `nobody matches ${title}: there is no pod in namespace ${view.namespace}`;
  return `nobody matches ${title}; nearest is pod ${nearest.pod}: ${failure.words}. To change it: ${failure.advice}`;
}
