import { z } from 'zod';
import { ObjectMeta } from '../api/object-meta.ts';
import {
  type SweepReport,
  parseSweepReport,
  sweepReportKeys,
  sweepReportName,
  toSweepReportData,
} from '../api/sweep-report.ts';
import { StringMap } from '../api/strings.ts';
import { configMapResource } from './core-resources.ts';
import type { StoredSweepReport, WriteTarget } from './cluster.ts';

/** Where the report of the sweep is kept. */
export const sweepReportAddress = { resource: configMapResource, ...sweepReportName } as const;

const StoredMap = z.looseObject({ metadata: ObjectMeta, data: StringMap.optional().catch(undefined) });

/** The ConfigMap as the report that it keeps. Whatever else stands there is written anew. */
export const SweepReportObject: z.ZodType<StoredSweepReport> = StoredMap.transform(({ metadata, data }) => ({
  aim: { name: metadata.name, uid: metadata.uid, resourceVersion: metadata.resourceVersion },
  report: parseSweepReport(data ?? {}),
}));

/** A merge patch of the ConfigMap. Labels and annotations of others stay; a count that there is no more is taken away. */
export function toSweepReportPatch({ uid, resourceVersion }: WriteTarget, report: SweepReport) {
  const gone = Object.fromEntries(sweepReportKeys.map((key) => [key, null]));
  return { metadata: { uid, resourceVersion }, data: { ...gone, ...toSweepReportData(report) } };
}
