import { bindingResource } from '../api/binding.ts';
import type { FailureCondition } from '../api/condition-types.ts';

/** An object that a finding is about. */
export interface ObjectRef {
  readonly name?: string | undefined;
  readonly namespace?: string | undefined;
  readonly group?: string | undefined;
  readonly version?: string | undefined;
  readonly kind?: string | undefined;
}

/** One thing that was found, in the shape that scripts rely on. */
export interface Finding {
  readonly id: string;
  readonly severity: 'info' | 'warning' | 'error';
  readonly reason: string;
  readonly message: string;
  readonly affectedRefs: readonly ObjectRef[];
}

/** What a finding is called that a condition would make. */
export const findingIds = {
  Conflict: 'kleym-collision',
  InvalidRef: 'invalid-ref',
  UnsafeSelector: 'unsafe-selector',
  RenderFailure: 'render-failure',
} as const satisfies Record<FailureCondition, string>;

/** A binding as findings name it. */
export function toBindingRef(namespace: string, name: string): ObjectRef {
  const { group, version, kind } = bindingResource;
  return { namespace, name, group, version, kind };
}
