import { z } from 'zod';
import { StringList, StringMap } from './strings.ts';

/** The parts of Kubernetes metadata that kleym reads; everything else is left alone. */
export const ObjectMeta = z.object({
  name: z.string(),
  namespace: z.string().optional(),
  uid: z.string(),
  resourceVersion: z.string(),
  generation: z.int().optional(),
  deletionTimestamp: z.string().optional(),
  finalizers: StringList.optional(),
  labels: StringMap.optional(),
  annotations: StringMap.optional(),
});
export type ObjectMeta = z.infer<typeof ObjectMeta>;

/**
 * The same for an object that lives in a namespace, which kleym reads and does not write back whole. Nothing is decided by
 * labels, annotations and finalizers of these, and a tenant can make them large: they are left out, so that a list does not
 * hold them.
 */
export const NamespacedMeta = ObjectMeta.omit({ labels: true, annotations: true, finalizers: true }).extend({
  namespace: z.string(),
});

/** A kind of object, as the API server addresses it. */
export interface Resource {
  readonly group: string;
  readonly version: string;
  readonly kind: string;
  readonly plural: string;
}

/** The `apiVersion` of a resource. */
export function toApiVersion(resource: Resource): string {
  return `${resource.group}/${resource.version}`;
}
