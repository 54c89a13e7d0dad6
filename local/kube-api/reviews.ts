import type { Json, JsonObject } from './json.ts';
import { isJsonObject } from './json.ts';

/** A resource that is only asked, never stored. */
export interface Review {
  readonly group: string;
  readonly version: string;
  readonly plural: string;
  readonly singular: string;
  readonly kind: string;
  readonly answer: (spec: JsonObject) => JsonObject;
}

function review(group: string, kind: string, answer: Review['answer']): Review {
  const singular = kind.toLowerCase();
  return { group, version: 'v1', plural: `${singular}s`, singular, kind, answer };
}

/** There is no authorization here: whoever reaches the port may do everything, and these say so. */
export const reviews: readonly Review[] = [
  review('authorization.k8s.io', 'SelfSubjectAccessReview', () => ({
    allowed: true,
    reason: 'the embedded cluster has no authorization',
  })),
  review('authentication.k8s.io', 'SelfSubjectReview', () => ({
    userInfo: { username: 'embedded-cluster', groups: ['system:masters', 'system:authenticated'] },
  })),
];

/** The answer to a review: what was asked, and the verdict as its status. */
export function answerReview({ group, version, kind, answer }: Review, body: Json): JsonObject {
  const spec = isJsonObject(body) && isJsonObject(body['spec']) ? body['spec'] : {};
  return { kind, apiVersion: `${group}/${version}`, metadata: {}, spec, status: answer(spec) };
}
