import type { Refused } from '../api/outcome.ts';

/**
 * What a run remembers of its own writes for one binding, from one collect to the next. Answers change it, and decisions
 * read it. It dies with the run.
 */
export interface RunState {
  /**
   * The POST that this run announced and has not sent, and until when it may, by the clock of the run. `epoch`: what time it
   * was for the API server when that clock showed 0, and rather too early.
   */
  unsentPost?: { readonly nonce: string; readonly sendBy: number; readonly epoch: number };
  /** A nonce whose POST cannot land any more: it was answered, its output was seen, or it was too late to send it. */
  endedNonce?: string;
  /** The content, by its digest, that the API server refused. */
  rejectedOutput?: { readonly digest: string; readonly refused: Refused };
  /** The content, by its digest, that a dry run says the API server would take. */
  acceptedOutput?: string;
  /** The output, by its uid, that could not be deleted, and the answer of the API server as a status may quote it. */
  undeletedOutput?: { readonly uid: string; readonly words: string };
  /** The answer of the API server, as a status may quote it, when it refused to write the binding's finalizers. */
  finalizerRejected?: string;
}
