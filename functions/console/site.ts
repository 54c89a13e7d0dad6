import type { Reads } from '../../shared/kube/open-reads.ts';
import type { Frame } from './page/shell.tsx';
import { type Lines, readLines } from './read-lines.ts';
import { remember } from './remember.ts';

/** What the pages are made from. */
export interface Site {
  readonly kube: Reads;
  readonly frame: Frame;
  /** Every binding of the cluster, as it was a moment ago. */
  readonly readLines: () => Promise<Lines>;
}

/** An open page asks every few seconds: what is this old is new enough, for all pages together. */
const keepMs = 2000;

/** What the pages of one cluster are made from. */
export function createSite(kube: Reads, frame: Frame, elapsed: () => number): Site {
  const readOnce = remember(() => readLines(kube.lookups), { keepMs, most: 1, elapsed });
  return { kube, frame, readLines: () => readOnce('all') };
}
