import type { Binding, BindingStatus, Claim } from '../api/binding.ts';
import type { Output } from '../api/cluster-spiffe-id.ts';
import type { NewOutput } from '../api/new-output.ts';
import type { Waiting } from '../api/outcome.ts';

/** What one binding needs next. A write is aimed at the object exactly as the collect read it. */
export type Decision = Converged | Waiting | Write | DryRun;

/** The binding is as it should be. */
export interface Converged {
  readonly kind: 'converged';
}

/** Nothing is to be written. */
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
  /** Changes only the resourceVersion of an output, so that an older PUT cannot land any more. */
  | { readonly kind: 'fence-output'; readonly output: Output }
  | {
      readonly kind: 'patch-finalizers';
      readonly binding: Binding;
      readonly finalizers: readonly string[];
      /** The announcement to write next, if the patch is carried out. */
      readonly announce: BindingStatus | undefined;
    }
  | {
      readonly kind: 'write-status';
      readonly binding: Binding;
      readonly status: BindingStatus;
      /** Set if this is all for now: the run ends for this binding, and the binding is asked for again. */
      readonly waiting: Waiting | undefined;
    };

/** A write of one kind. */
export type WriteOf<K extends Write['kind']> = Extract<Write, { kind: K }>;

/** The status to write after a write of an output. It lacks the uid of the output, which only the answer has. */
export interface Confirmation {
  readonly status: Omit<BindingStatus, 'claim'>;
  readonly claim: Omit<Extract<Claim, { kind: 'owning' }>, 'uid'>;
}

/** Asks the API server, without writing, whether it would take an output that it refused before. */
export interface DryRun {
  readonly kind: 'dry-run';
  readonly output: NewOutput;
  readonly binding: Binding;
}
