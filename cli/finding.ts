import { bindingResource } from '../shared/api/binding.ts';
import type { FailureCondition } from '../shared/api/condition-types.ts';

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

/** How the program ends: well, with findings, with nothing found, not able to look, or by a bug. */
export type ExitCode = 0 | 2 | 3 | 4 | 5;

/** How a look ends that found these things. */
export function toExitCode(findings: readonly Pick<Finding, 'severity'>[], isStrict = false): 0 | 2 {
  const isBad = findings.some(({ severity }) => severity === 'error' || (isStrict && severity === 'warning'));
  return isBad ? 2 : 0;
}

/** A binding as findings name it. */
export function toBindingRef(namespace: string, name: string): ObjectRef {
  const { group, version, kind } = bindingResource;
  return { namespace, name, group, version, kind };
}
