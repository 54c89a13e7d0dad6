import type { Binding, BindingStatus, Claim } from '../api/binding.ts';
import type { Output } from '../api/cluster-spiffe-id.ts';
import type { NewOutput } from '../api/new-output.ts';
import type { Waiting } from '../api/outcome.ts';

/** What one binding needs next. A write is aimed at the object exactly as it was collected. */
export type Decision = Converged | Waiting | Write | DryRun;

/** Nothing to write. */
export interface Converged {
  readonly kind: 'converged';
}

/** The one decision that nothing is to be written. */
export const converged: Converged = { kind: 'converged' };

/** One write. */
export type Write =
  | {
      readonly kind: 'delete-output';
      readonly output: Output;
      /** The binding that it names. */
      readonly owner: string;
    }
  | {
      readonly kind: 'create-output';
      readonly output: NewOutput;
      readonly binding: Binding;
      readonly nonce: string;
      readonly confirm: Confirmation;
    }
  | {
      readonly kind: 'replace-output';
      readonly output: Output;
      readonly wanted: NewOutput;
      readonly binding: Binding;
      readonly confirm: Confirmation;
    }
  /** Changes nothing of an output but its resourceVersion, so that a PUT on its way cannot land any more. */
  | { readonly kind: 'fence-output'; readonly output: Output }
  | {
      readonly kind: 'patch-finalizers';
      readonly binding: Binding;
      readonly finalizers: readonly string[];
      /** The announcement that may follow at once. */
      readonly announce: BindingStatus | undefined;
    }
  | {
      readonly kind: 'write-status';
      readonly binding: Binding;
      readonly status: BindingStatus;
      /** Where this is all for now: the run ends for this binding, and is asked for again. */
      readonly waiting: Waiting | undefined;
    };

/** A write of one kind. */
export type WriteOf<K extends Write['kind']> = Extract<Write, { kind: K }>;

/** The status that follows a write of an output. It lacks the uid of that output, which the API server gives. */
export interface Confirmation {
  readonly status: Omit<BindingStatus, 'claim'>;
  readonly claim: Omit<Extract<Claim, { kind: 'owning' }>, 'uid'>;
}

/** Asks the API server whether it would take an output now that it refused before; nothing is written. */
export interface DryRun {
  readonly kind: 'dry-run';
  readonly output: NewOutput;
  readonly binding: Binding;
}
