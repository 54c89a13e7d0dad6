import { z } from 'zod';
import { type Outcome, done, refused } from '../api/outcome.ts';

const PoolRef = z.object({
  name: z.string().trim().min(1),
  group: z.string().trim().optional(),
  kind: z.enum(['InferencePool', '']).optional(),
  namespace: z.string().trim().optional(),
});
export type PoolRef = z.infer<typeof PoolRef>;

/** What an objective says about its pool; its CRD may be one that checks nothing. */
export function parsePoolRef(value: unknown): Outcome<PoolRef> {
  const parsed = PoolRef.safeParse(value);
  if (parsed.success) return done(parsed.data);
  const issue = parsed.error.issues[0];
  const where = ['poolRef', ...(issue?.path ?? [])].join('.');
  return refused(
    'InvalidRef',
    'InvalidObjectiveRef',
    `${where} is not usable: expected the name of an InferencePool in the same namespace`,
  );
}
