import { UncertainError } from '../api/uncertain-error.ts';
import type { Found } from './cluster.ts';

/**
 * Whether an object is there. Only `absent` proves that it is not. Where its CRD is not installed nothing is known, and
 * `throwUnserved` says so.
 */
export function isPresent<T extends object>(found: Found<T>, throwUnserved: () => never): found is T {
  if (found === 'unserved') return throwUnserved();
  return found !== 'absent';
}

/** Without our own CRD nothing is known, and nothing may be concluded from it. */
export function throwBindingsUnserved(): never {
  throw new UncertainError('the InferenceIdentityBinding CRD is not installed');
}

/** The objects of this CRD were listed a moment ago. */
export function throwDefinitionRemoved(): never {
  throw new UncertainError('a CRD was removed while its objects were read');
}
