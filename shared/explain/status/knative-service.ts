import { z } from 'zod';
import type { Resource } from '../../api/object-meta.ts';

export const serviceResource = {
  group: 'serving.knative.dev',
  version: 'v1',
  kind: 'Service',
  plural: 'services',
} as const satisfies Resource;

/** By this label everything of kleym is found. */
export const partOfKleym = 'app.kubernetes.io/part-of=kleym';

/** A condition as Kubernetes writes it. */
const PlainCondition = z.object({
  type: z.string(),
  status: z.string(),
  reason: z.string().optional(),
  message: z.string().optional(),
});

/** A function as Knative serves it. */
export const KnativeService = z.object({
  metadata: z.object({ name: z.string(), namespace: z.string() }),
  spec: z
    .object({
      template: z.object({
        spec: z.object({ containers: z.array(z.object({ image: z.string().optional() })) }),
      }),
    })
    .optional()
    .catch(undefined),
  status: z
    .object({ conditions: z.array(PlainCondition).optional() })
    .optional()
    .catch(undefined),
});
export type KnativeService = z.infer<typeof KnativeService>;

/** Whether Knative says that a function can take requests. */
export function isServiceReady({ status }: KnativeService): boolean {
  return status?.conditions?.some(({ type, status: is }) => type === 'Ready' && is === 'True') ?? false;
}
