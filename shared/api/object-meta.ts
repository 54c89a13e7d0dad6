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
 * Metadata of an object in a namespace that kleym does not write back whole. kleym decides nothing by its labels,
 * annotations and finalizers, and a tenant can make them large, so lists do not keep them.
 */
export const NamespacedMeta = ObjectMeta.omit({ labels: true, annotations: true, finalizers: true }).extend({
  namespace: z.string(),
});

/** A kind, as the API server addresses it. The core group has no name. */
export interface Resource {
  readonly group: string;
  readonly version: string;
  readonly kind: string;
  readonly plural: string;
}

/** The `apiVersion` of a resource. */
export function toApiVersion(resource: Resource): string {
  return resource.group === '' ? resource.version : `${resource.group}/${resource.version}`;
}
