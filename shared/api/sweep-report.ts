import { z } from 'zod';

/** What a kind of repair means: the rows of the table in docs/functions.md. */
interface RepairDocumentation {
  readonly meaning: string;
  /** Where it is a guess, or no fault. */
  readonly note: string;
}

/** Why the sweep names a binding, by the facts of one look. */
export const repairs = {
  'lost-event': {
    meaning:
      'the binding, its pool, its objective or a peer is not as the status has seen it: nobody has handled that change. Also a deletion that nobody has finished',
    note: 'a guess if the change is seconds old: its event may be on its way',
  },
  'hand-edit': {
    meaning:
      'all that the binding is made from is as the status has seen it, yet its output, status or finalizer is not as kleym left it',
    note: 'a guess after an upgrade: an older version may have written it differently. If an event was lost too, the look shows `lost-event`',
  },
  orphan: { meaning: 'an output whose binding is gone', note: '' },
  'late-write': {
    meaning:
      'a create or change that was announced, and whose run did not live to confirm it: it took effect late, or not at all. Also an output that appeared late and whose binding is gone',
    note: 'a guess for a change (`replacing`), which has no date: its run may be at work',
  },
  'new-settings': {
    meaning: 'the status was written with another trust domain or class',
    note: 'no fault',
  },
  refused: {
    meaning:
      'the API server refused a write, or the CRD of outputs was missing: the sweep has kleym ask again',
    note: 'no fault of kleym; it comes back with each look until the answer changes',
  },
  overlap: {
    meaning: 'a possible overlap that only a look at the whole namespace shows',
    note: 'no fault',
  },
  'under-way': {
    meaning: 'it was announced or deleted less than 30 s ago: a run may be at work on it',
    note: 'no fault',
  },
} as const satisfies Readonly<Record<string, RepairDocumentation>>;
export type Repair = keyof typeof repairs;

/** How many bindings were named, by why. What was not found is not in it. */
export type RepairCounts = Readonly<Partial<Record<Repair, number>>>;

/** What is known of the looks of the sweep: the last one, and all since `since`. */
export interface SweepReport {
  /** When the last look ended, by the clock of the API server. */
  readonly lookedAt: string;
  readonly namespaces: number;
  readonly found: RepairCounts;
  readonly since: string;
  readonly total: RepairCounts;
  /** When a look last found something. */
  readonly foundAt?: string | undefined;
}

/** The ConfigMap that keeps the report. Nobody remembers anything between two looks, so the cluster does. */
export const sweepReportName = { namespace: 'kleym-system', name: 'kleym-sweep' } as const;

const Count = z
  .string()
  .regex(/^\d{1,15}$/)
  .transform(Number);
const Time = z.iso.datetime();

const Stored = z.object({ lookedAt: Time, namespaces: Count, since: Time, foundAt: Time.optional() });

/** All keys that the data of a report may have. */
export const sweepReportKeys: readonly string[] = [
  ...Object.keys(Stored.shape),
  ...['found', 'total'].flatMap((prefix) => Object.keys(repairs).map((repair) => `${prefix}.${repair}`)),
];

/** The data of the ConfigMap as a report; undefined: no look has written one, or somebody wrote something else. */
export function parseSweepReport(data: Readonly<Record<string, string>>): SweepReport | undefined {
  const parsed = Stored.safeParse(data);
  if (!parsed.success) return undefined;
  const { lookedAt, namespaces, since, foundAt } = parsed.data;
  return {
    lookedAt,
    namespaces,
    found: toCounts(data, 'found'),
    since,
    total: toCounts(data, 'total'),
    ...(foundAt !== undefined && { foundAt }),
  };
}

/** The data of the ConfigMap for a report. */
export function toSweepReportData(report: SweepReport): Record<string, string> {
  const { lookedAt, namespaces, since, foundAt, found, total } = report;
  return {
    lookedAt,
    namespaces: String(namespaces),
    ...toEntries(found, 'found'),
    since,
    ...toEntries(total, 'total'),
    ...(foundAt !== undefined && { foundAt }),
  };
}

/** The report after one more look. */
export function addLook(
  earlier: SweepReport | undefined,
  look: Pick<SweepReport, 'lookedAt' | 'namespaces' | 'found'>,
): SweepReport {
  const hasFound = Object.keys(look.found).length > 0;
  const foundAt = hasFound ? look.lookedAt : earlier?.foundAt;
  return {
    ...look,
    since: earlier?.since ?? look.lookedAt,
    total: addCounts(earlier?.total ?? {}, look.found),
    ...(foundAt !== undefined && { foundAt }),
  };
}

/** How often each repair is in a list. */
export function countRepairs(list: Iterable<Repair>): RepairCounts {
  const counts: Partial<Record<Repair, number>> = {};
  for (const repair of list) counts[repair] = (counts[repair] ?? 0) + 1;
  return counts;
}

function addCounts(a: RepairCounts, b: RepairCounts): RepairCounts {
  return toPresent((repair) => (a[repair] ?? 0) + (b[repair] ?? 0));
}

function toCounts(data: Readonly<Record<string, string>>, prefix: string): RepairCounts {
  return toPresent((repair) => Count.safeParse(data[`${prefix}.${repair}`]).data ?? 0);
}

function toPresent(countOf: (repair: Repair) => number): RepairCounts {
  const all = (Object.keys(repairs) as Repair[]).map((repair) => [repair, countOf(repair)] as const);
  return Object.fromEntries(all.filter(([, count]) => count > 0));
}

function toEntries(counts: RepairCounts, prefix: string): Record<string, string> {
  return Object.fromEntries(
    Object.entries(counts).map(([repair, count]) => [`${prefix}.${repair}`, String(count)]),
  );
}
