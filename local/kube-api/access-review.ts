import type { JsonObject } from './json.ts';

/** What `kubectl auth can-i` asks for: a resource that is only asked, never stored. */
export const accessReview = {
  group: 'authorization.k8s.io',
  version: 'v1',
  plural: 'selfsubjectaccessreviews',
  singular: 'selfsubjectaccessreview',
  kind: 'SelfSubjectAccessReview',
} as const;

/**
 * The answer to every access review: there is no authorization here, so whoever reaches the port may do everything.
 * What was asked makes no difference, so nobody reads it.
 */
export const reviewedAccess: JsonObject = {
  kind: accessReview.kind,
  apiVersion: `${accessReview.group}/${accessReview.version}`,
  metadata: {},
  spec: {},
  status: { allowed: true, reason: 'the embedded cluster has no authorization' },
};
