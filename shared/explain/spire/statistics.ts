import { z } from 'zod';
import type { Output } from '../../api/cluster-spiffe-id.ts';

const counts = {
  namespacesSelected: z.int().optional(),
  namespacesIgnored: z.int().optional(),
  podsSelected: z.int().optional(),
  podEntryRenderFailures: z.int().optional(),
  entriesMasked: z.int().optional(),
  entriesToSet: z.int().optional(),
  entryFailures: z.int().optional(),
};

/** What SPIRE Controller Manager counts for a ClusterSPIFFEID. Counts that are zero are left out. */
export const Statistics = z.object(counts);
export type Statistics = z.infer<typeof Statistics>;

const Status = z.object({ stats: Statistics });

/** The counts of an output; undefined: SPIRE Controller Manager has written none. */
export function parseStatistics(output: Output): Statistics | undefined {
  return Status.safeParse(output['status']).data?.stats;
}

/** What SPIRE Controller Manager counted, and what that does not prove. */
export function describeStatistics(stats: Statistics | undefined): readonly string[] {
  if (!stats) return ['SPIRE Controller Manager has counted nothing yet; it may be of another class'];
  return [
    `SPIRE Controller Manager counts: ${toStatisticsWords(stats)}`,
    '(counts may be old, and do not prove that a workload can fetch the identity)',
  ];
}

/** The counts in words, the troubles among them first. */
function toStatisticsWords(stats: Statistics): string {
  const { podsSelected = 0, entriesToSet = 0, entryFailures = 0 } = stats;
  const { podEntryRenderFailures = 0, entriesMasked = 0 } = stats;
  const troubles = [
    [entryFailures, 'entries that SPIRE refused'],
    [
      podEntryRenderFailures,
      'pods without an entry (not scheduled, or the SPIFFE ID is of another trust domain)',
    ],
    [entriesMasked, 'entries that another ClusterSPIFFEID makes, too'],
  ] as const;
  return [
    ...troubles.filter(([count]) => count > 0).map(([count, words]) => `${count} ${words}`),
    `${podsSelected} pods selected`,
    `${entriesToSet} entries to set`,
  ].join(', ');
}
