import type { Outcome } from '../api/outcome.ts';
import type { Objective } from '../api/objective.ts';
import type { Pool } from '../api/pool.ts';
import type { PodLabels } from './pod-labels.ts';

/** The objects of one group by name, or that the group's CRD is not installed. */
export type Served<T> = ReadonlyMap<string, T> | 'unserved';

/** The pools and objectives of one namespace that were read, by group. A group that is not listed is not served. */
export interface Sources {
  readonly pools: Readonly<Record<string, Served<Pool>>>;
  readonly objectives: Readonly<Record<string, Served<Objective>>>;
  /** Selectors that were read already: many bindings may name one pool. */
  readonly parsed?: Map<Pool, Outcome<PodLabels>>;
}
