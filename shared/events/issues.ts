import type { z } from 'zod';

const most = 3;

/** Where data is not what its schema says: the first few places, on one line. */
export function toIssues(error: z.ZodError): string {
  const issues = error.issues.map(({ path, message }) => `${['data', ...path].join('.')}: ${message}`);
  return issues.slice(0, most).join('; ');
}
