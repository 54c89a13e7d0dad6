/** For what must not happen in a test. */
export function throwError(error: unknown): never {
  throw error;
}
