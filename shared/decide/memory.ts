import type { Refused } from '../api/outcome.ts';

/** What a run remembers of its own writes for one binding, from one collect to the next. It dies with the run. */
export interface Memory {
  /** The nonce that this run announced, whose POST it has not sent. */
  readonly unsent?: { readonly nonce: string; readonly fresh: boolean };
  /** The nonce of a POST that was answered, or whose output was seen: it cannot land any more. */
  readonly dead?: string;
  /** The content, by its digest, that the API server refused. */
  readonly refusal?: { readonly digest: string; readonly refused: Refused };
  /** The content, by its digest, that the API server would take. */
  readonly accepted?: string;
  /** The output, by its uid, that could not be deleted, and so much of what the API server said as a status may quote. */
  readonly kept?: { readonly uid: string; readonly words: string };
  /** So much of what the API server said when it refused to write the binding's finalizers. */
  readonly barred?: string;
}
