import type { Binding } from './binding.ts';

/** A Kubernetes Event about a binding; its name is derived from what it tells, so that it is told once. */
export interface Announcement {
  readonly name: string;
  readonly binding: Binding;
  readonly type: 'Normal' | 'Warning';
  readonly reason: string;
  readonly message: string;
}
