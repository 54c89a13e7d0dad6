import type { Binding } from '../../api/binding.ts';
import type { PodLabels } from '../../identity/pod-labels.ts';
import { resolvePool } from '../../identity/references.ts';
import type { Sources } from '../../identity/sources.ts';

/** The labels by which a binding means pods. `own`: those that it names and its pool does not. */
interface SplitLabels {
  readonly ofPool: PodLabels;
  readonly own: PodLabels;
}

/** Tells where the pod labels of a binding come from. */
export function splitPodLabels({ metadata, spec }: Binding, sources: Sources): SplitLabels {
  const pool = resolvePool(spec.poolRef, metadata.namespace, sources);
  const ofPool = pool.kind === 'done' && pool.value.labels.kind === 'done' ? pool.value.labels.value : {};
  const own = Object.entries(spec.podLabels ?? {}).filter(([key]) => !Object.hasOwn(ofPool, key));
  return { ofPool, own: Object.fromEntries(own) };
}
