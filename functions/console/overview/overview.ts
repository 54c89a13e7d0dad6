import type { Finding } from '../../../shared/explain/finding.ts';
import { type FunctionsState, toFunctionsState } from '../../../shared/explain/status/functions-state.ts';
import { findMissingKinds } from '../../../shared/explain/status/find-missing-kinds.ts';
import { findMixedSettings } from '../../../shared/explain/status/find-mixed-settings.ts';
import type { KnativeService } from '../../../shared/explain/status/knative-service.ts';
import type { Resource } from '../../../shared/api/object-meta.ts';
import type { SweepReport } from '../../../shared/api/sweep-report.ts';
import { compareText } from '../../../shared/identity/canonical.ts';
import type { Lines, Line } from '../read-lines.ts';
import { type Counts, countStates, toState } from '../state.ts';

/** What was read for the overview. */
export interface OverviewFacts extends Lines {
  readonly served: readonly Resource[];
  /** Undefined: they could not be read. */
  readonly services: readonly KnativeService[] | 'unserved' | undefined;
  readonly sweep: SeenSweep;
}

/** What the sweep last reported, or why that is not known. */
export type SeenSweep = SweepReport | 'none yet' | 'not readable';

/** The state of everything, what needs somebody first. */
export interface Overview {
  readonly counts: Counts;
  readonly namespaces: readonly NamespaceCounts[];
  /** Why bindings are refused or wait, the most frequent reason first. */
  readonly reasons: readonly ReasonCount[];
  readonly worst: readonly Line[];
  /** How many others are as bad. */
  readonly hidden: number;
  readonly findings: readonly Finding[];
  readonly functions: FunctionsState;
  readonly sweep: SeenSweep;
  readonly isComplete: boolean;
}

export interface NamespaceCounts {
  readonly namespace: string;
  readonly counts: Counts;
}

interface ReasonCount {
  readonly reason: string;
  readonly count: number;
}

/** Enough to begin with; the rest has pages of its own. */
const mostWorst = 12;
const mostReasons = 20;

/** Sums up what was read. */
export function toOverview({ lines, isComplete, served, services, sweep }: OverviewFacts): Overview {
  const troubled = lines.filter((line) => toState(line) !== 'ready');
  return {
    counts: countStates(lines),
    namespaces: countNamespaces(lines),
    reasons: countReasons(troubled),
    worst: troubled.slice(0, mostWorst),
    hidden: Math.max(0, troubled.length - mostWorst),
    findings: [...findMissingKinds(served), ...findMixedSettings(lines)],
    functions: toFunctionsState(services),
    sweep,
    isComplete,
  };
}

function countNamespaces(lines: readonly Line[]): NamespaceCounts[] {
  return [...Map.groupBy(lines, ({ namespace }) => namespace)]
    .map(([namespace, group]) => ({ namespace, counts: countStates(group) }))
    .toSorted(
      (a, b) =>
        b.counts.refused - a.counts.refused ||
        b.counts.waiting - a.counts.waiting ||
        compareText(a.namespace, b.namespace),
    );
}

function countReasons(troubled: readonly Line[]): ReasonCount[] {
  return [...Map.groupBy(troubled, ({ reason }) => reason || 'NotEvaluated')]
    .map(([reason, { length: count }]) => ({ reason, count }))
    .toSorted((a, b) => b.count - a.count || compareText(a.reason, b.reason))
    .slice(0, mostReasons);
}
