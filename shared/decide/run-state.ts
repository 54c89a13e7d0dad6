import type { Refused } from '../api/outcome.ts';

/**
 * What a run remembers of its own writes for one binding, from one collect to the next. Answers change it, and decisions
 * read it. It dies with the run.
 */
export interface RunState {
  /** The POST that this run announced, by its nonce. It may be sent until then, by the clock of the run. */
  unsentPost?: { readonly nonce: string; readonly sendBy: number };
  /** A nonce whose POST cannot land any more: it was answered, its output was seen, or it was too late to send it. */
  endedNonce?: string;
  /** The content, by its digest, that the API server refused. */
  rejectedOutput?: { readonly digest: string; readonly refused: Refused };
  /** The content, by its digest, that a dry run of this run was allowed to write. */
  acceptedOutput?: string;
  /** The output, by its uid, that could not be deleted, and so much of what the API server said as a status may quote. */
  undeletedOutput?: { readonly uid: string; readonly words: string };
  /** So much of what the API server said when it refused to write the binding's finalizers. */
  finalizerRejected?: string;
}
