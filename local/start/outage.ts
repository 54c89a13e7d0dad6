import type { SourceNews } from '../eventing/sources.ts';

/** Whether the API server answers, by what the sources tell. */
export interface Outage {
  /** What to say of this news; undefined: nothing that was not said. */
  readonly see: (news: SourceNews) => string | undefined;
  /** What to remind of, while it lasts. */
  readonly reminder: () => string | undefined;
}

/** Keeps which sources have lost the API server, and since when the first of them has. */
export function createOutage(now: () => Date, toClock: (time: Date) => string): Outage {
  const lost = new Set<string>();
  let since = now();
  return {
    see: (news) => {
      if (news.kind === 'interrupted') {
        lost.add(news.source);
        if (lost.size > 1) return undefined;
        since = now();
        return `the API server does not answer: ${news.reason}`;
      }
      if (!lost.delete(news.source) || lost.size > 0) return undefined;
      return `the API server answers again, after ${Math.round((now().getTime() - since.getTime()) / 1000)} s`;
    },
    reminder: () =>
      lost.size === 0
        ? undefined
        : `the API server has not answered since ${toClock(since)}: what is shown may be old`,
  };
}
