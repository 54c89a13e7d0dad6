import type { Output } from '../../shared/api/cluster-spiffe-id.ts';
import type { LabelQuery } from '../../shared/kube/cluster.ts';

/** Whether a list by these labels has an output, as the API server selects. */
export function hasLabels({ metadata: { labels = {} } }: Output, query: LabelQuery): boolean {
  return Object.entries(query).every(([label, wanted]) => {
    const value = labels[label];
    if (wanted === undefined || typeof wanted === 'string') return value === wanted;
    if ('notIn' in wanted) return value === undefined || !wanted.notIn.includes(value);
    return value !== undefined && wanted.includes(value);
  });
}
