import { UncertainError } from '../api/uncertain-error.ts';
import type { Found } from './cluster.ts';

/** Whether an object is there. Only `absent` proves that it is not; what a missing CRD means, the caller says. */
export function isThere<T extends object>(found: Found<T>, unserved: () => never): found is T {
  if (found === 'unserved') return unserved();
  return found !== 'absent';
}

/** Without our own CRD nothing is known, and nothing may be concluded from it. */
export function noBindings(): never {
  throw new UncertainError('the InferenceIdentityBinding CRD is not installed');
}

/** Its list was served a moment ago. */
export function changing(): never {
  throw new UncertainError('a CRD was removed while its objects were read');
}
