import { z } from 'zod';
import { type Outcome, done, refused } from '../api/outcome.ts';

const PoolRef = z.object(
  {
    name: z
      .string({ error: 'expected the name of an InferencePool' })
      .trim()
      .min(1, { error: 'expected the name of an InferencePool' }),
    group: z.string({ error: 'expected an API group, or none' }).trim().optional(),
    kind: z.enum(['InferencePool', ''], { error: 'expected InferencePool, or none' }).optional(),
    namespace: z.string({ error: 'expected the namespace of the objective, or none' }).trim().optional(),
  },
  { error: 'expected the name of an InferencePool in the same namespace' },
);
export type PoolRef = z.infer<typeof PoolRef>;

/** What an objective says about its pool; its CRD may be one that checks nothing. */
export function parsePoolRef(value: unknown): Outcome<PoolRef> {
  const parsed = PoolRef.safeParse(value);
  if (parsed.success) return done(parsed.data);
  const [issue] = parsed.error.issues;
  const where = ['poolRef', ...(issue?.path ?? [])].join('.');
  return refused('InvalidRef', 'InvalidObjectiveRef', `${where} is not usable: ${issue?.message}`);
}
