import type { Binding } from './binding.ts';

/** A Kubernetes Event about a binding. Its name follows from what it says, so that it is written once. */
export interface EventRecord {
  readonly name: string;
  readonly binding: Binding;
  readonly type: 'Normal' | 'Warning';
  readonly reason: string;
  readonly message: string;
}
