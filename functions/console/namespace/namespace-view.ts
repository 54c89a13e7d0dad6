import { byTrouble } from '../../../shared/explain/status/binding-line.ts';
import { compareText } from '../../../shared/identity/canonical.ts';
import { type Line, toLine } from '../read-lines.ts';
import type { SeenNamespace } from '../site.ts';
import { type Counts, type State, countStates, toState } from '../state.ts';

/** The bindings of a namespace that name one pool. */
interface PoolGroup {
  readonly pool: string;
  readonly isThere: boolean;
  readonly counts: Counts;
}

/** What of a namespace is looked at. */
export interface Selection {
  readonly pool?: string | undefined;
  readonly state?: State | undefined;
}

/** A namespace, what needs somebody first. */
export interface NamespaceView {
  readonly namespace: string;
  readonly counts: Counts;
  readonly groups: readonly PoolGroup[];
  /** Those that are looked at. */
  readonly lines: readonly Line[];
  /** Pools that no binding names. */
  readonly unused: readonly string[];
}

/** So many bindings are drawn at once. More are groups, which one opens. */
export const mostDrawn = 40;

/** A namespace as it is looked at. */
export function toNamespaceView(
  { snapshot, sources }: Pick<SeenNamespace, 'snapshot' | 'sources'>,
  { pool, state }: Selection,
): NamespaceView {
  const lines = [...snapshot.bindings.values()].map(toLine).toSorted(byTrouble);
  const ofPools = sources.filter(({ kind }) => kind === 'InferencePool');
  const pools = new Set(ofPools.map(({ name }) => name));
  const named = Map.groupBy(lines, (line) => line.pool);
  const groups = [...named].map(([name, group]): PoolGroup => ({
    pool: name,
    isThere: pools.has(name),
    counts: countStates(group),
  }));
  return {
    namespace: snapshot.namespace,
    counts: countStates(lines),
    groups: groups.toSorted(byNeed),
    lines: lines.filter(
      (line) =>
        (pool === undefined || line.pool === pool) && (state === undefined || toState(line) === state),
    ),
    unused: [...pools].filter((name) => !named.has(name)).toSorted(compareText),
  };
}

function byNeed(a: PoolGroup, b: PoolGroup): number {
  return (
    b.counts.refused - a.counts.refused || b.counts.waiting - a.counts.waiting || compareText(a.pool, b.pool)
  );
}
