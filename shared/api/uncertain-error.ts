/** The API server was asked and it is not known what became of it: look again later, never assume. */
export class UncertainError extends Error {
  override name = 'UncertainError';
}

/**
 * The write did not leave in its time, and will not: nothing can land of it. A kind of uncertainty, because whoever does
 * not look at the difference must wait and look again all the same.
 */
export class NotSentError extends UncertainError {
  override name = 'NotSentError';
}
