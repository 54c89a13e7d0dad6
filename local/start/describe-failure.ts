/** What kept the command from starting, in one line. */
export function describeFailure(error: unknown): string {
  const port = findTakenPort(error);
  if (port !== undefined) return `port ${port} is taken: choose another with --port`;
  return error instanceof Error ? error.message : String(error);
}

/** Each server has its own words for it; the system's error is the cause of all of them. */
function findTakenPort(error: unknown): number | undefined {
  if (!(error instanceof Error)) return undefined;
  const { code, port } = error as NodeJS.ErrnoException & { readonly port?: number };
  return code === 'EADDRINUSE' ? port : findTakenPort(error.cause);
}
