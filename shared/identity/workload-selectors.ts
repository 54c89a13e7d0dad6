import { compareText } from './canonical.ts';
import type { PodLabels } from './pod-labels.ts';
import type { Workload } from './workload.ts';

/** How SPIRE's Kubernetes attestor names what it attests. */
export const selectorPrefixes = {
  namespace: 'k8s:ns:',
  serviceAccount: 'k8s:sa:',
  podLabel: 'k8s:pod-label:',
  container: 'k8s:container-name:',
  image: 'k8s:container-image:',
} as const;

/** The selectors that a workload must all show, sorted: namespace and service account are never left out. */
export function renderWorkloadSelectors(
  namespace: string,
  labels: PodLabels,
  workload: Workload,
): readonly string[] {
  const selectors = [
    `${selectorPrefixes.namespace}${namespace}`,
    `${selectorPrefixes.serviceAccount}${workload.serviceAccountName}`,
    ...Object.entries(labels).map(([key, value]) => `${selectorPrefixes.podLabel}${key}:${value}`),
  ];
  if (workload.container !== undefined) selectors.push(`${selectorPrefixes.container}${workload.container}`);
  if (workload.image !== undefined) selectors.push(`${selectorPrefixes.image}${workload.image}`);
  return selectors.toSorted(compareText);
}
