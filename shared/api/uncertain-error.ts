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

/** We lack the permission to ask for this. Who reports what can be seen goes on without it. */
export class ForbiddenError extends UncertainError {
  override name = 'ForbiddenError';
  readonly method: string;
  readonly path: string;

  constructor(message: string, { method, path }: { readonly method: string; readonly path: string }) {
    super(message);
    this.method = method;
    this.path = path;
  }
}
