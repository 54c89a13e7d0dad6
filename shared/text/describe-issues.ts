import type { z } from 'zod';
import { shorten } from './shorten.ts';

// Three are enough. A path contains keys of the data, and a key may be as long as the data.
const most = 3;
const longestPath = 100;
const longestMessage = 200;

/** Says where data differs from its schema: the first few places, on one line, at most 1 kB. */
export function describeIssues({ issues }: Pick<z.ZodError, 'issues'>, root?: string): string {
  return issues
    .slice(0, most)
    .map(({ path, message }) => {
      const place = [...(root === undefined ? [] : [root]), ...path].join('.');
      return [shorten(place, longestPath), shorten(message, longestMessage)].filter(Boolean).join(': ');
    })
    .join('; ');
}
