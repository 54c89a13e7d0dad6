/** The API server was asked and it is not known what became of it: look again later, never assume. */
export class UncertainError extends Error {
  override name = 'UncertainError';
}
