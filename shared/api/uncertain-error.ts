/** The result of a call to the API server is not known: look again later, and assume nothing. */
export class UncertainError extends Error {
  override name = 'UncertainError';
}

/**
 * The write did not leave in time and will not, so nothing can land. It is a kind of UncertainError, because the caller
 * must look again in any case.
 */
export class NotSentError extends UncertainError {
  override name = 'NotSentError';
}
